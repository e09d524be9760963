"""``python -m grouper``: the same as the command."""

from grouper.cli.main import main

main()
