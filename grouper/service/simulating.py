"""What if a month had other point values, more cases or other costs: an errand on a settled month.

Point values and numbers of cases are reckoned from the statement's own cases; where costs change the
month is read from the store and priced anew.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from codebooks.errors import GrouperError
from codebooks.messages import LANGUAGES
from codebooks.registry import registry
from grouper.payment.place import Terms
from grouper.payment.settlement.changes import Changes, read_growth, read_point, read_share
from grouper.payment.settlement.simulate import simulate
from grouper.payment.settlement.simulation_words import simulation_document
from grouper.service.month import priced_month
from grouper.service.settling import CASES, found_statement, policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from grouper.service.errand_process import Work

KIND = "simulation"
_LISTS = ("points", "growth")


def asked(params: Mapping[str, Any]) -> Changes:
    """The changes that an errand is asked for with.

    Args:
        params: ``points`` and ``growth``, lists as ``grouper simulate`` takes them
            (``dip_score:resident=5.2``, ``department:…=5%``), ``cost`` such as ``3%`` or empty.

    Raises:
        SettlementError: ``SIMULATE_POINT``, ``SIMULATE_WORD``, ``SIMULATE_SHARE``, ``SIMULATE_AXIS``;
            ``SIMULATE_NOTHING``: nothing is changed.
    """
    points, growth = ([str(one) for one in params.get(name) or ()] for name in _LISTS)
    cost = str(params.get("cost") or "").strip()
    if not points and not growth and not cost:
        raise GrouperError("SIMULATE_NOTHING")
    return Changes(
        points=tuple(read_point(one) for one in points),
        growth=tuple(read_growth(one) for one in growth),
        cost=read_share(cost or "0"),
    )


def run(work: Work) -> Mapping[str, Any]:
    """Simulate (an errand): ``month`` and ``name`` of the statement, and the changes of :func:`asked`.

    Its documents are files in every language.

    Raises:
        GrouperError: ``STATEMENT_GONE``: there is no such statement any more.
        SettlementError: as :func:`asked` and :func:`grouper.payment.settlement.simulate.simulate`.
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
    """
    month, changes = str(work.params["month"]), asked(work.params)
    kept = found_statement(work.settings, month, str(work.params["name"]))
    if kept is None:
        raise GrouperError("STATEMENT_GONE")
    place = registry().region(work.settings.region).id
    if changes.cost:
        table = priced_month(work.database, month, region=place, progress=work.told)
    else:
        table = pq.read_table(kept.folder / CASES)
    found = simulate(
        table, changes, policy=policy_of(work.settings, month), terms=Terms(region=place)
    )
    for lang in LANGUAGES:
        told = json.dumps(simulation_document(found, lang), ensure_ascii=False)
        (work.out / f"{lang}.json").write_text(told, "utf-8")
    return {"month": month, "name": kept.name}


def told(out: Path, lang: str) -> dict[str, Any]:
    """The document that an errand wrote, in a language.

    Args:
        out: folder of what the errand wrote.
        lang: ``zh`` or ``en``.
    """
    found: dict[str, Any] = json.loads((out / f"{lang}.json").read_text("utf-8"))
    return found
