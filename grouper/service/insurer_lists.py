"""The insurer's lists of findings, taken in: matched with stays, rules and lines, kept as findings.

A list is taken once. Each of its rows is kept: as a finding, or as a line of one, or with the reason
why it could not be read. A finding whose stay is not here is kept without one. What names a person
is kept nowhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.audit.insurer.findings import Stay, finding_of, grouped
from grouper.audit.insurer.reading import read_list
from grouper.audit.insurer.recall import same
from grouper.audit.insurer.rules import Rules, is_external
from grouper.audit.review.deadlines import due_of, end_of
from grouper.audit.review.documents import plain
from grouper.service.insurer_lines import known_lines
from grouper.service.insurer_matching import SEVERAL, Matched, match
from grouper.store import audit, finding_batches, finding_stays, findings
from grouper.store.finding_batches import Batch, BatchRow, Own
from grouper.store.finding_rows import LINES
from grouper.store.states import FindingState, Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from codebooks.audit.books import AuditBook
    from grouper.audit.insurer.columns import Columns
    from grouper.audit.insurer.findings import Group, Known
    from grouper.audit.insurer.reading import InsurerList, Row
    from grouper.store.database import Database
    from grouper.store.finding_batches import Answered
    from grouper.store.finding_stays import Found

RAISED_BY = "insurer"
DEADLINE = "deadline"
"""Name in the document of the insurer's deadline; that of the row ends when the answer is sent."""
OWN = "own_finding"
"""Name in the document of our own finding of the same (its row); absent: none was known."""
_NAME = 256
_DEPARTMENT = 128
_ACTION = "findings_imported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a list.

    Attributes:
        batch_id: of the list.
        repeated: it was taken in before; then nothing was done.
        rows, unread: of the file, and those that could not be read.
        findings: that it names; ``fresh`` are new here, ``matched`` are of a stay that is here,
            ``own`` our own screening has too.
        external: findings of rules that our book does not have.
        reasons: why rows could not be read or have no stay, with how many.
        unkept: columns whose cells were not kept, for their meaning is not known.
        total: whether the amounts add up to the totals that the file states; None: it states none.
    """

    batch_id: int
    repeated: bool = False
    rows: int = 0
    unread: int = 0
    findings: int = 0
    fresh: int = 0
    matched: int = 0
    own: int = 0
    external: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    unkept: Sequence[str] = ()
    total: bool | None = None


@dataclass(frozen=True, slots=True)
class _Placed:
    """A finding with its stay (None: not here), and why it has none."""

    group: Group
    found: Found | None
    reason: str | None


def take_in(
    database: Database,
    path: Path,
    book: AuditBook,
    columns: Columns,
    *,
    hospital: str,
    actor: str,
    at: datetime,
    due: date | None = None,
    name: str | None = None,
) -> Taken:
    """Read a list and keep it with its findings.

    Args:
        database: the store.
        path: of the file.
        book: our rules.
        columns: what the names of columns mean.
        hospital: code of the hospital whose stays are meant.
        actor: account.
        at: when.
        due: last day to answer, of findings for which the file names none; None: as the data say.
        name: that the list is kept under; None: that of the file.

    Raises:
        AuditError: ``INSURER_…`` of :func:`grouper.audit.insurer.reading.read_list`.
        GrouperError: the file cannot be read.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    told = read_list(path, columns)
    with database.reading() as connection:
        before = finding_batches.by_sha256(connection, told.sha256)
    if before is not None:
        return _taken_before(before)
    readable = [row for row in told.rows if row.reason is None]
    rules = Rules(book)
    groups = grouped(readable, [rules.rule_of(row) for row in readable], hospital)
    with database.reading() as connection:
        matched = match(connection, readable, columns, hospital)
        by_row = {row.number: one for row, one in zip(readable, matched, strict=True)}
        stays = finding_stays.told(connection, {m.stay for m in matched if m.stay is not None})
        placed = [_placed(group, by_row, stays) for group in groups]
        lines = {number: known_lines(connection, stay) for number, stay in stays.items()}
        own = by_stay(finding_batches.own_of(connection, list(stays)))
    deadline = None if due is None else end_of(due)
    making = _Making(rules, columns, book, deadline, at)
    rows = [making.row(one, lines, own) for one in placed]
    counted = _counted(told, placed, rows, by_row)
    batch = Batch(
        at=at,
        actor=actor,
        name=(name or told.name)
        .encode("utf-8", "replace")
        .decode()
        .replace("\0", "\u2400")[:_NAME],
        sha256=told.sha256,
        hospital=hospital,
        due=deadline,
        rows=len(told.rows),
        unread=len(told.rows) - len(readable),
        matched=sum(one.found is not None for one in placed),
        header=[
            {"sheet": one.sheet, "names": list(one.names), "meanings": list(one.meanings)}
            for one in told.headers
        ],
        about=counted,
    )
    return _keep(database, batch, told, placed, rows, at)


