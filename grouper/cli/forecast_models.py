"""``grouper forecast models|card|approve|rollback|verify|remove``: the models that are kept."""

from __future__ import annotations

import getpass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.errors import GrouperError
from codebooks.messages import language, text
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import LangOption, print_json, print_table, speak
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import approvals as listing
from grouper.forecast.registry import card_pages, choosing, keeping
from grouper.forecast.registry.card_words import NOTHING, headline, local, words_of
from grouper.forecast.registry.places import DEFAULT
from grouper.run.destinations import writing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grouper.forecast.registry.card import Card

EXIT_ERROR = 2


class Format(StrEnum):
    """How a list is told."""

    TEXT = "text"
    JSON = "json"


class CardFormat(StrEnum):
    """How a card is told."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def say(key: str, **params: object) -> str:
    """A text of these commands in the language of the process."""
    return text(f"forecast_models.{key}", language(), **params)


Name = Annotated[str, typer.Option("--model", metavar="NAME", help=say("name"))]
Id = Annotated[str, typer.Argument(metavar="ID", help=say("id_needed"))]
By = Annotated[str | None, typer.Option("--by", help=say("by"))]
Why = Annotated[str, typer.Option("--why", help=say("why"))]
FormatOption = Annotated[Format, typer.Option("--format", help=say("format"))]


def models_command(
    name: Annotated[str | None, typer.Option("--model", metavar="NAME", help=say("name"))] = None,
    format_: FormatOption = Format.TEXT,
    lang: LangOption = None,
) -> None:
    """List the models, the newest of each name first."""
    speak(lang)
    wanted = keeping.names() if name is None else [name]
    found = [_listed(one, model) for one in wanted for model in keeping.ids(one)]
    if format_ is Format.JSON:
        print_json(found)
        return
    if not found:
        typer.echo(say("none"))
        return
    heads = ("name", "id", "state", "trained", "stays", "until", "cost", "base", "size")
    rows = [[str(one[head]) for head in heads] for one in found]
    print_table([say(f"head.{head}") for head in heads], rows)


def card_command(
    model: Annotated[str | None, typer.Argument(metavar="[ID]", help=say("id"))] = None,
    name: Name = DEFAULT,
    format_: Annotated[CardFormat, typer.Option("--format", help=say("format"))] = CardFormat.TEXT,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))] = None,
    lang: LangOption = None,
) -> None:
    """Show the card of a model."""
    speak(lang)
    card = keeping.card_of(name, model or _in_use(name))
    told = told_card(card, format_)
    if output is None:
        typer.echo(readable(told), nl=False)
        return
    with writing(output):
        output.write_text(told, "utf-8")
    typer.echo(readable(say("written", file=output.name)))


def approve_command(
    model: Id, name: Name = DEFAULT, by: By = None, why: Why = "", lang: LangOption = None
) -> None:
    """Put a model into use, after every check."""
    speak(lang)
    choosing.approve(name, model, by=by or user(), why=why, read=_reader())
    typer.echo(say("approved", name=name, id=model))


def rollback_command(
    name: Name = DEFAULT, by: By = None, why: Why = "", lang: LangOption = None
) -> None:
    """Go back to the model that was approved before."""
    speak(lang)
    found = choosing.rollback(name, by=by or user(), why=why, read=_reader())
    typer.echo(say("rolled_back", name=name, id=found.id))


def verify_command(
    model: Annotated[str | None, typer.Argument(metavar="[ID]", help=say("ids"))] = None,
    name: Name = DEFAULT,
    lang: LangOption = None,
) -> None:
    """Check the files of models against their cards; exit status 2 if something is wrong."""
    speak(lang)
    wanted = [model] if model else keeping.ids(name)
    if not wanted:
        typer.echo(say("none"))
    wrong = [one for one in wanted if not _verified(name, one)]
    if wrong:
        raise typer.Exit(EXIT_ERROR)


def remove_command(model: Id, name: Name = DEFAULT, lang: LangOption = None) -> None:
    """Remove a model that is not in use."""
    speak(lang)
    keeping.remove(name, model)
    typer.echo(say("removed", id=model))


def told_card(card: Card, format_: CardFormat) -> str:
    """A card in a format, in the language of the process; it ends with a line's end."""
    given = listing.approvals(card.name)
    if format_ is CardFormat.JSON:
        return card.raw().decode()
    words = words_of(card, given)
    if format_ is CardFormat.MARKDOWN:
        return card_pages.markdown(words)
    if format_ is CardFormat.HTML:
        return card_pages.page(words, language())
    return "\n".join(card_pages.lines(words)) + "\n"


def _listed(name: str, model: str) -> dict[str, Any]:
    """A line of the list; a model that cannot be used stands there with its error."""
    found: dict[str, Any] = {"name": name, "id": model, "state": ""}
    found |= dict.fromkeys(("trained", "stays", "until", "cost", "base", "size"), NOTHING)
    try:
        card = keeping.card_of(name, model)
        held = listing.current(name)
    except GrouperError as error:
        return found | {"state": say("broken", code=error.code)}
    if held is not None and held.id == model:
        found["state"] = say("in_use")
    return found | {"trained": local(card.trained_at), "size": card.size} | headline(card)


def _verified(name: str, model: str) -> bool:
    try:
        card, wrong = keeping.check(name, model)
    except GrouperError as error:
        wrong = [error]
    if wrong:
        typer.echo(say("wrong", name=name, id=model))
        for one in wrong:
            typer.echo(readable(f"  {one.describe()}"))
        return False
    size = f"{card.size:,}"
    typer.echo(say("whole", name=name, id=model, count=len(card.files), size=size))
    return True


def _in_use(name: str) -> str:
    held = listing.current(name)
    if held is None:
        raise ForecastError("FORECAST_NO_MODEL", name=name)
    return held.id


def user() -> str:
    """Who sits at the command line; a dash where the machine does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return NOTHING


def _reader() -> Callable[[Mapping[str, bytes], str], object]:
    """What makes a forecaster of files; it is slow to load."""
    from grouper.forecast.forecaster import Forecaster  # noqa: PLC0415 -- only for approvals

    return Forecaster.read
