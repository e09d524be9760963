"""``grouper inbox put``: messages of files, put into the inbox without a running service."""

from __future__ import annotations

import getpass
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import catalogue, language, text
from grouper.intake.envelope import Verdict
from grouper.intake.forms import form as form_of
from grouper.intake.pieces import WINDOW, WINDOW_BYTES, enveloped, file_identity, pieces
from grouper.service.settings import load_settings
from grouper.service.setup import configure_forms
from grouper.store.database import Database, StoreError, connect
from grouper.store.inbox import Inbox
from grouper.store.migrate import pending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.intake.envelope import Envelope, Receipt
    from grouper.intake.forms import Form
    from grouper.service.settings import Settings

EXIT_NOT_ALL = 1
"""Exit status when a message was not answered AA, or a file was not put."""
_SHOWN = 100
_UNREADABLE, _EMPTY = "unreadable", "empty"


def _help(key: str) -> str:
    return text(f"inbox_put.{key}", language())


def _say(key: str, **params: object) -> None:
    typer.echo(text(f"inbox_put.{key}", None, **params))


@dataclass(slots=True)
class _Told:
    """What is told at the end. Files are told by their places: names may be those of patients."""

    files: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    duplicates: int = 0
    numbers: list[int] = field(default_factory=list)
    bad: list[tuple[int, int, Receipt]] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)

    def add(self, file: int, number: int, receipt: Receipt) -> None:
        """Take down one message."""
        self.verdicts[receipt.verdict] += 1
        self.duplicates += receipt.duplicate
        if receipt.message_id is not None and not receipt.duplicate:
            self.numbers.append(receipt.message_id)
        if receipt.verdict is not Verdict.ACCEPTED:
            self.bad.append((file, number, receipt))

    @property
    def good(self) -> bool:
        return not self.bad and not self.faults


def put_command(
    files: Annotated[list[Path], typer.Argument(help=_help("files"), exists=True, dir_okay=False)],
    form: Annotated[str, typer.Option("--form", help=_help("form"))],
) -> None:
    """Put files into the inbox."""
    settings = load_settings()
    configure_forms(settings)
    reader = form_of(form)
    told = _Told()
    with _opened(settings) as database:
        inbox = Inbox(database)
        try:
            for place, path in enumerate(files, 1):
                _put(inbox, reader, path, place, told)
        finally:
            # Also when the database fails half-way: what is stored is stored.
            _tell(told)
    if not told.good:
        raise typer.Exit(EXIT_NOT_ALL)


@contextmanager
def _opened(settings: Settings) -> Iterator[Database]:
    database = connect(settings.url)
    try:
        if missing := pending(database):
            raise StoreError("STORE_OLD", steps=len(missing))
        yield database
    finally:
        database.close()


def _put(inbox: Inbox, form: Form, path: Path, place: int, told: _Told) -> None:
    try:
        raw = path.read_bytes()
    except OSError:
        told.faults.append((place, _UNREADABLE))
        return
    if not raw:
        told.faults.append((place, _EMPTY))
        return
    parts = pieces(form, raw)
    name, channel = os.fsencode(path.name), _channel()
    number = 0
    while number < len(parts):
        window = _window(form, parts, name, number)
        for receipt in inbox.put_many([(envelope, channel) for envelope in window]):
            number += 1
            told.add(place, number, receipt)
    told.files += 1


def _window(form: Form, parts: Sequence[bytes], name: bytes, start: int) -> list[Envelope]:
    """The envelopes of the next messages of a file, as many as go into one transaction."""
    found: list[Envelope] = []
    size = 0
    for number in range(start, min(start + WINDOW, len(parts))):
        part = parts[number]
        found.append(enveloped(form, part, partial(file_identity, name, part, number)))
        size += len(part)
        if size >= WINDOW_BYTES:
            break
    return found


def _channel() -> str:
    try:
        return f"put:{getpass.getuser()}"
    except (KeyError, OSError):
        return "put"


def _tell(told: _Told) -> None:
    for place, why in told.faults:
        _say(why, file=place)
    for place, number, receipt in told.bad[:_SHOWN]:
        what, hint = (_words(kind, receipt.reason) for kind in ("reason", "advice"))
        said = {"message": receipt.message_id, "verdict": receipt.verdict, "code": receipt.reason}
        _say("line", file=place, number=number, what=what, hint=hint, **said)
    if len(told.bad) > _SHOWN:
        _say("more", count=len(told.bad) - _SHOWN)
    _say("files_done", files=told.files, messages=told.verdicts.total())
    for verdict in Verdict:
        meaning = text(f"inbox_put.meaning.{verdict}")
        _say("verdict", verdict=verdict, count=told.verdicts[verdict], meaning=meaning)
    if told.duplicates:
        _say("duplicates", count=told.duplicates)
    if told.numbers:
        _say("numbers", numbers=_ranges(told.numbers))
        _say("later")


def _words(kind: str, code: str) -> str:
    key = f"{kind}.{code}"
    return text(key) if key in catalogue(language()) else code


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers that rise, as ``3, 7-12``."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in found)