def _keep(
    database: Database,
    batch: Batch,
    told: InsurerList,
    placed: Sequence[_Placed],
    rows: Sequence[findings.FindingRow],
    at: datetime,
) -> Taken:
    """Write the list and its findings in one transaction, unless another was faster."""
    of_row = {row.number: one for one in placed for row in one.group.rows}
    kept = [_batch_row(row, of_row.get(row.number)) for row in told.rows]
    with database.writing_store() as connection:
        before = finding_batches.by_sha256(connection, batch.sha256)
        if before is not None:
            return _taken_before(before)
        number = finding_batches.add(connection, batch, kept)
        known = finding_batches.findings_of(connection, number)
        silent = {
            one.group.key for one in placed if batch.due is None and one.group.due is None
        } & known.keys()
        named = [
            _undated(row, known[row.key]) if row.key in silent else row
            for row in (replace(one, batch_id=number) for one in rows)
        ]
        done = findings.keep(connection, named, at=at, actor=batch.actor)
        about = {
            "rows": batch.rows,
            "unread": batch.unread,
            "findings": len(rows),
            "fresh": done.fresh,
            "matched": batch.matched,
            "sha256": batch.sha256,
        }
        audit.append(connection, batch.actor, _ACTION, f"finding_batch:{number}", about, at=at)
    return Taken(
        batch_id=number,
        rows=batch.rows,
        unread=batch.unread,
        findings=len(rows),
        fresh=done.fresh,
        matched=batch.matched,
        own=batch.about["own"],
        external=batch.about["external"],
        reasons=batch.about["reasons"],
        unkept=batch.about["unkept"],
        total=batch.about["total"],
    )


def _undated(row: findings.FindingRow, before: Answered) -> findings.FindingRow:
    """A finding that is known, of a list that names no deadline: it puts none off."""
    document = {**row.document, DEADLINE: before.document.get(DEADLINE)}
    return replace(row, due=None, document=document)


def _taken_before(batch: Batch) -> Taken:
    about = batch.about
    return Taken(
        batch_id=batch.id or 0,
        repeated=True,
        rows=batch.rows,
        unread=batch.unread,
        findings=about["findings"],
        matched=batch.matched,
        own=about["own"],
        external=about["external"],
        reasons=about["reasons"],
        unkept=about["unkept"],
        total=about["total"],
    )


def _placed(group: Group, matched: Mapping[int, Matched], stays: Mapping[int, Found]) -> _Placed:
    """The stay of a finding: that of its rows, where they agree."""
    found = [matched[row.number] for row in group.rows]
    named = {one.stay for one in found if one.stay is not None}
    if len(named) > 1:
        return _Placed(group, None, SEVERAL)
    if named:
        return _Placed(group, stays[named.pop()], None)
    return _Placed(group, None, found[0].reason)


