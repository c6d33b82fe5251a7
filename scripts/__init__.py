"""The doors: the skybed command, the Python interface, the pytest plugin, the benchmark."""
