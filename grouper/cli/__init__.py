"""The ``grouper`` command."""

from grouper.cli.main import main

__all__ = ["main"]
