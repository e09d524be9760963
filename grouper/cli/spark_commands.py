"""The commands on Apache Spark, loaded only when one is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import typer

NAME = "spark"


def add_spark(app: typer.Typer, arguments: Sequence[str]) -> None:
    """Add the group ``spark`` to an app: where its arguments ask for it, or for the list."""
    asked = next((word for word in arguments if not word.startswith("-")), None)
    if asked in {None, NAME}:
        below = import_module("grouper.cli.spark").app
        app.add_typer(below, name=NAME, help=text("spark_cli.group", language()))
