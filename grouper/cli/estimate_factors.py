"""``grouper codebooks estimate-factors``: auxiliary factors of DIP out of a file of cases."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- the command reads its annotations
from pathlib import Path  # noqa: TC003 -- as above
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from codebooks.errors import GrouperError
from codebooks.factor_reading import FACTOR_COLUMNS
from codebooks.forms import GROUP_TABLE
from codebooks.messages import text
from codebooks.registry import registry
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import JsonOption, LangOption, print_json, speak
from grouper.run.batches import group_cases
from grouper.run.choose import Chooser
from grouper.run.destinations import check_destinations, part_of, whole
from grouper.schemes.columns import texts_of
from grouper.schemes.dip.auxiliary_tables import AuxiliaryTables
from grouper.schemes.dip.estimate import FactorEstimate, settings, write_factors

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from grouper.case.readers import Source

EXIT_EMPTY = 1
"""Exit status when no factor rests on enough cases."""
_DAY = ["%Y-%m-%d"]
_FAMILY = "dip"


def _say(key: str, **params: object) -> str:
    return text(f"cli_factors.{key}", None, **params)


def estimate_factors_command(
    *,
    source: Annotated[Path, typer.Argument(metavar="CASES", help=_say("cases"))],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=_say("output"))],
    scheme: Annotated[str, typer.Option("--scheme", help=_say("scheme"))],
    valid_from: Annotated[
        datetime, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
    ],
    valid_to: Annotated[
        datetime | None, typer.Option("--valid-to", formats=_DAY, help=_say("valid_to"))
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help=_say("region"))] = None,
    min_cases: Annotated[
        int | None, typer.Option("--min-cases", min=1, help=_say("min_cases"))
    ] = None,
    places: Annotated[
        int | None, typer.Option("--places", min=0, max=6, help=_say("places"))
    ] = None,
    pooled: Annotated[bool, typer.Option("--pooled", help=_say("pooled"))] = False,
    origin: Annotated[str | None, typer.Option("--source", help=_say("source"))] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Estimate factors and write them as ``tables/dip_factors.csv`` has them.

    Raises:
        GrouperError: ``FACTOR_FAMILY`` for a scheme of another family, ``FACTOR_PERIOD`` for an
            end that is not after the start, or as the reading and writing of files.
    """
    speak(lang)
    card = registry().card(scheme)
    if card.family != _FAMILY:
        raise GrouperError("FACTOR_FAMILY", scheme=scheme, family=card.family)
    if valid_to is not None and valid_to <= valid_from:
        raise GrouperError("FACTOR_PERIOD", found=valid_to.date().isoformat())
    place = registry().region(region or card.region).id
    cases = open_source(source)
    check_destinations(source, [output])
    estimate = estimate_of(cases, scheme)
    factors = estimate.factors(min_cases=min_cases, places=places, pooled=pooled)
    fewest = min_cases or settings()["min_cases"]
    with whole([output]), part_of(output).open("w", encoding="utf-8", newline="") as file:
        write_factors(
            factors,
            file,
            region=place,
            scheme=scheme,
            valid_from=valid_from.date(),
            valid_to=valid_to.date() if valid_to else None,
            source=origin or _say("origin", cases=estimate.used, fewest=fewest),
        )
    left = estimate.left
    figures = {
        "factors": len(factors),
        "used": estimate.used,
        "no_group": left.group,
        "no_cost": left.cost,
        "no_day": left.day,
    }
    if as_json:
        print_json({"columns": list(FACTOR_COLUMNS), "min_cases": fewest, **figures})
    else:
        typer.echo(readable(_say("done", file=output, fewest=fewest, **figures)))
    if not factors:
        raise typer.Exit(EXIT_EMPTY)


def estimate_of(cases: Source, scheme: str) -> FactorEstimate:
    """Group a file's cases and sum up their costs."""
    book = registry().book(scheme)
    table, column = GROUP_TABLE[book.card.family]
    groups = tuple(dict.fromkeys(book.tables[table].column(column).to_pylist()))
    estimate = FactorEstimate(AuxiliaryTables(book.card), groups)
    chooser = Chooser(scheme)
    for batch in cases.batches():
        grouped = group_cases(batch.cases, batch.issues, batch.first_row, chooser)
        estimate.add(batch.cases, places_of(grouped.results.column("group"), groups))
    return estimate


def places_of(column: pa.Array, groups: tuple[str, ...]) -> NDArray[np.int64]:
    """The place of each case's group among ``groups``, -1 for none of them."""
    place = {group: number for number, group in enumerate(groups)}
    words, at = texts_of(column)
    # The last one answers for a case without a group.
    found = np.array([*(place.get(word, -1) for word in words), -1], np.int64)
    return found[at]
