"""One run, or many: from outside the lane, and inside it."""
