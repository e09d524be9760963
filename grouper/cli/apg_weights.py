"""``grouper codebooks estimate-weights``: weights of an APG scheme out of a file of visits."""

from __future__ import annotations

from collections import Counter
from datetime import datetime  # noqa: TC003 -- the command reads its annotations
from decimal import Decimal
from pathlib import Path  # noqa: TC003 -- as above
from typing import TYPE_CHECKING, Annotated

import numpy as np
import pyarrow as pa
import typer

from codebooks.apg.exporting import write_table
from codebooks.errors import CodebookError, GrouperError
from codebooks.forms.apg import TABLES
from codebooks.messages import text
from codebooks.registry import registry
from grouper.case.issues import Severity
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import JsonOption, LangOption, print_json, speak
from grouper.run.destinations import check_destinations, part_of, whole, writing
from grouper.schemes.apg.estimate import WeightEstimate, fewest_cases
from grouper.schemes.apg.line_columns import CENTS
from grouper.schemes.apg.scheme import ApgScheme
from grouper.schemes.load import load_scheme

if TYPE_CHECKING:
    from grouper.case.readers import CaseBatch, Source
    from grouper.schemes.apg.estimate import WeightRow

EXIT_EMPTY = 1
"""Exit status when no visit counts."""
DEFAULT = "apg-grouper-1.0"
_DAY = ["%Y-%m-%d"]


def _say(key: str, **params: object) -> str:
    return text(f"cli_apg.{key}", None, **params)


def estimate_weights_command(
    *,
    source: Annotated[Path, typer.Argument(metavar="VISITS", help=_say("visits"))],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=_say("output"))],
    scheme: Annotated[str, typer.Option("--scheme", help=_say("scheme"))] = DEFAULT,
    valid_from: Annotated[
        datetime | None, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
    ] = None,
    valid_to: Annotated[
        datetime | None, typer.Option("--valid-to", formats=_DAY, help=_say("valid_to"))
    ] = None,
    min_cases: Annotated[
        int | None, typer.Option("--min-cases", min=1, help=_say("min_cases"))
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Estimate weights and write them as the table ``weights`` of a scheme has them.

    Raises:
        GrouperError: ``APG_FAMILY`` for a scheme of another family, ``APG_PERIOD`` for an end that
            is not after the start, or as the reading and writing of files.
    """
    speak(lang)
    card = registry().card(scheme)
    if card.family != "apg":
        raise GrouperError("APG_FAMILY", scheme=scheme, family=card.family)
    if valid_to is not None and (valid_from is None or valid_to <= valid_from):
        raise GrouperError("APG_PERIOD", found=valid_to.date().isoformat())
    visits = open_source(source)
    check_destinations(source, [output])
    estimate = estimate_of(visits, scheme)
    rows = estimate.weights(min_cases)
    if rows:
        with whole([output]), writing(output):
            plain = [
                {
                    "group": row.group,
                    "valid_from": valid_from.date() if valid_from else None,
                    "valid_to": valid_to.date() if valid_to else None,
                    "weight": row.weight,
                    "cases": row.cases,
                    "mean_cost": row.mean_cost,
                    "source": _say(f"method.{row.method}", visits=estimate.visits),
                }
                for row in rows
            ]
            write_table(part_of(output), TABLES["weights"].names, plain)
    _tell(estimate, rows, output, min_cases or fewest_cases(), as_json=as_json)
    if not rows:
        raise typer.Exit(EXIT_EMPTY)


def estimate_of(visits: Source, scheme: str) -> WeightEstimate:
    """Group a file's visits and sum up their costs.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``.
    """
    found = load_scheme(scheme)
    if not isinstance(found, ApgScheme):
        raise CodebookError("SCHEME_UNKNOWN", found=scheme, known=DEFAULT)
    estimate = WeightEstimate(found)
    for batch in visits.batches():
        estimate.add(_readable(batch))
    return estimate


def _readable(batch: CaseBatch) -> pa.RecordBatch:
    """The records of a batch that the reader did not reject."""
    issues = batch.issues
    kept = np.ones(batch.cases.num_rows, np.bool_)
    columns = (issues.column(name).to_pylist() for name in ("row", "severity"))
    for row, severity in zip(*columns, strict=True):
        if severity == Severity.REJECT and row >= batch.first_row:
            kept[row - batch.first_row] = False
    return batch.cases if kept.all() else batch.cases.filter(pa.array(kept))


def _tell(
    estimate: WeightEstimate,
    rows: list[WeightRow],
    output: Path,
    min_cases: int,
    *,
    as_json: bool,
) -> None:
    methods = Counter(row.method for row in rows)
    figures = {
        "visits": estimate.visits,
        "refused": estimate.refused,
        "costless": estimate.costless,
        **{method: methods[method] for method in ("own", "shrunk", "type", "kept")},
    }
    if as_json:
        print_json({"min_cases": min_cases, "unpaid_cents": estimate.unpaid, **figures})
        return
    unpaid = str((Decimal(estimate.unpaid) / CENTS).quantize(Decimal("0.01")))
    key = "done" if rows else "nothing"
    typer.echo(readable(_say(key, file=output, min_cases=min_cases, unpaid=unpaid, **figures)))
