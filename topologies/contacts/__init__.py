"""Who can be linked to whom and when: visibility, access policies, outages."""
