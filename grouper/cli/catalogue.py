"""``grouper catalogue``: catalogues of drugs, services and materials, grey codes and the mapping."""

from __future__ import annotations

import csv
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.catalogues.catalogue import Catalogue, Catalogues
from codebooks.catalogues.forms import KINDS
from codebooks.catalogues.importer import (
    CatalogueOptions,
    Draft,
    check_installed,
    install_catalogue,
    read_catalogue,
)
from codebooks.errors import CodebookError
from codebooks.messages import language, text
from grouper.case.dates import LOCAL
from grouper.case.readers.text_input import readable
from grouper.cli import catalogue_show
from grouper.cli.codebooks_render import JsonOption, LangOption, print_json, speak
from grouper.run.destinations import check_destinations, part_of, whole, writing

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_REFUSED = 2
_DAY = ["%Y-%m-%d"]
_SHOWN = 40


def _say(key: str) -> str:
    """A help text."""
    return text(f"catalogue_cli.{key}", language())


app = typer.Typer(no_args_is_help=True, help=_say("help"))

Kind = Annotated[str, typer.Argument(metavar="KIND", help=_say("kind"))]
ValidFrom = Annotated[
    datetime | None, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
]
OnDay = Annotated[datetime | None, typer.Option("--on", formats=_DAY, help=_say("on"))]
Changes = Annotated[bool, typer.Option("--changes", help=_say("changes"))]
SheetName = Annotated[str | None, typer.Option("--sheet", help=_say("sheet"))]
Columns = Annotated[list[str] | None, typer.Option("--column", help=_say("column"))]
Level = Annotated[str | None, typer.Option("--level", help=_say("level"))]
LeftOut = Annotated[Path | None, typer.Option("--left-out", help=_say("left_out"))]


@app.command("import", help=_say("import"))
def import_command(
    *,
    kind: Kind,
    path: Annotated[Path, typer.Argument(metavar="FILE", help=_say("file"))],
    valid_from: Annotated[
        datetime, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
    ],
    changes: Changes = False,
    source: Annotated[str | None, typer.Option("--source", help=_say("source"))] = None,
    sheet: SheetName = None,
    column: Columns = None,
    level: Level = None,
    left_out: LeftOut = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_say("dry_run"))] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Import a catalogue file; exit status 2 when it is refused."""
    speak(lang)
    options = CatalogueOptions(
        valid_from=valid_from.date(),
        whole=not changes,
        source=source,
        sheet=sheet,
        columns=_columns(column or ()),
        level=level,
    )
    draft = _read(kind, path, options, left_out)
    if draft.new is not None and not dry_run:
        install_catalogue(draft)
    _told(draft, installed=not dry_run, as_json=as_json)


@app.command("check", help=_say("check"))
def check_command(
    *,
    kind: Annotated[str | None, typer.Argument(metavar="[KIND]", help=_say("kind"))] = None,
    path: Annotated[Path | None, typer.Argument(metavar="[FILE]", help=_say("file"))] = None,
    valid_from: ValidFrom = None,
    changes: Changes = False,
    sheet: SheetName = None,
    column: Columns = None,
    level: Level = None,
    left_out: LeftOut = None,
    on: OnDay = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Check a file without installing it, or the installed mapping against the catalogues."""
    speak(lang)
    if kind is not None and path is not None:
        options = CatalogueOptions(
            valid_from=_day(valid_from),
            whole=not changes,
            sheet=sheet,
            columns=_columns(column or ()),
            level=level,
        )
        _told(_read(kind, path, options, left_out), installed=False, as_json=as_json)
        return
    if kind is not None:
        raise CodebookError("CATALOGUE_CHECK_FILE", found=kind[:_SHOWN])
    report = check_installed(_day(on), level)
    if as_json:
        print_json(report.to_json())
    else:
        typer.echo(readable(report.to_text()), nl=False)


@app.command("list", help=_say("list"))
def list_command(on: OnDay = None, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """List the installed catalogues."""
    speak(lang)
    catalogue_show.print_list(Catalogues(), _day(on), as_json=as_json)


@app.command("show", help=_say("show"))
def show_command(
    kind: Kind,
    words: Annotated[list[str], typer.Argument(metavar="CODE|WORDS", help=_say("words"))],
    on: OnDay = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help=_say("limit"))] = 20,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show the rows of a code, with their days, or search by name."""
    speak(lang)
    day = on.date() if on else None
    catalogue_show.print_rows(_catalogue(kind), words, day, limit, as_json=as_json)


@app.command("history", help=_say("history"))
def history_command(kind: Kind, as_json: JsonOption = False, lang: LangOption = None) -> None:
    """List the imports of a catalogue."""
    speak(lang)
    catalogue_show.print_history(_catalogue(kind), as_json=as_json)


@app.command("diff", help=_say("diff"))
def diff_command(
    kind: Kind,
    old: Annotated[datetime, typer.Argument(metavar="DAY1", formats=_DAY, help=_say("old"))],
    new: Annotated[datetime, typer.Argument(metavar="DAY2", formats=_DAY, help=_say("new"))],
    every: Annotated[bool, typer.Option("--all", help=_say("all"))] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say what changed in a catalogue from one day to another."""
    speak(lang)
    one = _catalogue(kind)
    catalogue_show.print_diff(one, old.date(), new.date(), every=every, as_json=as_json)


def _catalogue(kind: str) -> Catalogue:
    if kind not in KINDS:
        raise CodebookError("CATALOGUE_KIND", found=kind[:_SHOWN], known=", ".join(KINDS))
    found = Catalogue(kind)
    if not found:
        raise CodebookError("CATALOGUE_NONE", kind=kind)
    return found


def _day(asked: datetime | None) -> date:
    return asked.date() if asked else datetime.now(LOCAL).date()


def _columns(given: Sequence[str]) -> dict[str, str]:
    found = {}
    for one in given:
        field, sign, label = one.partition("=")
        if not sign or not field.strip() or not label.strip():
            raise CodebookError("CATALOGUE_COLUMN", found=one[:_SHOWN])
        found[field.strip()] = label.strip()
    return found


def _read(kind: str, path: Path, options: CatalogueOptions, left_out: Path | None) -> Draft:
    """A file read and checked; what was left out goes to a file of its own where one is named."""
    if left_out is not None:
        check_destinations(path, [left_out])
    draft = read_catalogue(kind, path, options)
    if left_out is not None:
        _write_left_out(draft, left_out)
    return draft


def _write_left_out(draft: Draft, path: Path) -> None:
    table = draft.read.left_out
    with (
        whole([path]),
        writing(path),
        part_of(path).open("w", newline="", encoding="utf-8-sig") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(table.column_names)
        writer.writerows(
            [readable(value) if isinstance(value, str) else value for value in row.values()]
            for row in table.to_pylist()
        )


def _told(draft: Draft, *, installed: bool, as_json: bool) -> None:
    done = installed and draft.new is not None
    if as_json:
        print_json({**draft.report.to_json(), "installed": done})
    else:
        typer.echo(draft.report.to_text(), nl=False)
        if draft.new is not None:
            key = "installed" if done else "dry_run"
            told = {"number": draft.new.number, "day": draft.new.valid_from}
            typer.echo(text(f"catalogue.{key}", None, **told))
    if draft.new is None:
        raise typer.Exit(EXIT_REFUSED)
