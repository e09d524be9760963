"""A month settled from the store: an errand whose result is kept, and what has changed since.

The statement is that of :func:`grouper.payment.settlement.month.settle_month` over the stays that were
discharged in the month, priced together with the year before them and the month after them. Beside it lie the cases without a
price (``open.parquet``) and all its cases as a simulation needs them (``cases.parquet``): neither
knows a person or a visit number.
"""

from __future__ import annotations

import calendar
import shutil
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from tomllib import loads
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from codebooks.errors import GrouperError
from codebooks.policies.policies import policies
from codebooks.registry import registry
from grouper.case.dates import LOCAL
from grouper.payment.settlement.deductions import read_entries
from grouper.payment.settlement.document import document
from grouper.payment.settlement.month import read_month, settle_month
from grouper.payment.settlement.priced import COLUMNS, Priced
from grouper.service import kept_results
from grouper.service.access.principal import Right, demand
from grouper.service.month import month_after, priced_month
from grouper.service.settled_deductions import closed_in, entries_of, told_findings
from grouper.store.discharges import Standing, standing
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.policies.policy import Policy
    from grouper.payment.settlement.deductions import Entry
    from grouper.payment.settlement.result import Settlement
    from grouper.service.access.principal import Principal
    from grouper.service.errand_process import Work
    from grouper.service.kept_results import Kept
    from grouper.service.settings import Settings
    from grouper.service.settled_deductions import Found
    from grouper.store.database import Database

KIND = "settlement"
RIGHT = Right.ALL_DEPARTMENTS
"""Who may see and make a statement: it is of the whole hospital."""
FOLDER = "settled"
DEDUCTIONS = "deductions.csv"
"""Name of the file of deductions, as it is handed in and kept."""
OPEN, CASES = "open.parquet", "cases.parquet"
_HUNDRED, _LONGER = 100, timedelta(days=32)
OPEN_SCHEMA = pa.schema(
    [
        ("case_id", pa.string()),
        ("group", pa.string()),
        ("department", pa.string()),
        ("reason", pa.string()),
        ("priced", pa.bool_()),
    ]
)
"""Cases without a price, or (``priced``) of which the fund's part is not known; ``reason`` is its code."""


@cache
def sizes() -> Mapping[str, Mapping[str, int]]:
    """What is kept, from ``data/settlements.toml``."""
    written = (files("grouper.service") / "data" / "settlements.toml").read_text("utf-8")
    found: Mapping[str, Mapping[str, int]] = loads(written)
    return found


@dataclass(frozen=True, slots=True)
class Since:
    """What has changed since a statement was made.

    Attributes:
        changed: stays of the year up to the end of the month after that were changed or came.
        fewer: by how many there are fewer or more of them than were settled.
        policy: whether the region's policy of the month's last day is another one.
        findings: whether those closed in the month with a deduction are others, where they count.
    """

    changed: int
    fewer: int
    policy: bool
    findings: bool = False

    @property
    def any(self) -> bool:
        """Whether a statement made now may differ."""
        return bool(self.changed or self.fewer or self.policy or self.findings)


def statements(settings: Settings, by: Principal, month: str) -> list[Kept]:
    """The statements that are kept of a month, the newest first.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    demand(by, RIGHT)
    return kept_results.all_of(settings.folder / FOLDER, month)


def found_statement(settings: Settings, month: str, name: str) -> Kept | None:
    """A statement of a month by its name, whoever asks; None: there is none.

    For errands, which were asked for by somebody who may; pages ask :func:`statements`.
    """
    found = kept_results.all_of(settings.folder / FOLDER, month)
    return next((one for one in found if one.name == name), None)


def since(settings: Settings, database: Database, by: Principal, kept: Kept) -> Since:
    """What has changed since a statement was made.

    Raises:
        AccessError: ``NOT_ALLOWED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    demand(by, RIGHT)
    begun = datetime.fromisoformat(kept.about["begun"])
    stands = _standing(database, kept.of, begun)
    try:
        policy = policy_of(settings, kept.of).id
    except GrouperError:
        # A policy that cannot be used now is told when the month is settled anew.
        policy = ""
    return Since(
        changed=stands.changed,
        fewer=abs(stands.stays - int(kept.about["stays"])),
        policy=policy != kept.about["policy"],
        findings=_others(database, kept),
    )


def _others(database: Database, kept: Kept) -> bool:
    """Whether a statement deducts other findings than are closed in its month by now."""
    # A statement that was made before its sum was kept says nothing of it.
    if not kept.about.get("findings_asked"):
        return False
    found = closed_in(database, kept.of)
    about = kept.about
    return (len(found), _deducted(found)) != (about["findings"], about["findings_sum"])


def _deducted(found: Sequence[Found]) -> str:
    return f"{sum((one.deduction for one in found), Decimal('0.00')):f}"


def policy_of(settings: Settings, month: str) -> Policy:
    """The policy that settles a month: of the service's region on the month's last day.

    Raises:
        CodebookError: the region has none on that day.
        SettlementError: ``SETTLE_PERIOD``.
    """
    year, number = read_month(month)
    day = date(year, number, calendar.monthrange(year, number)[1])
    return policies().on(registry().region(settings.region).id, day)


