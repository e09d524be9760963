"""``grouper settings``: an example of the file, and what holds here."""

from __future__ import annotations

from typing import Annotated

import typer

from codebooks.messages import language, text
from grouper.cli.language import Language
from grouper.service import settings_reference
from grouper.service.settings import load_settings

app = typer.Typer(no_args_is_help=True, help=text("settings.command", language()))
_Lang = Annotated[Language | None, typer.Option("--lang", help=text("cli.lang", language()))]


@app.command("example", help=text("settings.example", language()))
def example_command(lang: _Lang = None) -> None:
    """Print a settings file in which everything is a comment."""
    typer.echo(settings_reference.example(lang or language()), nl=False)


@app.command("show", help=text("settings.show", language()))
def show_command(lang: _Lang = None) -> None:
    """Print what holds here."""
    for name, value, changed in settings_reference.effective(load_settings(), lang or language()):
        typer.echo(f"{'*' if changed else ' '} {name} = {value}")
