"""The Jinja2 templates of the generated contexts: read as package data."""