@dataclass(frozen=True, slots=True)
class _Making:
    """Makes rows of the store of findings."""

    rules: Rules
    columns: Columns
    book: AuditBook
    deadline: datetime | None
    at: datetime

    def row(
        self,
        placed: _Placed,
        lines: Mapping[int, Sequence[Known]],
        own: Mapping[int, Sequence[Own]],
    ) -> findings.FindingRow:
        """The finding of a list as it is kept.

        Args:
            placed: it and its stay.
            lines: of each stay.
            own: our own findings of each stay.
        """
        group, found = placed.group, placed.found
        level = self.rules.level_of(group.rows[0], group.rule, self.columns)
        stay = None
        if found is not None:
            stay = Stay(found.case_id, found.person, found.department, lines[found.id])
        row = finding_of(group, level, self.book.id, stay)
        due = None if group.due is None else end_of(group.due)
        due = due or self.deadline or due_of(FindingState.NOTIFIED, level, self.at)
        document: dict[str, Any] = plain(row) | {LINES: row[LINES]}
        document[DEADLINE] = None if due is None else due.isoformat()
        if placed.reason is not None:
            document["reason"] = placed.reason
        told = () if found is None else own.get(found.id, ())
        mine = own_finding(document, group.rule, [one for one in told if not one.shadow])
        if mine is not None:
            document[OWN] = mine.id
        department = row["department"]
        return findings.FindingRow(
            key=group.key,
            source=Source.INSURER,
            moment=row["moment"],
            stay_id=None if found is None else found.id,
            version=None if found is None else found.version,
            rule=group.rule,
            book=self.book.id,
            book_hash=self.book.content_sha256,
            level=level,
            department=department and department[:_DEPARTMENT],
            day=row["day"],
            amount=row["amount"],
            document=document,
            raised_by=RAISED_BY,
            due=due,
        )


def own_finding(document: Mapping[str, Any], rule: str, own: Iterable[Own]) -> Own | None:
    """Our own finding of the same rule, stay and line; of several the first that was found.

    Args:
        document: of the insurer's finding.
        rule: of it.
        own: our findings of its stay.
    """
    names, day = document.get("line_names") or (), document.get("day")
    meant = [one for one in own if one.rule == rule and same(names, day, one.line_names, one.day)]
    return min(meant, key=lambda one: (one.first_seen, one.id), default=None)


def by_stay(own: Iterable[Own]) -> dict[int, list[Own]]:
    """Findings by the row of their stay."""
    found: dict[int, list[Own]] = defaultdict(list)
    for one in own:
        found[one.stay_id].append(one)
    return dict(found)


def _counted(
    told: InsurerList,
    placed: Sequence[_Placed],
    rows: Sequence[findings.FindingRow],
    matched: Mapping[int, Matched],
) -> dict[str, Any]:
    """What else is to be known of a list, as JSON."""
    reasons = Counter(row.reason for row in told.rows if row.reason is not None)
    for one in placed:
        if one.reason is not None:
            reasons.update(matched[row.number].reason or one.reason for row in one.group.rows)
    amounts = {
        name: sum(
            (value for row in told.rows if (value := row.decimal(name)) is not None),
            start=Decimal(0),
        )
        for name in ("amount", "deduction")
    }
    total = None
    if told.stated:
        total = all(one in amounts.values() for one in told.stated)
    return {
        "findings": len(rows),
        "own": sum(OWN in row.document for row in rows),
        "external": sum(is_external(row.rule) for row in rows),
        "reasons": dict(sorted(reasons.items())),
        "unkept": sorted({name for header in told.headers for name in header.unkept}),
        "stated": [f"{one:f}" for one in told.stated],
        "total": total,
    }


def _batch_row(row: Row, placed: _Placed | None) -> BatchRow:
    reason = row.reason if placed is None else placed.reason
    return BatchRow(
        number=row.number,
        sheet=row.sheet,
        row=row.row,
        key=None if placed is None else placed.group.key,
        reason=reason,
        cells=row.cells,
    )
