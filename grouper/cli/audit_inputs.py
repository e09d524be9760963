"""What ``grouper audit`` takes in beside cases and lines: price lists, catalogues, costs of groups."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from codebooks.catalogues.catalogue import Catalogues
from codebooks.messages import text
from grouper.audit.context import PRICES
from grouper.audit.group_costs import group_costs, own_stays
from grouper.audit.inputs import listed_ceilings, over, read_prices
from grouper.audit.templates import templates, toml

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from numpy.typing import NDArray

_MOST_FAULTS = 20
_COSTS = "group_costs"


@dataclass(frozen=True, slots=True)
class Inputs:
    """What is known beside.

    Attributes:
        ceilings, prices, costs: as :class:`grouper.audit.context.Context` takes them.
        told: lines that say what was taken from where, and what was left out.
    """

    ceilings: pa.Table
    prices: pa.Table
    costs: pa.Table | None
    told: tuple[str, ...]


def inputs_of(
    lists: Sequence[Path],
    cases: pa.Table,
    judged: NDArray[Any] | None,
    *,
    files: Sequence[Path],
    month: date | None,
    today: date,
    levels: Mapping[str, str],
    rules: Collection[str] | None,
    region: str | None,
    scheme: str | None,
    lang: str | None,
) -> Inputs:
    """Gather what is known beside cases and lines.

    Args:
        lists: price lists; of an item that several name the later list holds.
        cases: columns of ``CASE_SCHEMA``.
        judged: which of them are screened; None: all.
        files: folders and files of the cases.
        month: first day of the month; None: no month was asked, so that no month is before it.
        today: the day on which policies hold where no month was asked.
        levels: of hospitals, for ceilings by level.
        rules: the rules that are asked; None: all. Costs of groups are reckoned where one needs them.
        region: of cases that name none.
        scheme: of all cases; None: the one that binds each.
        lang: language of what is told.

    Raises:
        GrouperError: a list or a file of cases cannot be read.
    """
    told: list[str] = []
    every = listed_ceilings(Catalogues(), set(levels.values()))
    if every.num_rows:
        told.append(_say("catalogues", lang, count=every.num_rows))
    tables = {"ceilings": every, "prices": PRICES.empty_table()}
    for path in lists:
        found = read_prices(path)
        tables["ceilings"] = over(found.ceilings, tables["ceilings"])
        tables["prices"] = over(found.prices, tables["prices"])
        counts = {"ceilings": found.ceilings.num_rows, "prices": found.prices.num_rows}
        told.append(_say("prices", lang, file=path.name, **counts))
        told += _faults([fault.describe(lang) for fault in found.faults], lang)
    costs = None
    if _wants_costs(rules):
        stays = cases if judged is None else cases.filter(pa.array(judged))
        history = own_stays(files, month) if month is not None else None
        costs = group_costs(stays, history, month or today, region=region, scheme=scheme)
        if costs.num_rows:
            told.append(_costs_words(costs, history, lang))
        else:
            costs = None
    return Inputs(tables["ceilings"], tables["prices"], costs, tuple(told))


def _wants_costs(rules: Collection[str] | None) -> bool:
    wanting = {rule for one in templates() if _COSTS in one.fields for rule in one.rules}
    return rules is None or bool(wanting & set(rules))


def _costs_words(costs: pa.Table, history: pa.Table | None, lang: str | None) -> str:
    separator = text("audit_words.separator", lang)
    sources = separator.join(
        f"{text(f'audit_value.mean_of.{source}', lang)} {count}"
        for source, count in sorted(Counter(costs["mean_of"].to_pylist()).items())
    )
    return _say(
        "costs",
        lang,
        count=costs.num_rows,
        sources=sources,
        stays=history.num_rows if history is not None else 0,
        months=toml("inputs.toml")["own_costs"]["months"],
    )


def _faults(found: Sequence[str], lang: str | None) -> list[str]:
    if not found:
        return []
    told = [_say("left_out", lang, count=len(found))]
    told += [_say("fault", lang, fault=fault) for fault in found[:_MOST_FAULTS]]
    if len(found) > _MOST_FAULTS:
        told.append(_say("and_more", lang, count=len(found) - _MOST_FAULTS))
    return told


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"audit_inputs.{key}", lang, **params)
