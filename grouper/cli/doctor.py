"""``grouper doctor``: looks at everything the service needs and says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from grouper.cli.language import Language  # noqa: TC001 -- Typer reads the annotations
from grouper.service.doctor import Level, examine

if TYPE_CHECKING:
    from grouper.service.doctor import Finding

EXIT_WARNING, EXIT_FAULT = 1, 2
"""Exit status: something is to be looked at; something does not work."""


def doctor_command(
    lang: Annotated[
        Language | None, typer.Option("--lang", help=text("cli.lang", language()))
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=text("cli.json", language()))] = False,
) -> None:
    """Examine, tell, and end with a status that a script can read."""
    found = []
    for one in examine():
        found.append(one)
        if not as_json:
            typer.echo("\n".join(_lines(one, lang)))
    if as_json:
        told = [
            {"check": one.check, "level": one.level, "code": one.code, "said": _said(one, lang)}
            | ({"advice": advice} if (advice := _advice(one, lang)) else {})
            for one in found
        ]
        typer.echo(json.dumps(told, ensure_ascii=False, indent=1))
    levels = {one.level for one in found}
    if not as_json:
        count = sum(one.level in {Level.WARNING, Level.FAULT} for one in found)
        typer.echo(text("doctor.end" if count else "doctor.end_well", lang, count=count))
    if Level.FAULT in levels:
        raise typer.Exit(EXIT_FAULT)
    if Level.WARNING in levels:
        raise typer.Exit(EXIT_WARNING)


def _lines(one: Finding, lang: str | None) -> list[str]:
    level = text(f"doctor.level.{one.level}", lang)
    check = text(f"doctor.check.{one.check}", lang)
    lines = [text("doctor.line", lang, level=level, check=check, said=_said(one, lang))]
    if advice := _advice(one, lang):
        lines.append(text("doctor.advice", lang, advice=advice))
    return lines


def _said(one: Finding, lang: str | None) -> str:
    if one.error is not None:
        return text(f"error.{one.error.code}", lang, **one.error.params)
    return text(f"doctor.said.{one.code}", lang, **one.params)


def _advice(one: Finding, lang: str | None) -> str:
    """What to do; empty where nothing is."""
    if one.error is not None:
        return text(f"hint.{one.error.code}", lang, **one.error.params)
    if one.level is Level.GOOD:
        return ""
    return text(f"doctor.do.{one.code}", lang, **one.params)
