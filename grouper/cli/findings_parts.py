"""What the commands of the review share: who sits there, the asker, days, amounts and words."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import catalogue, language, text
from grouper.audit.review.deadlines import end_of
from grouper.audit.review.errors import ReviewError
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli.language import Language
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Sequence

_ACTOR = 64


def say(key: str) -> str:
    """A help text of the commands of the review."""
    return text(f"findings_help.{key}", language())


Formatted = Annotated[Format, typer.Option("--format", help=say("format"))]
Lang = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]
Number = Annotated[int, typer.Argument(min=1, metavar="NUMBER", help=say("number"))]
Book = Annotated[str | None, typer.Option("--book", help=say("book"))]


def actor() -> str:
    """Who sits at the command line, as the log names it."""
    try:
        return f"command line: {getpass.getuser()}"[:_ACTOR]
    except (KeyError, OSError, ImportError):
        return "command line"


def asker() -> Any:  # noqa: ANN401 -- of a module that is loaded when it is asked for
    """Who asks: whoever may use the command line sees and does everything with findings."""
    right = service_module("service.access.principal").Right
    held = frozenset({right.FINDINGS, right.ANSWER, right.REVIEW})
    return service_module("service.findings").Asker(actor(), held, None)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def day_of(written: str) -> date:
    """A local day ``YYYY-MM-DD``.

    Raises:
        ReviewError: ``REVIEW_DAY``.
    """
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ReviewError("REVIEW_DAY", found=written[:20]) from None


def until_of(written: str | None) -> datetime | None:
    """The end of a local day that is given, as a deadline.

    Raises:
        ReviewError: ``REVIEW_DAY``.
    """
    if written is None:
        return None
    try:
        return end_of(day_of(written))
    except OverflowError:
        raise ReviewError("REVIEW_DAY", found=written[:20]) from None


def yuan_of(written: str | None) -> Decimal | None:
    """An amount in yuan.

    Raises:
        ReviewError: ``AMOUNT_INVALID``.
    """
    if written is None:
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        raise ReviewError("AMOUNT_INVALID") from None


def word(part: str, name: str, lang: str | None) -> str:
    """A state, action … in words; one without words as it stands."""
    key = f"review.{part}.{name}"
    return text(key, lang) if key in catalogue(lang or language()) else name


def local(at: datetime | None) -> str:
    """A time on a screen; empty: none."""
    return "" if at is None else at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")


def told(lines: Sequence[str]) -> None:
    """Print lines; what people wrote in them is harmless on a screen."""
    for line in lines:
        typer.echo(readable(line))
