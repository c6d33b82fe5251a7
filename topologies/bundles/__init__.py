"""Store, carry, forward: contacts as bundles are routed over them."""
