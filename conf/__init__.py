"""What is installed beside the daemon, read with importlib.resources: the config as shipped."""
