"""The templates of the generated contexts, read with importlib.resources."""
