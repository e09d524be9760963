"""``make demo``: all parts at work.

The bundled month under DRG and DIP, a day of visits under APG, a day of messages, and the
demonstration hospital's month settled and audited.
"""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.compare.document import document
from grouper.compare.run import MOVERS, compare
from grouper.compare.sides import AUTO, side_of
from grouper.compare.words import summary
from grouper.demo.audit import show as show_audit
from grouper.demo.forecast import show as show_forecast
from grouper.demo.hospital_month import show as show_month
from grouper.demo.service import show as show_service
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from grouper.run.summary import Summary
    from grouper.schemes.trace import Trace

SHOWN_ROW = 24
"""The discharge whose trace is shown, under DRG and under DIP."""
SHOWN_VISIT = 1
"""The visit whose trace is shown."""
DIP = "dip-3.0"
VISITS_REGION = "jinhua"
OUT = Path("out")


def main() -> None:
    """Group everything into ``out/``, show one case of each kind, end with the summaries."""
    OUT.mkdir(exist_ok=True)
    with as_file(files("grouper.demo")) as bundled:
        month, visits = bundled / "month.csv", bundled / "visits.jsonl"
        typer.echo(text("demo.title", None, file=month.name))
        by_drg, by_dip = Chooser(), Chooser(DIP)
        done = [
            ("demo.drg", run(open_source(month), OUT / "month.grouped.csv", by_drg)),
            ("demo.dip", run(open_source(month), OUT / "month.dip.csv", by_dip)),
        ]
        at_home = Chooser(region=VISITS_REGION)
        parts = OUT / "visits.parts.csv"
        grouped = run(open_source(visits), OUT / "visits.grouped.csv", at_home, parts=parts)
        done.append(("demo.visits", grouped))
        _show("demo.trace", _trace(month, SHOWN_ROW, by_drg), SHOWN_ROW, "trace.html")
        _show("demo.trace_dip", _trace(month, SHOWN_ROW, by_dip), SHOWN_ROW, "trace.dip.html")
        _show("demo.trace_visit", _trace(visits, SHOWN_VISIT, at_home), SHOWN_VISIT, "visit.html")
        _compare(month)
    for key, found in done:
        _sum_up(key, found)
    show_service(OUT / "service")
    show_forecast(OUT)
    show_month(OUT)
    show_audit(OUT)


def _trace(source: Path, row: int, chooser: Chooser) -> Trace:
    """The trace of one record under the scheme that the chooser gives it."""
    batch = next(open_source(source).batches())
    case = Case.from_batch(batch.cases, row - 1)
    binding = chooser.binding(case)
    scheme = chooser.scheme or (binding.scheme if binding else None)
    if scheme is None:
        raise SystemExit(1)
    trace = load_scheme(scheme).group(case).trace
    trace.binding = binding
    return trace


def _show(key: str, trace: Trace, row: int, page: str) -> None:
    typer.echo("\n" + text(key, None, row=row) + "\n")
    typer.echo(trace.text())
    path = OUT / page
    path.write_text(trace.html(), "utf-8")
    typer.echo(text("demo.page", None, file=str(path)))


def _compare(month: Path) -> None:
    """What the scheme that binds each case and the national DIP do with the same month."""
    report = OUT / "compare.html"
    sides = side_of(AUTO, registry().region("national").id), side_of(DIP, "national")
    found = compare(open_source(month), sides, reports=[report])
    typer.echo("\n" + text("demo.compare", None, file=str(report)))
    for line in summary(document(found, MOVERS), language()):
        typer.echo(line)


def _sum_up(key: str, found: Summary) -> None:
    typer.echo("\n" + text(key))
    for line in found.lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
