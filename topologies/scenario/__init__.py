"""From files to checked scenarios and campaigns."""
