"""The DIP side of ``grouper codebooks import``: a catalogue, the official workbook, scores."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import typer

from codebooks.dip.importers.importing import import_dip
from codebooks.dip.importers.options import ALL, ANY, REFUSED, DipOptions
from codebooks.errors import GrouperError
from codebooks.findings import Finding, Severity
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codebooks.book import SchemeBook
    from codebooks.importers.options import ImportOptions
    from codebooks.importers.report import ImportResult


def dip_options(
    card: ImportOptions,
    *,
    scores: Path | None,
    base: str | None,
    columns: Sequence[str],
    settings: Sequence[str],
    sheet: str | None,
    city_mean: str | None,
    score_base: int,
    tolerance: str,
    comma: str,
) -> DipOptions:
    """The options of the command line.

    Args:
        card: what the new scheme's card says.
        scores: a score table beside the official workbook.
        base: id of the scheme whose score table the file is.
        columns: ``FIELD=HEADER``.
        settings: ``NAME=VALUE``.
        sheet: name of the sheet.
        city_mean: yuan.
        score_base: points.
        tolerance: points.
        comma: ``any``, ``all`` or ``none``.

    Raises:
        typer.BadParameter: a value that cannot be read.
    """
    if comma not in (ANY, ALL, REFUSED):
        raise typer.BadParameter(text("cli_import.bad_comma", None, found=comma))
    mean = _decimal("--city-mean", city_mean) if city_mean is not None else None
    if mean == 0:
        raise typer.BadParameter(text("cli_import.bad_number", None, name="--city-mean", found=0))
    return DipOptions(
        card=card,
        settings=_pairs("--option", settings),
        scores=scores,
        **({"base": base} if base else {}),
        columns=_pairs("--column", columns),
        sheet=sheet,
        city_mean=mean,
        score_base=score_base,
        tolerance=_decimal("--tolerance", tolerance),
        comma=comma,
    )


def read_dip(path: Path, options: DipOptions, *, as_scores: bool) -> ImportResult:
    """Read a DIP file and check its card's options as the engine reads them.

    Raises:
        CodebookError: as :func:`codebooks.dip.importers.importing.import_dip`.
    """
    return import_dip(path, options, _check, as_scores=as_scores)


def _check(book: SchemeBook) -> list[Finding]:
    # Only an import needs the engine; the other commands start without it.
    from grouper.schemes.dip.policy import policy_of  # noqa: PLC0415

    sections = set(book.tables["groups"].column("section").to_pylist())
    try:
        policy_of(book.card, sections)
    except GrouperError as error:
        return [Finding("DIP_CARD_OPTION", Severity.ERROR, error.where, error.params)]
    return []


def _pairs(name: str, given: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for pair in given:
        key, sign, value = pair.partition("=")
        if not (sign and key.strip() and value.strip()):
            raise typer.BadParameter(text("cli_import.bad_pair", None, name=name, found=pair))
        pairs[key.strip()] = value.strip()
    return pairs


def _decimal(name: str, found: str) -> Decimal:
    try:
        value = Decimal(found)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise typer.BadParameter(text("cli_import.bad_number", None, name=name, found=found))
    return value
