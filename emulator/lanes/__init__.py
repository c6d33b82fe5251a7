"""Where a network runs: in this machine's kernel, or in one that is a process."""
