"""The ``grouper`` command."""
