"""What sends probes, answers them, and notes what became of each."""
