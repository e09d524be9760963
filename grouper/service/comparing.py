"""The stored cases of some months under two schemes: an errand, for it reads and groups every case.

What it gives lies in its folder: ``summary.json`` (the report of :mod:`grouper.compare` without its
longest lists), ``report.html`` and ``report.xlsx`` (all of it), ``cases.parquet`` (a line for each
case: its department, its group under both, what became of it). Weights of a side are those of a file
handed in, else those that the scheme gives, else, for a DRG scheme that binds in these months, those
of the region's policy; where none is known the report says so and tells no weight.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from codebooks.policies.policies import policies
from codebooks.registry import INPATIENT, registry
from grouper.case.dates import LOCAL
from grouper.case.issues import issue_table
from grouper.case.layout import Layout
from grouper.case.readers.source import CaseBatch, Source
from grouper.compare.document import document
from grouper.compare.run import compare
from grouper.compare.sides import AUTO, side_of
from grouper.compare.tally import WEIGHT
from grouper.compare.weights import Weights, read_weights
from grouper.payment.asked import rows_of
from grouper.schemes.reasons import Status
from grouper.service import json_files
from grouper.service.errand_kinds import ErrandError
from grouper.service.month import batch_of, pages_of
from grouper.store import reading
from grouper.store.database import StoreError
from grouper.store.migrate import pending
from grouper.store.reading import Wanted
from grouper.store.states import StayState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from grouper.case.record import Case
    from grouper.compare.sides import Side
    from grouper.service.errand_process import Work
    from grouper.service.settings import Settings

KIND = "comparison"
"""The kind of errand."""
SUMMARY, CASES = "summary.json", "cases.parquet"
REPORTS = ("report.html", "report.xlsx")
WEIGHTS = {"from": "weights_from.csv", "to": "weights_to.csv"}
"""Names under which weights of a side are handed in."""
_RW = "drg_rate.weights"
_DRG = "drg"
_MOVED = "moved"
_ORIGINAL = pa.schema([])


class ComparingError(ErrandError):
    """A comparison that cannot be made as asked."""


@cache
def comparing_data() -> Mapping[str, int]:
    """Sizes, from ``data/comparing.toml``."""
    found = (files("grouper.service") / "data" / "comparing.toml").read_text("utf-8")
    return tomllib.loads(found)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be compared.

    Attributes:
        since: first day of the first month.
        until: the day after the last month.
        sides: two schemes' ids, or ``auto`` for the one that binds each case.
        kind: of cases.
    """

    since: date
    until: date
    sides: tuple[str, str]
    kind: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Wish:
        """What the params of an errand ask for.

        Raises:
            ComparingError: ``COMPARING_PERIOD``, ``COMPARING_SAME``.
            CodebookError: ``SCHEME_UNKNOWN``.
        """
        since, last = (_first(str(params.get(name, ""))) for name in ("since", "last"))
        if since is None or last is None or last < since:
            raise ComparingError("COMPARING_PERIOD")
        sides = (str(params["from"]), str(params["to"]))
        if sides[0] == sides[1]:
            raise ComparingError("COMPARING_SAME")
        named = [registry().card(one) for one in sides if one != AUTO]
        kinds = [kind for kind in named[-1].kinds if all(kind in one.kinds for one in named)]
        if not kinds:
            raise ComparingError("COMPARING_KINDS")
        return cls(since, _next(last), sides, kinds[0])


def run(work: Work) -> Mapping[str, Any]:
    """Compare; the function of the errand.

    Raises:
        ComparingError: as :meth:`Wish.of`; ``COMPARING_EMPTY``: no case was discharged then.
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        GrouperError: a file of weights or a book cannot be used.
    """
    wish, data = Wish.of(work.params), comparing_data()
    region = work.settings.region
    sides = (_side(work, wish, 0), _side(work, wish, 1))
    source = StoredCases(work, wish)
    if not source.total_rows:
        raise ComparingError("COMPARING_EMPTY")
    cases = work.out / f"told-{CASES}"
    found = compare(
        source,
        sides,
        reports=[work.out / name for name in REPORTS],
        cases=cases,
        movers=data["movers"],
        lang=work.language,
    )
    _keep_cases(cases, source.beside(), work.out / CASES)
    plain = document(found, data["movers"])
    summary = shortened(plain, region) | {
        "kind": wish.kind,
        "weights_by": [
            _by(side, known) for side, known in zip(sides, found.balance.known, strict=True)
        ],
    }
    json_files.write(work.out / SUMMARY, summary)
    changes = summary["changes"]
    return {
        "cases": summary["cases"],
        "changed": summary["cases"] - changes["same"] - changes["outside"],
    }


def shortened(plain: Mapping[str, Any], region: str) -> dict[str, Any]:
    """A report without its longest lists, which the files hold.

    Args:
        plain: as :func:`grouper.compare.document.document` makes it.
        region: of cases that name none.
    """
    data = comparing_data()
    left = {name: part for name, part in plain.items() if name not in ("flows", "groups")}
    changed = [one for one in plain["flows"] if one["change"] not in ("same", "outside")]
    return left | {
        "region": region,
        "other_names": plain["other_names"][: data["listed"]],
        "outside": plain["outside"][: data["listed"]],
        "largest": sorted(changed, key=lambda one: -one["cases"])[: data["largest"]],
    }


