"""What crosses the sky: probes, path proofs, UDP and TCP load, run inside nodes by one process."""
