"""``grouper policy list``: regions with their topics, methods and periods; the topics there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from codebooks.errors import CodebookError
from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies
from grouper.cli.codebooks_list import region_name
from grouper.cli.codebooks_render import print_heading, print_json, print_table, validity
from grouper.cli.policy_show import rules_of
from grouper.cli.policy_words import say

if TYPE_CHECKING:
    from datetime import date

    from codebooks.policies.policy import Policy


def print_list(*, as_json: bool) -> None:
    """All regions that have a file, all topics, and every file that cannot be used."""
    regions = [_region(region) for region in policies().with_files]
    faults = [{"region": f.region, "error": f.error.describe()} for f in policies().faults]
    topics = [
        {
            "topic": form.topic,
            "name": form.called(),
            "parameters": list(form.parameters),
            "regions": [one["region"] for one in regions if form.topic in one["topics"]],
        }
        for form in topic_forms().values()
    ]
    if as_json:
        print_json({"regions": regions, "topics": topics, "faults": faults})
        return
    _print_regions(regions)
    typer.echo()
    print_heading(say("list.topics", count=len(topics)))
    columns = ("topic", "name", "parameters", "regions")
    rows: list[list[str]] = [
        [str(t["topic"]), str(t["name"]), str(len(t["parameters"])), " ".join(t["regions"])]
        for t in topics
    ]
    print_table([say(f"column.{name}") for name in columns], rows)
    if faults:
        typer.echo()
        print_heading(say("list.faults", count=len(faults)))
        for fault in faults:
            typer.echo(fault["error"])


def _print_regions(regions: list[dict[str, Any]]) -> None:
    print_heading(say("list.regions", count=len(regions)))
    rows = []
    for one in regions:
        spans = [validity(s["valid_from"], s["valid_to"]) for s in one["priced"]]
        methods = dict.fromkeys(m for span in one["priced"] for m in span["methods"])
        rows.append(
            [
                region_name(one["region"]),
                one["fault"] or say("separator").join(spans) or say("list.unpriced"),
                " ".join(methods),
                " ".join(f"{t}{'*' if t in one['own'] else ''}" for t in one["topics"]),
            ]
        )
    columns = ("region", "priced", "methods", "topics")
    print_table([say(f"column.{name}") for name in columns], rows)
    if any(one["own"] for one in regions):
        typer.echo(say("list.own"))


def _region(region: str) -> dict[str, Any]:
    given = policies().given(region)
    found: dict[str, Any] = {
        "region": region,
        "topics": sorted({one.topic for one in given}),
        "own": sorted({one.topic for one in given if one.own}),
        "priced": [],
        "fault": None,
    }
    try:
        found["priced"] = _priced(policies().periods(region))
    except CodebookError as error:
        found["fault"] = say("list.broken", code=error.code)
    return found


def _priced(periods: tuple[Policy, ...]) -> list[dict[str, Any]]:
    """The spans in which the same rules say which method binds, with their methods."""
    spans: list[dict[str, Any]] = []
    last: tuple[object, date] | None = None
    for period in periods:
        rules = rules_of(period)
        if not rules:
            continue
        end = None if period is periods[-1] else period.valid_to
        if last == (rules, period.valid_from):
            spans[-1]["valid_to"] = end
        else:
            methods = list(dict.fromkeys(row["method"] for row in rules))
            spans.append({"valid_from": period.valid_from, "valid_to": end, "methods": methods})
        last = (rules, period.valid_to)
    return spans
