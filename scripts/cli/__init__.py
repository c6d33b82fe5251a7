"""The skybed command."""
