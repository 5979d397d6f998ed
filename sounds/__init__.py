"""Prompts, one folder a language: read as package data."""
