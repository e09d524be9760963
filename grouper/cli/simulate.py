"""``grouper simulate``: a month at another point value, with more cases, at other costs or rules."""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

import typer

from codebooks.policies.policies import policies
from codebooks.registry import NATIONAL, registry
from grouper.cli.settle import (
    Files,
    Format,
    FormatOption,
    LangOption,
    OutputOption,
    RegionOption,
    say,
    tell,
)
from grouper.payment.place import Terms
from grouper.payment.settlement.changes import (
    Changes,
    read_growth,
    read_point,
    read_share,
    read_value,
)
from grouper.payment.settlement.periods import last_policy
from grouper.payment.settlement.reading import read_priced
from grouper.payment.settlement.simulate import simulate
from grouper.payment.settlement.simulation_words import (
    simulation_document,
    simulation_lines,
    simulation_sheets,
)


def simulate_command(
    files: Files,
    cases: Annotated[list[str] | None, typer.Option("--cases", help=say("growth"))] = None,
    point_value: Annotated[
        list[str] | None, typer.Option("--point-value", help=say("point_value"))
    ] = None,
    cost: Annotated[str | None, typer.Option("--cost", help=say("cost"))] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help=say("set"))] = None,
    region: RegionOption = NATIONAL,
    format_: FormatOption = Format.TEXT,
    output: OutputOption = None,
    lang: LangOption = None,
) -> None:
    """Simulate changes on the cases of some files."""
    changes = Changes(
        growth=tuple(read_growth(one) for one in cases or ()),
        points=tuple(read_point(one) for one in point_value or ()),
        cost=Fraction(0) if cost is None else read_share(cost),
        values=dict(read_value(one) for one in values or ()),
    )
    place = registry().region(region).id
    table = read_priced(files, region=place)
    policy = last_policy(table, place, policies())
    terms = Terms(region=place, source=say("simulated"))
    found = simulate(table, changes, policy=policy, terms=terms)
    told = simulation_document(found, lang)
    tell(told, simulation_lines(told), simulation_sheets(told), files, format_, output)
