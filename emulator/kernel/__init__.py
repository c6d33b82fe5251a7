"""What is said to a kernel and what it says: namespaces, netlink, forwarding tables, packet taps."""
