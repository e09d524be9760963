"""``grouper codebooks import``: an official file in, a report out, the book installed."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- the command reads its annotations
from pathlib import Path  # noqa: TC003 -- as above
from typing import TYPE_CHECKING, Annotated

import typer

from codebooks.apg.detect import looks_like_apg
from codebooks.apg.importer import import_apg
from codebooks.dip.importers.detect import looks_like_dip
from codebooks.dip.importers.importing import remember_columns
from codebooks.importers.folder import import_folder
from codebooks.importers.install import check_free, install
from codebooks.importers.options import AUTO, ImportOptions
from codebooks.importers.workbook import import_workbook
from codebooks.messages import text
from grouper.cli.codebooks_import_dip import dip_options, read_dip
from grouper.cli.codebooks_render import JsonOption, LangOption, print_json, speak

if TYPE_CHECKING:
    from codebooks.importers.report import ImportResult

_REFUSED = 2
DRG, DIP, APG = "drg", "dip", "apg"
_DAY = ["%Y-%m-%d"]


def _say(key: str) -> str:
    return text(f"cli_import.{key}")


def import_command(
    *,
    path: Annotated[Path, typer.Argument(metavar="PATH", help=_say("path"))],
    scheme: Annotated[str | None, typer.Option("--id", help=_say("id"))] = None,
    region: Annotated[str | None, typer.Option("--region", help=_say("region"))] = None,
    valid_from: Annotated[
        datetime | None, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
    ] = None,
    valid_to: Annotated[
        datetime | None, typer.Option("--valid-to", formats=_DAY, help=_say("valid_to"))
    ] = None,
    newborn_weight: Annotated[
        str | None, typer.Option("--newborn-weight", help=_say("newborn_weight"))
    ] = None,
    supplements: Annotated[bool, typer.Option("--supplements", help=_say("supplements"))] = False,
    lists_from: Annotated[str, typer.Option("--lists-from", help=_say("lists_from"))] = AUTO,
    source: Annotated[str | None, typer.Option("--source", help=_say("source"))] = None,
    family: Annotated[str | None, typer.Option("--family", help=_say("family"))] = None,
    scores: Annotated[Path | None, typer.Option("--scores", help=_say("scores"))] = None,
    base: Annotated[str | None, typer.Option("--base", help=_say("base"))] = None,
    column: Annotated[list[str] | None, typer.Option("--column", help=_say("column"))] = None,
    option: Annotated[list[str] | None, typer.Option("--option", help=_say("option"))] = None,
    sheet: Annotated[str | None, typer.Option("--sheet", help=_say("sheet"))] = None,
    city_mean: Annotated[str | None, typer.Option("--city-mean", help=_say("city_mean"))] = None,
    score_base: Annotated[int, typer.Option("--score-base", min=1, help=_say("score_base"))] = 1000,
    tolerance: Annotated[str, typer.Option("--tolerance", help=_say("tolerance"))] = "0.01",
    comma: Annotated[str, typer.Option("--comma", help=_say("comma"))] = "none",
    replace: Annotated[bool, typer.Option("--replace", help=_say("replace"))] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=_say("dry_run"))] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Import an official workbook or a folder of tables; exit status 2 when it is refused."""
    speak(lang)
    options = ImportOptions(
        id=scheme,
        region=region,
        valid_from=valid_from.date() if valid_from else None,
        valid_to=valid_to.date() if valid_to else None,
        newborn_weight=newborn_weight,
        source=source,
        supplements=supplements,
        lists_from=lists_from,
    )
    if scheme is not None and not dry_run:
        # An id that is taken is known before the file is read.
        check_free(scheme, replace=replace)
    dip = None
    of_family = _family(path, family, base)
    if of_family == DIP:
        dip = dip_options(
            options,
            scores=scores,
            base=base,
            columns=column or (),
            settings=option or (),
            sheet=sheet,
            city_mean=city_mean,
            score_base=score_base,
            tolerance=tolerance,
            comma=comma,
        )
    if of_family == APG:
        result = import_apg(path, options, base)
    elif dip:
        result = read_dip(path, dip, as_scores=base is not None)
    else:
        result = _read(path, options)
    installed = False
    if result.book is not None and not dry_run:
        install(result.book, result.report, replace=replace)
        installed = True
        if dip:
            remember_columns(path, dip)
    if as_json:
        print_json({**result.report.to_json(), "installed": installed})
    else:
        typer.echo(result.report.to_text(), nl=False)
        if result.book is not None:
            card = result.book.card
            key = "installed" if installed else "dry_run"
            typer.echo(text(f"import.{key}", None, id=card.id, valid_from=card.valid_from))
    if result.book is None:
        raise typer.Exit(_REFUSED)


def _family(path: Path, named: str | None, base: str | None) -> str:
    """The family of a file: as named, else APG or DIP where the file or its base shows it."""
    if named not in (None, DRG, DIP, APG):
        raise typer.BadParameter(text("cli_import.bad_family", None, found=named))
    if named is not None:
        return named
    if looks_like_apg(path, base):
        return APG
    return DIP if looks_like_dip(path) else DRG


def _read(path: Path, options: ImportOptions) -> ImportResult:
    # Only an import needs the check of the rules; the other commands start without it.
    from grouper.rules.check import check_book  # noqa: PLC0415

    if path.is_dir():
        return import_folder(path, options, check_book)
    return import_workbook(path, options, check_book)
