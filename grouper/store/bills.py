"""What messages say of charge lines, added to the bill of a stay (:mod:`grouper.store.lines`)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from grouper.case.record import Case
from grouper.intake.event import ItemAction, Line
from grouper.store.ids import AT_ONCE, Ids
from grouper.store.lines import (
    MARKER,
    Entry,
    last_rows,
    line_name,
    markers,
    read_rows,
    standing,
    stands,
    total,
)
from grouper.store.plain import issue_json
from grouper.store.schema import charge_line as table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from grouper.case.issues import Issue
    from grouper.store.journal import Journal

FIELDS = {
    "item": "line_item",
    "name": "line_name",
    "class": "line_class",
    "quantity": "line_quantity",
    "amount": "line_amount",
    "charged": "line_time",
}
"""Columns of a line and the field of the case that each is read as."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a message did to the bill of a stay.

    Attributes:
        changed: whether other lines stand, or the same with other words.
        amount: by how much their sum moved, in yuan; None: no line with an amount came or went.
        until: the last row that was added.
        issues: of the lines' values, as JSON; ``line`` names which.
    """

    changed: bool = False
    amount: Decimal | None = None
    until: int = 0
    issues: tuple[dict[str, Any], ...] = ()


class Bills:
    """The charge lines that a chunk of messages speaks of, in memory.

    Args:
        connection: the writing transaction.
        journal: takes changes back when a message fails.
    """

    def __init__(self, connection: Connection, journal: Journal) -> None:
        self._connection = connection
        self._journal = journal
        self._ids = Ids(connection, table)
        self._last: dict[int, dict[str, Entry | None]] = {}
        self._whole: dict[int, None] = {}
        self._rows: list[dict[str, Any]] = []
        self._text = connection.dialect.name == "sqlite"

    def fresh(self, stay: int) -> None:
        """A stay that was just made has no lines: there is nothing to ask for."""
        self._journal.put(self._whole, stay, None)

    def all(self, stay: int) -> dict[str, Entry]:
        """The lines of a stay that stand."""
        return standing(self._load(stay, None))

    def _load(self, stay: int, lines: Sequence[str] | None) -> dict[str, Entry | None]:
        last = self._last.setdefault(stay, {})
        if stay in self._whole:
            return last
        if lines is None or len(lines) > AT_ONCE:
            found = last_rows(read_rows(self._connection, stay))
            self._whole[stay] = None
            missing: Iterable[str] = found
        else:
            missing = list(dict.fromkeys(line for line in lines if line not in last))
            found = {}
            if missing:
                found = last_rows(read_rows(self._connection, stay, missing))
        for line in missing:
            # What this chunk added is in memory already and counts with what was there.
            if last.get(line) is None:
                last[line] = found.get(line)
        return last

    def put(
        self, stay: int, prefix: str, lines: Sequence[Line], *, whole: bool, stamp: int
    ) -> Change:
        """Add what a message says of the lines of a stay.

        Args:
            stay: its id.
            prefix: as :func:`prefix_of`, where the message names a stay that was merged into it.
            lines: as they came.
            whole: they take the place of all lines before.
            stamp: of the message.
        """
        named = _named(lines, prefix, stamp, whole=whole)
        marker = prefix + MARKER
        if whole:
            last = self._load(stay, None)
            before = standing(last)
            if _repeats(named, before, last.get(marker), stamp, prefix):
                return Change()
        else:
            obeyed = {m for line in named for m in markers(line)}
            last = self._load(stay, [*named, *obeyed])
            before = {line: row for line in named if (row := stands(line, last)) is not None}
        read, issues = _read(named)
        until = 0
        if whole:
            until = self._add(stay, Entry(marker, stamp, self._ids.take(), gone=True), {})
        for line, said in named.items():
            gone = said.action is ItemAction.DELETE
            known = last.get(line)
            same = (stamp, gone, said.about)
            if not whole and known and (known.stamp, known.gone, known.about) == same:
                continue
            values = read[line]
            row = Entry(
                line,
                stamp,
                self._ids.take(),
                gone=gone,
                amount=values["amount"],
                about=dict(said.about),
            )
            until = self._add(stay, row, values)
        rows = last if whole else dict.fromkeys(named)
        after = standing(last) if whole else {n: r for n in rows if (r := stands(n, last))}
        return Change(
            changed={n: r.about for n, r in before.items()}
            != {n: r.about for n, r in after.items()},
            amount=_moved(before, after),
            until=until,
            issues=issues,
        )

    def move(self, ended: int, stay: int, prefix: str) -> Change:
        """Copy the lines that stand of a stay that was merged into another.

        Args:
            ended: id of the stay that ends.
            stay: id of the one that goes on.
            prefix: as :func:`prefix_of`.
        """
        moved = self.all(ended)
        last = self._load(stay, None)
        marker = last.get(MARKER)
        since = marker.stamp if marker else 0
        named = {prefix + line: Line(key=line, about=row.about) for line, row in moved.items()}
        read, _ = _read(named)
        until = 0
        for row in moved.values():
            line = prefix + row.line
            copy = replace(row, line=line, stamp=max(row.stamp, since), id=self._ids.take())
            until = self._add(stay, copy, read[line])
        return Change(changed=bool(moved), amount=total(moved.values()), until=until)

    def _add(self, stay: int, row: Entry, values: Mapping[str, Any]) -> int:
        quantity = values.get("quantity")
        written = {
            **dict.fromkeys(FIELDS),
            **values,
            "id": row.id,
            "stay_id": stay,
            "line": row.line,
            "message_id": row.stamp,
            "gone": row.gone,
            "about": row.about,
        }
        if self._text and quantity is not None:
            written["quantity"] = str(quantity)
        self._journal.add(self._rows, written)
        last = self._last[stay]
        known = last.get(row.line)
        if known is None or row.after(known):
            self._journal.put(last, row.line, row)
        return row.id

    def flush(self) -> None:
        """Write the rows that were added."""
        if self._rows:
            self._connection.execute(insert(table), self._rows)
            self._rows.clear()


def _named(lines: Sequence[Line], prefix: str, stamp: int, *, whole: bool) -> dict[str, Line]:
    """Lines by the names they are kept under.

    A line without a key gets one of its message; one that repeats a key is another line within a
    whole bill, else a correction.
    """
    found: dict[str, Line] = {}
    for place, line in enumerate(lines):
        name = line_name(line.key, prefix) if line.key else f"{prefix}~@{stamp}.{place}"
        while whole and name in found:
            name = f"{name}#{place}"
        found[name] = line
    return found


def _repeats(
    named: Mapping[str, Line],
    before: Mapping[str, Entry],
    marker: Entry | None,
    stamp: int,
    prefix: str,
) -> bool:
    """Whether this very bill was applied already (a replay of what was applied)."""
    if marker is None or marker.stamp != stamp:
        return False
    own = {n: r.about for n, r in before.items() if r.stamp == stamp and n.startswith(prefix)}
    return own == {n: said.about for n, said in named.items()}


def _moved(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Decimal | None:
    was, now = total(before.values()), total(after.values())
    if was is None and now is None:
        return None
    return (now or Decimal(0)) - (was or Decimal(0))


def _read(
    named: Mapping[str, Line],
) -> tuple[dict[str, dict[str, Any]], tuple[dict[str, Any], ...]]:
    """The typed values of lines by name, and the issues of their values."""
    case, wrong = _case(list(named.values()))
    columns = [getattr(case, field) for field in FIELDS.values()]
    # A place that states nothing closes ranks; then, and where something is wrong, one by one.
    if not wrong and all(len(column) in {0, len(named)} for column in columns):
        blank = [None] * len(named)
        places = zip(*(column or blank for column in columns), strict=True)
        typed = [dict(zip(FIELDS, values, strict=True)) for values in places]
        return dict(zip(named, typed, strict=True)), ()
    found: dict[str, dict[str, Any]] = {}
    issues: list[dict[str, Any]] = []
    for name, line in named.items():
        case, wrong = _case([line])
        found[name] = {n: next(iter(getattr(case, field)), None) for n, field in FIELDS.items()}
        issues += [{**issue_json(issue), "line": line.key} for issue in wrong]
    return found, tuple(issues)


def _case(lines: Sequence[Line]) -> tuple[Case, list[Issue]]:
    return Case.from_mapping(
        {field: [line.about.get(field) for line in lines] for field in FIELDS.values()}
    )
