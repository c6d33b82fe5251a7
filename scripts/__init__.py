"""The doors: the `skybed` command, installing, building the kernel, examining the machine."""
