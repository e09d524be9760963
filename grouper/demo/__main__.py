"""``make demo``: group the bundled month and show the summary and one trace."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import typer

from codebooks.messages import text
from codebooks.registry import registry
from grouper.case.readers import open_source
from grouper.case.record import Case
from grouper.run.choose import Chooser
from grouper.run.flow import run
from grouper.schemes.load import load_scheme

SHOWN_ROW = 24
OUT = Path("out")


def main() -> None:
    """Group the month into ``out/`` and print what an officer would look at first."""
    OUT.mkdir(exist_ok=True)
    with as_file(files("grouper.demo") / "month.csv") as month:
        typer.echo(text("demo.title", None, file=month.name))
        summary = run(open_source(month), OUT / "month.grouped.csv", Chooser())
        batch = next(open_source(month).batches())
    case = Case.from_batch(batch.cases, SHOWN_ROW - 1)
    if case.discharge_time is None:
        raise SystemExit(1)
    binding = registry().binding(case.region or "national", case.discharge_time.date())
    trace = load_scheme(binding.scheme).group(case).trace
    trace.binding = binding
    typer.echo("\n" + text("demo.trace", None, row=SHOWN_ROW) + "\n")
    typer.echo(trace.text())
    page = OUT / "trace.html"
    page.write_text(trace.html(), "utf-8")
    typer.echo(text("demo.page", None, file=str(page)) + "\n")
    for line in summary.lines():
        typer.echo(line)


if __name__ == "__main__":
    main()
