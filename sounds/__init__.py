"""The prompts, a folder per language, read with importlib.resources."""
