"""``grouper policy``: what a region's policy says on a day, whether files of it can be used."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from codebooks.messages import language, text
from grouper.cli import policy_check, policy_diff, policy_list, policy_show
from grouper.cli.codebooks_render import LangOption, speak
from grouper.cli.estimate_points import estimate_points_command
from grouper.cli.policy_words import say

app = typer.Typer(no_args_is_help=True, help=say("help.app"))

_HERE = ZoneInfo("Asia/Shanghai")
_DAY = ["%Y-%m-%d"]
EXIT_ERROR = 2


class Format(StrEnum):
    """How a command answers."""

    TEXT = "text"
    JSON = "json"


Region = Annotated[str, typer.Argument(metavar="REGION", help=say("help.region"))]
FormatOption = Annotated[Format, typer.Option("--format", help=say("help.format"))]


@app.command("show", help=say("help.show"))
def show_command(
    region: Region,
    on: Annotated[
        datetime | None, typer.Option("--on", metavar="DATE", formats=_DAY, help=say("help.on"))
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", help=say("help.topic"))] = None,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Show every parameter that holds in a region on a day."""
    speak(lang)
    day = on.date() if on else datetime.now(_HERE).date()
    policy_show.show(region, day, topic, as_json=format_ is Format.JSON)


@app.command("list", help=say("help.list"))
def list_command(format_: FormatOption = Format.TEXT, lang: LangOption = None) -> None:
    """List regions, methods, periods and topics."""
    speak(lang)
    policy_list.print_list(as_json=format_ is Format.JSON)


@app.command("check", help=say("help.check"))
def check_command(
    folder: Annotated[Path | None, typer.Argument(metavar="[FOLDER]", help=say("help.folder"))] = (
        None
    ),
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Read policy files as they would be read to price; exit status 2 on an error."""
    speak(lang)
    checked = policy_check.checked_at(folder)
    policy_check.print_checked(checked, as_json=format_ is Format.JSON)
    if any(one.error is not None for one in checked):
        raise typer.Exit(EXIT_ERROR)


@app.command("diff", help=say("help.diff"))
def diff_command(
    region: Region,
    old: Annotated[datetime, typer.Argument(metavar="DATE1", formats=_DAY, help=say("help.old"))],
    new: Annotated[datetime, typer.Argument(metavar="DATE2", formats=_DAY, help=say("help.new"))],
    every: Annotated[bool, typer.Option("--all", help=say("help.all"))] = False,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """Say what changed in a region from one day to another."""
    speak(lang)
    policy_diff.diff(region, old.date(), new.date(), every=every, as_json=format_ is Format.JSON)


app.command("estimate", help=text("estimate_points.command", language()))(estimate_points_command)
