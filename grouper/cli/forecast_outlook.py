"""``grouper forecast outlook``: point value, month and year with intervals; and what became of them."""

from __future__ import annotations

import calendar
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.errors import Where
from codebooks.messages import language, text
from codebooks.plain import json_of
from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.cli.language import Language
from grouper.cli.settle import Format, asked_for, tell
from grouper.forecast.errors import ForecastError
from grouper.forecast.outlook.backtest import backtest as tries
from grouper.forecast.outlook.backtest import summed
from grouper.forecast.outlook.document import document
from grouper.forecast.outlook.months import YEAR, month_of
from grouper.forecast.outlook.office import Office
from grouper.forecast.outlook.published import read_published
from grouper.forecast.outlook.running_file import read_running
from grouper.forecast.outlook.score import against, score
from grouper.forecast.outlook.scored_words import (
    scored_document,
    scored_lines,
    scored_sheets,
    tested_document,
    tested_lines,
    tested_sheets,
)
from grouper.forecast.outlook.settings import Settings
from grouper.forecast.outlook.telling import lines, sheets
from grouper.payment.settlement.reading import read_priced
from grouper.payment.tally import noted

if TYPE_CHECKING:
    import pyarrow as pa

    from grouper.forecast.outlook.cases import Part
    from grouper.payment.settlement.priced import Priced


def say(key: str) -> str:
    """A help text of these commands."""
    return text(f"outlook_cli.{key}", language())


RegionOption = Annotated[str, typer.Option("--region", help=say("region"))]
FormatOption = Annotated[Format, typer.Option("--format", help=say("format"))]
OutputOption = Annotated[Path | None, typer.Option("-o", "--output", help=say("output"))]
LangOption = Annotated[Language | None, typer.Option("--lang", help=say("lang"))]


def outlook_command(
    month: Annotated[str, typer.Argument(metavar="MONTH", help=say("month"))],
    files: Annotated[list[Path], typer.Argument(metavar="FOLDER|FILES...", help=say("files"))],
    published: Annotated[Path, typer.Option("--published", help=say("published"))],
    region: RegionOption = NATIONAL,
    running: Annotated[Path | None, typer.Option("--running", help=say("running"))] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help=say("as_of"))] = None,
    draws: Annotated[
        int | None, typer.Option("--draws", min=100, max=20000, help=say("draws"))
    ] = None,
    hospital: Annotated[str | None, typer.Option("--hospital", help=say("hospital"))] = None,
    explain: Annotated[bool, typer.Option("--explain", help=say("explain"))] = False,
    backtest: Annotated[bool, typer.Option("--backtest", help=say("backtest"))] = False,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """The point value, the month and the year as they look on a day, with intervals.

    With ``--backtest`` instead how such outlooks would have done in the months that are over.
    """
    wanted = month_of(month)
    known = None if as_of is None else _day(as_of)
    place = registry().region(region).id
    months = read_published(published)
    settings = Settings.shipped() if draws is None else Settings.shipped().drawing(draws)
    heard: list[pa.Table] = []
    # Of a folder all months are taken, for they are the history.
    _, paths = asked_for(files, None)
    table = read_priced(paths, region=place, whole=False, heard=heard.append)
    for line in noted(heard, lang):
        typer.echo(line, err=True)
    last = date(
        wanted // YEAR, wanted % YEAR + 1, calendar.monthrange(wanted // YEAR, wanted % YEAR + 1)[1]
    )
    office = Office.of(
        table,
        months,
        region=place,
        day=last,
        at_hand=policies(),
        hospital=hospital,
        settings=settings,
    )
    sources = [*paths, published]
    if backtest:
        tested = tested_document(summed(tries(office)), settings.hash, lang or language())
        tell(tested, tested_lines(tested), tested_sheets(tested), sources, format_, output)
        return
    cases = () if running is None else read_running(running, settings, _parts(office.priced))
    told = document(office.look(month, known, cases), lang)
    tell(told, lines(told, explain=explain), sheets(told), sources, format_, output)


def score_outlook_command(
    forecast: Annotated[Path, typer.Argument(metavar="FORECAST", help=say("forecast"))],
    published: Annotated[Path | None, typer.Option("--published", help=say("published"))] = None,
    later: Annotated[Path | None, typer.Option("--later", help=say("later"))] = None,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """What became of a forecast that was written to a file.

    Against the bureau's published months (point values), or against a later outlook of the same
    month, in which the month or the year has closed (all figures).
    """
    if (published is None) == (later is None):
        raise ForecastError("OUTLOOK_SCORE_BY")
    told = _document(forecast)
    if later is not None:
        found = against(told, _document(later))
        sources = [forecast, later]
    else:
        assert published is not None  # noqa: S101 -- one of the two is given
        found = score(told, read_published(published))
        sources = [forecast, published]
    result = scored_document(found, told, lang or language())
    tell(result, scored_lines(result), scored_sheets(result), sources, format_, output)


def _document(path: Path) -> dict[str, Any]:
    where = Where(file=path.name)
    try:
        found = json_of(path.read_text("utf-8"))
    except (OSError, ValueError) as cause:
        raise ForecastError("OUTLOOK_DOCUMENT", where) from cause
    if not isinstance(found, dict):
        raise ForecastError("OUTLOOK_DOCUMENT", where)
    return found


def _day(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise ForecastError("OUTLOOK_DATE", found=written[:20]) from None


def _parts(priced: Priced) -> dict[str, Part]:
    """Method and insurance of cases that are in the table, by their id."""
    names = ("case_id", "method", "insurance")
    columns = [priced.table[name].to_pylist() for name in names]
    return {
        case_id: (method, insurance)
        for case_id, method, insurance in zip(*columns, strict=True)
        if case_id is not None
    }