def run(work: Work) -> Mapping[str, Any]:
    """Settle a month (an errand).

    Its ``params``: ``month``; ``findings``: whether what was closed with a deduction in the month is
    deducted; ``before``: name of the statement whose file of deductions is taken again, where none is
    handed in; or empty.

    Returns:
        ``month``, and the ``name`` of the statement.

    Raises:
        SettlementError: ``SETTLE_PERIOD``, and of a file of deductions that cannot be read.
        StoreError: ``STORE_UNAVAILABLE``, ``STORE_OLD``.
        GrouperError: a scheme's book or the policy is not at hand.
    """
    month = str(work.params["month"])
    place, policy = registry().region(work.settings.region).id, policy_of(work.settings, month)
    given = _given(work, month)
    entries = () if given is None else read_entries(given)
    begun = now()
    stands = _standing(work.database, month)
    year = priced_month(
        work.database,
        month,
        region=place,
        progress=lambda done: work.told(done, max(stands.stays, done)),
        whole_year=True,
    )
    priced = Priced.of(year, policy)
    told: Sequence[Found] = ()
    with_findings = bool(work.params.get("findings", True))
    if with_findings:
        told = closed_in(work.database, month)
        entries = (*entries, *entries_of(told, month, priced))
    first = read_month(month)[0] * _HUNDRED + read_month(month)[1]
    settled = settle_month(
        year.filter(pc.fill_null(pc.equal(priced.table["month"], first), fill_value=False)),
        region=place,
        month=month,
        at_hand=policies(),
        deductions=entries,
    )
    kept = kept_results.keep(
        work.settings.folder / FOLDER,
        month,
        {
            "made": now().isoformat(),
            "begun": begun.isoformat(),
            "actor": work.actor,
            "policy": settled.policy,
            "stays": stands.stays,
            "deductions": given is not None,
            "findings": len(told),
            "findings_asked": with_findings,
            "findings_sum": _deducted(told),
        },
        lambda lang: _document(settled, told, lang),
        lambda folder: _further(settled, given, folder),
        most=sizes()["settlement"]["most"],
    )
    return {"month": month, "name": kept.name, "cases": settled.sums.cases}


def _document(settled: Settlement, told: Sequence[Found], lang: str) -> dict[str, Any]:
    found = document(settled, lang)
    # They lie in a table of their own, of which a page reads some rows.
    del found["open_cases"]
    return found | {
        "findings": told_findings(told, lang),
        "point_values": _point_values(settled.priced),
    }


def _point_values(priced: Priced) -> list[dict[str, Any]]:
    """The point values that occur, by method and insurance."""
    valued = priced.table.filter(pc.is_valid(priced.table["point_value"]))
    keys = ["method", "insurance", "point_value"]
    found: dict[tuple[str | None, str | None], list[str]] = {}
    rows = valued.select(keys).group_by(keys, use_threads=False).aggregate([]).to_pylist()
    for row in sorted(rows, key=lambda one: [str(one[name]) for name in keys]):
        found.setdefault((row["method"], row["insurance"]), []).append(f"{row['point_value']:f}")
    return [
        {"method": method, "insurance": insurance, "values": values}
        for (method, insurance), values in found.items()
    ]


def _further(settled: Settlement, given: Path | None, folder: Path) -> None:
    pq.write_table(_open(settled.priced), folder / OPEN)
    pq.write_table(settled.priced.table.select(list(COLUMNS)), folder / CASES)
    if given is not None:
        shutil.copyfile(given, folder / DEDUCTIONS)


def _open(priced: Priced) -> pa.Table:
    """The cases without a price, then those whose fund's part is not known, reason by reason."""
    found = priced.where(pc.equal(priced.table["sum_funded"], 0)).table
    is_priced = pc.equal(found["sum_priced"], 1)
    columns = {
        **{name: found[name] for name in ("case_id", "group", "department")},
        "reason": pc.coalesce(found["pay_reason"], found["share_reason"]),
        "priced": is_priced,
    }
    table = pa.table({name: columns[name] for name in OPEN_SCHEMA.names}).cast(OPEN_SCHEMA)
    return table.sort_by([(name, "ascending") for name in ("priced", "reason", "case_id")])


def _given(work: Work, month: str) -> Path | None:
    """The file of deductions: handed in, else that of the statement that is named."""
    handed = work.files / DEDUCTIONS
    if handed.is_file():
        return handed
    name = work.params.get("before")
    before = found_statement(work.settings, month, str(name)) if name else None
    earlier = None if before is None else before.folder / DEDUCTIONS
    return earlier if earlier is not None and earlier.is_file() else None


def _standing(database: Database, month: str, at: datetime | None = None) -> Standing:
    """The stays of the year up to the end of the month after: all of them have their part in a month."""
    year, number = read_month(month)
    first = datetime(year, 1, 1, tzinfo=LOCAL)
    until = (datetime(year, number, 1, tzinfo=LOCAL) + _LONGER).replace(day=1)
    with database.reading() as connection:
        return standing(connection, first, month_after(until), at)


def checked_deductions(held: bytes) -> tuple[Entry, ...]:
    """The rows of a file of deductions, before an errand is asked for with it.

    Raises:
        CodebookError: it is no such table.
        SettlementError: as :func:`grouper.payment.settlement.deductions.read_entries`.
    """
    with TemporaryDirectory() as folder:
        # Under a name of our own: that of the person's file may hold anything.
        path = Path(folder) / DEDUCTIONS
        path.write_bytes(held)
        return read_entries(path)
