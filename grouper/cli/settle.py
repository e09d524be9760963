"""``grouper settle``: the settlement of a month or of a year."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import print_json
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.language import Language
from grouper.cli.service_commands import service_parts
from grouper.payment.settlement.changes import PointChange, read_point
from grouper.payment.settlement.deductions import read_entries
from grouper.payment.settlement.document import document
from grouper.payment.settlement.errors import SettlementError
from grouper.payment.settlement.files import Sheet, write_result
from grouper.payment.settlement.month import read_month, settle_month
from grouper.payment.settlement.periods import the_month
from grouper.payment.settlement.reading import read_priced
from grouper.payment.settlement.tables import sheets
from grouper.payment.settlement.telling import lines
from grouper.payment.settlement.year import settle_year
from grouper.payment.tally import noted
from grouper.run.destinations import check_destinations

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    import pyarrow as pa

    from grouper.payment.settlement.result import Settlement


_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_MEANT = re.compile(r"\d{4}[-/.年]?\d{1,2}月?")
"""A word that is meant as a month and may be none."""
_KINDS = ("inpatient", "outpatient", "long_stay")


class Format(StrEnum):
    """How a result is shown."""

    TEXT = "text"
    JSON = "json"


def say(key: str) -> str:
    """A help text of the commands of settlement."""
    return text(f"settle_cli.{key}", language())


Files = Annotated[list[Path], typer.Argument(metavar="FILES...", help=say("files"))]
Words = Annotated[
    list[Path] | None, typer.Argument(metavar="[MONTH] [FILES...]", help=say("month_or_files"))
]
RegionOption = Annotated[str, typer.Option("--region", help=say("region"))]
FormatOption = Annotated[Format, typer.Option("--format", help=say("format"))]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))]
LangOption = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]
MonthOption = Annotated[str | None, typer.Option("--month", help=say("month"))]


def settle_command(
    words: Words = None,
    month: MonthOption = None,
    year: Annotated[int | None, typer.Option("--year", help=say("year"))] = None,
    region: RegionOption = NATIONAL,
    deductions: Annotated[Path | None, typer.Option(help=say("deductions"))] = None,
    advances: Annotated[Path | None, typer.Option(help=say("advances"))] = None,
    point_value: Annotated[
        list[str] | None, typer.Option("--point-value", help=say("final_point_value"))
    ] = None,
    hospital: Annotated[str | None, typer.Option("--hospital", help=say("hospital"))] = None,
    explain: Annotated[bool, typer.Option("--explain", help=say("explain"))] = False,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Settle a month, or with ``--year`` a year.

    The month may stand before the files; a folder stands for the files of cases in it. Without
    files the month's stays are those of the service's store.
    """
    month, files = asked_for(words or [], month)
    for word in (month, *(one.name for one in files if not one.exists())):
        if word is not None and (word == month or _MEANT.fullmatch(word)):
            read_month(word)
    place = registry().region(region).id
    taken = read_entries(deductions) if deductions else ()
    given = read_entries(advances) if advances else ()
    changes = [read_point(one) for one in point_value or ()]
    if year is None and (changes or advances):
        raise SettlementError("SETTLE_OPTION")
    if files:
        heard: list[pa.Table] = []
        table = read_priced(files, region=place, whole=False, heard=heard.append)
        for line in noted(heard, lang):
            typer.echo(line, err=True)
    else:
        place, table = _of_the_store(month, year, place)
    if year is None:
        found = settle_month(
            table,
            region=place,
            month=month or the_month(table),
            at_hand=policies(),
            deductions=taken,
            hospital=hospital,
        )
    else:
        found = settle_year(
            table,
            region=place,
            year=year,
            at_hand=policies(),
            point_values=_final(changes),
            deductions=taken,
            advances=given,
            hospital=hospital,
        )
    _tell(found, files, format_, output, lang, explain=explain)
    if not found.sums.cases:
        raise typer.Exit(EXIT_EMPTY)


def asked_for(words: Sequence[Path], month: str | None) -> tuple[str | None, list[Path]]:
    """The month and the files that a command was given.

    Args:
        words: files, folders, and perhaps a month such as ``2026-11`` before them.
        month: of the option.

    Returns:
        The month, and the files; of a folder those of the year up to the month, where its files are
        called by their months.

    Raises:
        SettlementError: ``SETTLE_FOLDER_EMPTY``: a folder without files of cases.
    """
    found = list(words)
    if found and month is None and not found[0].exists() and _MONTH.fullmatch(str(found[0])):
        month = str(found.pop(0))
    files: list[Path] = []
    for one in found:
        inside = [one]
        if one.is_dir():
            below = sorted(path for kind in _KINDS for path in (one / kind).glob("*.parquet"))
            below = below or sorted(one.glob("*.parquet"))
            if not below:
                raise SettlementError("SETTLE_FOLDER_EMPTY", Where(file=one.name))
            # With the months of the year before it, so that what a patient paid in them counts.
            inside = [path for path in below if _of_year(path.stem, month)] or below
        files += inside
    return month, files


def _of_year(name: str, month: str | None) -> bool:
    if month is None:
        return True
    return bool(_MONTH.fullmatch(name)) and month[:4] == name[:4] and name <= month


def _of_the_store(month: str | None, year: int | None, region: str) -> tuple[str, pa.Table]:
    if month is None or year is not None:
        raise SettlementError("SETTLE_FILES_NEEDED")
    load_settings, connect, priced_month = service_parts()
    settings = load_settings()
    database = connect(settings.url)
    try:
        place = settings.region if region == NATIONAL else region
        return place, priced_month(database, month, region=place)
    finally:
        database.close()


def _final(changes: Sequence[PointChange]) -> dict[tuple[str | None, str | None], Decimal]:
    """Final point values by method and insurance; one without an insurance is of both."""
    found: dict[tuple[str | None, str | None], Decimal] = {}
    for one in changes:
        if one.method is None:
            raise SettlementError("SIMULATE_POINT", found=f"{one.value:f}")
        insurances = ("employee", "resident", None) if one.insurance is None else (one.insurance,)
        found |= {(one.method, insurance): one.value for insurance in insurances}
    return found


def _tell(
    found: Settlement,
    sources: Sequence[Path],
    format_: Format,
    output: Path | None,
    lang: str | None,
    *,
    explain: bool,
) -> None:
    told = document(found, lang)
    tell(told, lines(told, explain=explain), sheets(told), sources, format_, output)


def tell(
    told: dict[str, Any],
    words: Sequence[str],
    tables: Sequence[Sheet],
    sources: Sequence[Path],
    format_: Format,
    output: Path | None,
) -> None:
    """Print a result, or write it to a file as its ending says.

    Raises:
        OutputError: the file cannot be written as asked.
    """
    if output is not None:
        for source in sources:
            check_destinations(source, [output])
        write_result(output, told, words, tables)
    if format_ is Format.JSON:
        print_json(told)
        return
    for line in words:
        # A file name may hold bytes that are no text.
        typer.echo(readable(line))
    if output is not None:
        typer.echo(readable(text("settle_cli.written", told["language"], file=output.name)))
