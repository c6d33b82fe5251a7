"""The sky made of kernel: Mininet nodes and links, the player, the kernel lanes."""
