"""This machine: what it has, what is installed, the kernel that is built."""
