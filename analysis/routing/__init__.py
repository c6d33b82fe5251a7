"""What routing did and what it cost."""
