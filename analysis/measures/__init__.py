"""What was measured, and what should have been."""
