"""What the sky looks like: scenarios, orbits, contacts, routes, plans. No root, no kernel, no sockets."""
