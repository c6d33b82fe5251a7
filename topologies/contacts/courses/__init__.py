"""What links are capable of over time, beside their delay: where each kind of course gets its steps from."""