class StoredCases(Source):
    """The discharged stays of some months at their newest version, as a source of cases.

    Args:
        work: the errand: database and reach.
        wish: which months, and which kind of cases.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
    """

    format = "store"

    def __init__(self, work: Work, wish: Wish) -> None:
        super().__init__(work.files, Layout((), ()), _ORIGINAL, comparing_data()["batch"])
        self._database, self._told = work.database, work.told
        if missing := pending(self._database):
            raise StoreError("STORE_OLD", steps=len(missing))
        self._wanted = Wanted(
            states=[StayState.DISCHARGED],
            departments=work.reach,
            kind=wish.kind,
            discharged_from=datetime.combine(wish.since, datetime.min.time(), LOCAL),
            discharged_until=datetime.combine(wish.until, datetime.min.time(), LOCAL),
        )
        with self._database.reading() as connection:
            self.total_rows: int = reading.count(connection, self._wanted)
        self._departments: list[str | None] = []
        self._days: list[date | None] = []

    def batches(self) -> Iterator[CaseBatch]:
        """The cases from the one changed last on."""
        held: list[Case] = []
        row = 1
        for page in pages_of(self._database, self._wanted):
            held += page
            # Reading is the longest part by far.
            self._told(row - 1 + len(held), self.total_rows)
            if len(held) >= self.batch_rows:
                yield self._batch(held, row)
                row, held = row + len(held), []
        if held:
            yield self._batch(held, row)

    def beside(self) -> pa.Table:
        """Department and local day of discharge of each case that was read, in order."""
        columns = {
            "department": pa.array(self._departments, pa.string()),
            "day": pa.array(self._days, pa.date32()),
        }
        return pa.table(columns)

    def _batch(self, cases: list[Case], first_row: int) -> CaseBatch:
        self._departments += [one.department for one in cases]
        self._days += [
            one.discharge_time and one.discharge_time.astimezone(LOCAL).date() for one in cases
        ]
        empty = pa.RecordBatch.from_pylist([{}] * len(cases), _ORIGINAL)
        return CaseBatch(first_row, empty, batch_of(cases), issue_table([]))


def _side(work: Work, wish: Wish, number: int) -> Side:
    end, name = ("from", "to")[number], wish.sides[number]
    path = work.files / WEIGHTS[end]
    weights = read_weights(path) if path.is_file() else _of_policy(work.settings, wish, name)
    return side_of(name, work.settings.region, weights)


def _of_policy(settings: Settings, wish: Wish, name: str) -> Weights | None:
    """The relative weights of the region's policy for a side whose DRG scheme binds in these months."""
    last = wish.until - timedelta(days=1)
    bound = {scheme_on(settings.region, day, wish.kind) for day in (wish.since, last)}
    if len(bound) > 1 or None in bound or (name != AUTO and name not in bound):
        return None
    scheme = next(one for one in bound if one is not None)
    if registry().card(scheme).family != _DRG:
        return None
    try:
        policy = policies().on(settings.region, last)
        table = policy.find(_RW)
    except CodebookError:
        return None
    if table is None:
        return None
    rows = rows_of(table).items()
    values = {(scheme, fold_code(group)): row["weight"] for group, row in rows}
    return Weights(policy.id, {key: value for key, value in values.items() if value is not None})


def scheme_on(region: str, day: date, kind: str = INPATIENT) -> str | None:
    """The scheme that binds cases of a region on a day; None: none does, or it is not at hand."""
    try:
        return registry().binding(region, day, kind).scheme
    except CodebookError:
        return None


def _by(side: Side, known: bool) -> str:
    """Where a side's weights come from, as a word."""
    if not known:
        return "none"
    if side.weights is None:
        return "scheme"
    return "file" if side.weights.file in WEIGHTS.values() else "policy"


def _keep_cases(told: Path, beside: pa.Table, kept: Path) -> None:
    """Put department and day beside each case; those whose weight moves most stand first."""
    table = pq.read_table(told)
    for name in beside.column_names:
        table = table.append_column(name, beside[name])
    weights = [_weight(table, end) for end in ("from", "to")]
    table = table.append_column(_MOVED, pc.abs(pc.subtract(weights[1], weights[0])))
    table = table.sort_by([(_MOVED, "descending"), ("case_id", "ascending")])
    pq.write_table(table.drop_columns(["row", _MOVED]), kept)
    told.unlink()


def _weight(table: pa.Table, end: str) -> pa.ChunkedArray:
    """What each case weighs on a side: nought in no group, and not known in a group without a weight."""
    outside = pc.not_equal(table[f"{end}_status"].cast(pa.string()), Status.GROUPED)
    return pc.if_else(outside, pa.scalar(0, WEIGHT), table[f"{end}_weight"])


def _first(month: str) -> date | None:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        return None


def _next(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)
