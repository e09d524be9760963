"""The charge audit at work: the demonstration hospital's month screened by the national rule book."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import typer

from codebooks.audit.books import audit_book
from codebooks.messages import language, text
from grouper.audit.engine import Context
from grouper.audit.reading import of_month, read_sources
from grouper.audit.screening import screen
from grouper.audit.telling import found_lines
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital_month import MONTH
from grouper.payment.place import Terms, level_of

if TYPE_CHECKING:
    from pathlib import Path


def show(out: Path) -> None:
    """Screen the month and tell what was found by class and rule, and the five dearest whole.

    Args:
        out: the folder of the demonstration; the hospital lies in ``hospital`` in it.
    """
    own = toml("hospital.toml")["hospital"]
    month = date.fromisoformat(f"{MONTH}-01")
    level = level_of(Terms(region=own["region"]).policy(own["region"], month), own["code"])
    sources = read_sources([out / "hospital"], (), month)
    book = audit_book()
    context = Context(levels={} if level is None else {own["code"]: level})
    judged = of_month(sources.cases, month)
    found = screen(sources, book, context=context, judged=judged, region=own["region"])
    audited = found.audited
    typer.echo("\n" + text("demo_audit.title", None, month=MONTH, book=book.names[language()]))
    for line in found_lines(audited.findings, audited.counts, sources.left_out, book, None):
        typer.echo(line)
    rules = {one.rule for one in audited.not_run} | {one.rule for one in found.unasked}
    typer.echo(text("demo_audit.not_run", None, count=len(rules)))
