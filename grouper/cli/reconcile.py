"""``grouper reconcile``: our month beside the bureau's file, and the entries that make them equal."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path  # noqa: TC003 -- Typer reads the annotations
from typing import Annotated

import pyarrow.compute as pc
import typer

from codebooks.messages import text
from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.case.dates import LOCAL
from grouper.cli.settle import (
    Files,
    Format,
    FormatOption,
    LangOption,
    MonthOption,
    OutputOption,
    RegionOption,
    say,
    tell,
)
from grouper.payment.settlement.adjust import adjustments, append, read_book
from grouper.payment.settlement.bureau import read_bureau
from grouper.payment.settlement.month import read_month
from grouper.payment.settlement.periods import last_policy, the_month
from grouper.payment.settlement.priced import Priced
from grouper.payment.settlement.reading import read_priced
from grouper.payment.settlement.reconcile import reconcile
from grouper.payment.settlement.reconciliation_words import (
    reconciliation_document,
    reconciliation_lines,
    reconciliation_sheets,
)
from grouper.run.destinations import check_destinations


def reconcile_command(
    files: Files,
    bureau: Annotated[Path, typer.Option("--bureau", help=say("bureau"), show_default=False)],
    month: MonthOption = None,
    region: RegionOption = NATIONAL,
    book: Annotated[Path | None, typer.Option("--book", help=say("book"))] = None,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Compare a month with the bureau's file."""
    place = registry().region(region).id
    theirs = read_bureau(bureau)
    if book is not None:
        check_destinations(bureau, [book, *([output] if output else [])])
    known = read_book(book) if book is not None else None
    table = read_priced(files, region=place, whole=False)
    when = month or the_month(table)
    year, number = read_month(when)
    priced = Priced.of(table, last_policy(table, place, policies()))
    priced = priced.where(pc.equal(priced.table["month"], year * 100 + number))
    found = reconcile(priced, theirs)
    told = reconciliation_document(found, lang)
    tables = reconciliation_sheets(told)
    tell(told, reconciliation_lines(told), tables, [*files, bureau], format_, output)
    if book is not None and known is not None:
        made = datetime.now(LOCAL)
        added = adjustments(found, known, region=place, month=when, made=made)
        append(book, known, added)
        if format_ is not Format.JSON:
            count = added.num_rows
            typer.echo(text("settle_cli.booked", lang, count=count, file=book.name))
