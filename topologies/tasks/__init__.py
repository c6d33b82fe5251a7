"""What a plan allows tasks: who can be reached when, over what, what is in view, how long one waits."""
