"""What Grouper proposes against what the hospital sent: a list, never written back by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.case.dates import parse_time
from grouper.case.record import Case
from grouper.intake.record import case_of, merge
from hl7_adapters.nhsa.body import parse
from hl7_adapters.nhsa.checks import plain
from hl7_adapters.nhsa.durations import minutes_of
from hl7_adapters.nhsa.messages import Message, Row, blank, understand
from hl7_adapters.nhsa.options import Options
from hl7_adapters.nhsa.reading import StayReader
from hl7_adapters.nhsa.sums import amount_of
from hl7_adapters.nhsa.writing import write_onto

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hl7_adapters.nhsa.tables import FieldRule, Node, Tables

_HIDDEN = "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference.

    Attributes:
        node: the node as the message spells it.
        row: 1-based number of the row: of the original, of an added row of the proposal; 0: the
            node is no list.
        field: the field as the message spells it.
        name: its Chinese name.
        original: what was sent; empty: nothing.
        proposed: what is proposed; empty: nothing. Values that name a person are never shown.
        reason: ``VALUE_CHANGED``, ``VALUE_ADDED``, ``VALUE_REMOVED``, ``ROW_ADDED`` or
            ``ROW_REMOVED``; words under ``nhsa.difference.<CODE>``.
        source: why it is proposed, as the caller says.
    """

    node: str
    row: int
    field: str
    name: str
    original: str
    proposed: str
    reason: str
    source: str

    def words(self, lang: str | None = None) -> str:
        """The reason in one language."""
        return text(f"nhsa.difference.{self.reason}", lang)


def differences(
    original: bytes | Mapping[str, Any],
    proposed: Case | Mapping[str, Any],
    *,
    source: str = "",
    sources: Mapping[str, str] | None = None,
    options: Options | None = None,
) -> list[Difference]:
    """Compare a message with a proposal.

    Args:
        original: the message, or its body.
        proposed: a Case as it should be, or nodes in any spelling: a node or field that is left out
            stays as it was, an empty one is taken away, a list is the whole list.
        source: why it is proposed.
        sources: other reasons by ``node.field`` in national names.
        options: how the message is read.

    Returns:
        The differences in the order of nodes, rows and fields. What a Case does not hold, or what
        it merely derives from the message, is none.

    Raises:
        IntakeError: the message or the nodes cannot be read.
    """
    options = options or Options()
    tables = options.load()
    body = plain(original) if isinstance(original, Mapping) else parse(original)
    before = understand(body, tables, dialect=options.dialect)
    if isinstance(proposed, Case):
        event = StayReader(before, tables, options).event()
        since = case_of(merge({}, event, 1))[0]
        after = write_onto(proposed, before, tables, since=since).message
    else:
        nodes = plain(proposed)
        dialect = before.dialect
        after = understand(nodes, tables, transaction=before.transaction, dialect=dialect)
    return list(_Comparison(before, after, tables, source, sources or {}).found())


class _Comparison:
    def __init__(
        self,
        before: Message,
        after: Message,
        tables: Tables,
        source: str,
        sources: Mapping[str, str],
    ) -> None:
        self.before, self.after, self.tables = before, after, tables
        self.source, self.sources = source, sources
        self.rules = tables.fields(before.transaction, before.dialect)

    def found(self) -> Iterator[Difference]:
        for name, node in self.tables.nodes[self.before.transaction].items():
            if name not in self.after.nodes:
                continue
            old, new = self.before.rows(name), self.after.rows(name)
            if not node.many:
                yield from self._row(name, 0, old[0] if old else {}, new[0] if new else {}, "VALUE")
                continue
            for at, one, other in _paired(node, old, new):
                kind = "VALUE" if one and other else "ROW"
                yield from self._row(name, at, one, other, kind)

    def _row(self, node: str, at: int, old: Row, new: Row, kind: str) -> Iterator[Difference]:
        for name in new or old:
            one, other = (row.get(name) for row in (old, new))
            rule = self.rules.get((node, name))
            if same(one, other, rule):
                continue
            if kind == "ROW":
                reason = "ROW_ADDED" if not old else "ROW_REMOVED"
            else:
                reason = "VALUE_CHANGED"
                reason = "VALUE_ADDED" if blank(one) else reason
                reason = "VALUE_REMOVED" if blank(other) else reason
            place = self.before.spelled
            yield Difference(
                node=place.get((node, ""), node),
                row=at,
                field=place.get((node, name), name),
                name=rule.name if rule else "",
                original=_seen(one, rule),
                proposed=_seen(other, rule),
                reason=reason,
                source=self.sources.get(f"{node}.{name}", self.source),
            )


def same(one: str | None, other: str | None, rule: FieldRule | None) -> bool:
    """Whether two written values say the same: ``3200.00`` and ``3200``, two forms of one day."""
    if blank(one) or blank(other):
        return blank(one) and blank(other)
    first, second = str(one).strip(), str(other).strip()
    if first == second:
        return True
    kind = rule.type if rule is not None else ""
    if kind == "number":
        amounts = amount_of(first), amount_of(second)
        return None not in amounts and amounts[0] == amounts[1]
    if kind == "duration":
        minutes = minutes_of(first), minutes_of(second)
        return None not in minutes and minutes[0] == minutes[1]
    if kind in ("date", "time"):
        times = parse_time(first)[0], parse_time(second)[0]
        if None in times:
            return False
        return times[0] == times[1]
    return False


def _seen(value: str | None, rule: FieldRule | None) -> str:
    if blank(value):
        return ""
    closed = rule is not None and rule.private
    return _HIDDEN if closed else str(value)


def _paired(node: Node, old: Sequence[Row], new: Sequence[Row]) -> Iterator[tuple[int, Row, Row]]:
    """Rows that speak of the same entry: by their key, then the leftovers in their order."""
    spare = list(enumerate(new))
    pairs: dict[int, Row] = {}
    for at, row in enumerate(old):
        key = _key(node, row)
        match = next((one for one in spare if _key(node, one[1]) == key), None)
        if match is not None:
            spare.remove(match)
            pairs[at] = match[1]
    for at in range(len(old)):
        if at not in pairs and spare:
            pairs[at] = spare.pop(0)[1]
    for at, row in enumerate(old):
        yield at + 1, row, pairs.get(at, {})
    for place, row in spare:
        yield place + 1, {}, row


def _key(node: Node, row: Row) -> tuple[str, ...]:
    return tuple((row.get(name) or "").strip() for name in node.key)
