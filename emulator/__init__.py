"""The sky made of kernel: Mininet nodes and links, the player, daemons, the kernel lanes."""
