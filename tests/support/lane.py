"""Of programs that live tests run in a lane."""

MEMORY_MB = 1024  # of a guest
ZERO_NS = 10**18  # run time 0 in virtual time
