"""``grouper mart``: build the mart from a hospital folder or the service's store, and show it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.messages import language, text
from codebooks.registry import registry
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import LangOption  # noqa: TC001 -- Typer reads the annotations
from grouper.cli.forecast_running import opened
from grouper.cli.service_commands import service_module
from grouper.mart.building import build
from grouper.mart.hospital import HospitalFolder
from grouper.mart.mart import Mart
from grouper.mart.slices import Axis, Slice

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from grouper.mart.answers import Figure
    from grouper.mart.building import Built

_DAY = ["%Y-%m-%d"]
_SHOWN = 20
_FIGURES = (
    *("cases", "cmi", "cost", "amount", "surplus", "mean_cost", "mean_days", "cost_index"),
    *("time_index", "high_share", "low_share", "losing_share", "death_share", "ungrouped"),
    "unpriced",
)
"""The figures that are shown, in their order."""


def _say(key: str) -> str:
    """A help text."""
    return text(f"mart_cli.{key}", language())


app = typer.Typer(no_args_is_help=True, help=_say("group"))
FolderOption = Annotated[Path | None, typer.Option("--folder", help=_say("folder"))]
HospitalOption = Annotated[Path | None, typer.Option("--hospital", help=_say("hospital"))]
RegionOption = Annotated[str | None, typer.Option("--region", help=_say("region"))]


@app.command("build", help=_say("build"))
def build_command(
    hospital: HospitalOption = None,
    folder: FolderOption = None,
    region: RegionOption = None,
    anew: Annotated[bool, typer.Option("--anew", help=_say("anew"))] = False,
    lang: LangOption = None,
) -> None:
    """Build or update the mart."""
    if hospital is not None:
        place = registry().region(region or _settings_region()).id
        source = HospitalFolder(hospital, place)
        _tell(build(folder or _mart_folder(), source, anew=anew), lang)
        return
    with opened() as (settings, database):
        stored = service_module("service.mart")
        source = stored.StoredStays(database, registry().region(region or settings.region).id)
        _tell(build(folder or stored.mart_folder(settings), source, anew=anew), lang)


@app.command("show", help=_say("show"))
def show_command(
    folder: FolderOption = None,
    since: Annotated[
        datetime | None, typer.Option("--since", formats=_DAY, help=_say("since"))
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--last", formats=_DAY, help=_say("last"))
    ] = None,
    by: Annotated[Axis | None, typer.Option("--by", help=_say("by"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help=_say("limit"))] = _SHOWN,
    lang: LangOption = None,
) -> None:
    """Show the mart and the main figures of a period."""
    mart = Mart.open(folder or _mart_folder())
    try:
        for line in _shown(mart, since, last, by, limit, lang):
            typer.echo(readable(line))
    finally:
        mart.close()


def _shown(
    mart: Mart,
    since: datetime | None,
    last: datetime | None,
    by: Axis | None,
    limit: int,
    lang: str | None,
) -> list[str]:
    about = mart.about
    if about.first is None or about.last is None:
        return [text("mart_cli.empty", lang)]
    start: date = since.date() if since else about.first
    end: date = last.date() if last else about.last
    cut = Slice(since=start, until=end + timedelta(days=1), reach=None)
    made = about.made.isoformat(timespec="seconds")
    told = {"cases": about.cases, "first": about.first, "last": about.last, "made": made}
    lines = [text("mart_cli.about", lang, **told)]
    headline = mart.headline(cut)
    lines += [_figure(name, getattr(headline, name), lang) for name in _FIGURES]
    if by is not None:
        table = mart.by(cut, by, limit=limit)
        for row in table.to_pylist():
            label = " ".join(part for part in (row["value"] or "-", row["name"]) if part)
            shown = {name: _plain(row[name], lang) for name in ("cmi", "mean_cost", "surplus")}
            lines.append(text("mart_cli.row", lang, label=label, cases=row["cases"], **shown))
    return lines


def _figure(name: str, figure: Figure, lang: str | None) -> str:
    told = {
        "name": text(f"mart_cli.name.{name}", lang),
        "value": _plain(figure.value, lang),
    }
    if figure.low is None:
        return text("mart_cli.figure_plain", lang, **told)
    return text("mart_cli.figure", lang, **told, low=figure.low, high=figure.high)


def _plain(value: Decimal | None, lang: str | None) -> str:
    return text("mart_cli.unknown", lang) if value is None else f"{value}"


def _tell(built: Built, lang: str | None) -> None:
    none = text("mart_cli.none", lang)
    typer.echo(
        text(
            "mart_cli.built",
            lang,
            cases=built.cases,
            months=len(built.months),
            years=", ".join(built.years) or none,
            kept=", ".join(built.kept) or none,
        )
    )


def _mart_folder() -> Path:
    settings = service_module("service.settings").load_settings()
    found: Path = service_module("service.mart").mart_folder(settings)
    return found


def _settings_region() -> str:
    return str(service_module("service.settings").load_settings().region)
