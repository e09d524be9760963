"""``grouper spark``: many years grouped, priced or screened on Apache Spark."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from codebooks.audit.books import NATIONAL as BOOK
from codebooks.audit.books import audit_book
from codebooks.messages import catalogue, language, text
from codebooks.registry import NATIONAL, registry
from grouper.audit.errors import AuditError
from grouper.case.readers.text_input import readable
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.language import Language
from grouper.run.side_by_side import InterruptedRunError
from grouper.spark import flow
from grouper.spark.flow import Runner
from grouper.spark.session import session

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def _say(key: str) -> str:
    return text(f"spark_cli.{key}", language())


app = typer.Typer(no_args_is_help=True, help=_say("group"))

Paths = Annotated[list[Path], typer.Argument(metavar="IN...", help=_say("in"), show_default=False)]
Folder = Annotated[
    Path, typer.Option("-o", "--output", metavar="FOLDER", help=_say("out"), show_default=False)
]
Master = Annotated[str | None, typer.Option("--master", help=_say("master"))]
Scheme = Annotated[str | None, typer.Option("--scheme", help=_say("scheme"))]
Region = Annotated[str, typer.Option("--region", help=_say("region"))]
Lang = Annotated[Language | None, typer.Option("--lang", help=text("cli.lang", language()))]
AsJson = Annotated[bool, typer.Option("--json", help=text("cli.json", language()))]


@app.command("group", help=_say("group_cases"))
def group_command(
    paths: Paths,
    output: Folder,
    scheme: Scheme = None,
    region: Region = NATIONAL,
    master: Master = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Group files of cases."""
    place = _place(scheme, region)
    with _runner(master) as runner:
        found = flow.group_files(runner, paths, output, scheme=scheme, region=place)
    _tell(found, output, "grouped", lang, as_json=as_json)


@app.command("price", help=_say("price_cases"))
def price_command(
    paths: Paths,
    output: Folder,
    scheme: Scheme = None,
    region: Region = NATIONAL,
    master: Master = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Group and price files of cases."""
    place = _place(scheme, region)
    with _runner(master) as runner:
        found = flow.price_files(runner, paths, output, scheme=scheme, region=place)
    _tell(found, output, "priced", lang, as_json=as_json)


@app.command("audit", help=_say("audit_cases"))
def audit_command(
    paths: Paths,
    output: Folder,
    charges: Annotated[list[Path] | None, typer.Option("--charges", help=_say("charges"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=_say("region"))] = None,
    book: Annotated[str, typer.Option("--book", help=_say("book"))] = BOOK,
    rule: Annotated[list[str] | None, typer.Option("--rule", help=_say("rule"))] = None,
    shadow: Annotated[bool, typer.Option("--shadow", help=_say("shadow"))] = False,
    own: Annotated[bool, typer.Option("--own", help=_say("own"))] = False,
    master: Master = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Screen cases and their lines."""
    rules = audit_book(book).rules
    for one in rule or ():
        if one not in rules:
            raise AuditError("AUDIT_UNKNOWN_RULE", book=book, found=one[:40])
    place = None if region is None else registry().region(region).id
    with _runner(master) as runner:
        found = flow.audit_files(
            runner,
            paths,
            output,
            charges=charges or (),
            book=book,
            region=place,
            rules=rule or (),
            shadow=shadow,
            own=own,
        )
    _tell(found, output, "findings", lang, as_json=as_json)


def _place(scheme: str | None, region: str) -> str:
    if scheme is not None:
        registry().card(scheme)
    return registry().region(region).id


@contextmanager
def _runner(master: str | None) -> Iterator[Runner]:
    """A session and a bar of its stages; after an interruption the parts that are done stay."""
    with _bar() as progress:
        try:
            with session(master) as spark:
                yield Runner(spark, progress)
        except KeyboardInterrupt as stop:
            raise InterruptedRunError("SPARK_INTERRUPTED") from stop


@contextmanager
def _bar() -> Iterator[Callable[[str, int, int], None] | None]:
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}

        def progress(stage: str, done: int, of: int) -> None:
            if stage not in tasks:
                tasks[stage] = bar.add_task(_say(f"stage_{stage}"), total=of)
            bar.update(tasks[stage], completed=done)

        yield progress


def _tell(
    found: Mapping[str, Any], folder: Path, stage: str, lang: str | None, *, as_json: bool
) -> None:
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=1))
    else:
        for line in _lines(found, lang):
            typer.echo(readable(line))
        said = text(
            "spark_cli.written", lang, folder=folder.name, stage=stage, parts=found["parts"]
        )
        typer.echo(readable(said))
    if not found["counts"].get("cases"):
        raise typer.Exit(EXIT_EMPTY)


_WORDS = {
    "counts": ("spark_count", "status", "audit_gap"),
    "reasons": ("reason",),
    "rules": (),
    "left_out": ("audit_left",),
    "sums": ("spark_count",),
}
"""By part of the summary: the sections of the catalogue that name what was counted."""


def _lines(found: Mapping[str, Any], lang: str | None) -> Iterator[str]:
    """The counts and sums, one a line; what was not met at all is left out."""
    words = catalogue(lang or language())
    for part, sections in _WORDS.items():
        for name, value in found.get(part, {}).items():
            if not value:
                continue
            said = next((words[k] for one in sections if (k := f"{one}.{name}") in words), None)
            shown = f"{value:,}" if isinstance(value, int) else value
            named = name if said is None or part in {"counts", "sums"} else f"{name} {said}"
            named = said if said is not None and named == name else named
            yield text("spark_cli.line", lang, name=named, value=shown)
    if "amount" in found:
        yield text("spark_cli.amount", lang, value=found["amount"])
