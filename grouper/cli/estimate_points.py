"""``grouper policy estimate``: base points of DRG groups out of a file of cases."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- the command reads its annotations
from decimal import Decimal
from pathlib import Path  # noqa: TC003 -- as above
from typing import TYPE_CHECKING, Annotated

import pyarrow as pa
import typer

from codebooks.errors import GrouperError
from codebooks.messages import text
from codebooks.registry import NATIONAL, registry
from grouper.case.readers import open_source
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import JsonOption, LangOption, print_json, speak
from grouper.payment.estimate import (
    COLUMNS,
    FAMILY,
    PointsEstimate,
    policy_text,
    settings,
    write_groups,
)
from grouper.run.batches import group_cases
from grouper.run.choose import Chooser
from grouper.run.destinations import check_destinations, part_of, whole, writing
from grouper.schemes.columns import column_of

if TYPE_CHECKING:
    from grouper.case.readers import Source

EXIT_EMPTY = 1
"""Exit status when no group rests on enough cases."""
_DAY = ["%Y-%m-%d"]


def _say(key: str, **params: object) -> str:
    return text(f"estimate_points.{key}", None, **params)


def _default(key: str) -> str:
    return _say(key, default=settings()[key])


def estimate_points_command(
    *,
    source: Annotated[Path, typer.Argument(metavar="CASES", help=_say("cases"))],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help=_say("output"))],
    valid_from: Annotated[
        datetime, typer.Option("--valid-from", formats=_DAY, help=_say("valid_from"))
    ],
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help=_say("policy"))
    ] = None,
    scheme: Annotated[str | None, typer.Option("--scheme", help=_say("scheme"))] = None,
    region: Annotated[str, typer.Option("--region", help=_say("region"))] = NATIONAL,
    min_cases: Annotated[
        int | None, typer.Option("--min-cases", min=1, help=_default("min_cases"))
    ] = None,
    places: Annotated[
        int | None, typer.Option("--places", min=0, max=6, help=_default("places"))
    ] = None,
    scale: Annotated[
        float | None, typer.Option("--scale", min=0.000001, help=_default("scale"))
    ] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Estimate base points and write them as the table ``drg_points.groups`` of a policy has them.

    Raises:
        GrouperError: ``ESTIMATE_FAMILY`` for a scheme of another family, ``ESTIMATE_SCHEMES`` where
            several schemes bind the cases, ``ESTIMATE_POLICY_THERE`` for a policy file that is
            there already, or as the reading and writing of files.
    """
    speak(lang)
    place = registry().region(region).id
    if scheme is not None and registry().card(scheme).family != FAMILY:
        family = registry().card(scheme).family
        raise GrouperError("ESTIMATE_FAMILY", scheme=scheme, family=family)
    outputs = [output] if policy is None else [output, policy]
    check_destinations(source, outputs)
    if policy is not None and policy.exists():
        raise GrouperError("ESTIMATE_POLICY_THERE", found=policy.name)
    estimate = estimate_of(open_source(source), place, scheme)
    if len(estimate.schemes) > 1:
        raise GrouperError("ESTIMATE_SCHEMES", schemes=", ".join(sorted(estimate.schemes)))
    # The shortest decimal that means a float is the one that was typed.
    unit = Decimal(settings()["scale"]) if scale is None else Decimal(str(scale))
    groups = estimate.groups(min_cases=min_cases, places=places, scale=unit)
    fewest = min_cases or settings()["min_cases"]
    figures = {
        "groups": len(groups),
        "used": estimate.used,
        "small": estimate.small(min_cases),
        "no_group": estimate.no_group,
        "no_cost": estimate.no_cost,
    }
    mean = estimate.mean_cost or Decimal(0)
    if groups:
        with whole(outputs), writing(output):
            with part_of(output).open("w", encoding="utf-8", newline="") as file:
                write_groups(groups, file)
            if policy is not None:
                origin = _say("origin", cases=estimate.used, fewest=fewest)
                words = policy_text(
                    output.name,
                    valid_from=valid_from.date(),
                    mean_cost=mean,
                    scale=unit,
                    source=origin,
                    note=_say("note"),
                )
                part_of(policy).write_text(words, encoding="utf-8", newline="\n")
    if as_json:
        print_json(
            {"columns": list(COLUMNS), "min_cases": fewest, "mean_cost": f"{mean:f}", **figures}
        )
    else:
        typer.echo(readable(_say("done", file=output, fewest=fewest, mean=f"{mean:f}", **figures)))
        if policy is not None and groups:
            typer.echo(readable(_say("policy_done", file=policy)))
    if not groups:
        raise typer.Exit(EXIT_EMPTY)


def estimate_of(cases: Source, region: str, scheme: str | None = None) -> PointsEstimate:
    """Group a file's cases and sum up their costs.

    Args:
        cases: where they come from.
        region: of cases that name none.
        scheme: of all cases; None: what binds each.
    """
    estimate, chooser = PointsEstimate(), Chooser(scheme, region)
    for batch in cases.batches():
        grouped = group_cases(batch.cases, batch.issues, batch.first_row, chooser).results
        columns = {name: grouped.column(name) for name in ("scheme", "status", "group")}
        columns |= {name: column_of(batch.cases, name) for name in ("total_cost", "los")}
        estimate.add(pa.RecordBatch.from_pydict(columns))
    return estimate
