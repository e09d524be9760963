"""Diagnoses, procedures and charge lines of a part of a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.intake.event import Coded, ItemAction, Line
from hl7_adapters.hl7v2.codec import NULL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from hl7_adapters.hl7v2.book import CodesRule, LinesRule
    from hl7_adapters.hl7v2.codec import Segment
    from hl7_adapters.hl7v2.identify import Group
    from hl7_adapters.hl7v2.places import Scope
    from hl7_adapters.hl7v2.sources import Source, Unknown

_FINAL, _OTHER = 0, -1
_AMOUNT = re.compile(r"[+-]?[0-9]{1,14}(?:\.[0-9]{0,8})?")
"""A number that is reckoned with; any other spelling is for the Case to judge."""


@dataclass(slots=True)
class Entry:
    """A diagnosis or procedure before its list is made.

    Attributes:
        scope: what it is read from.
        number: of its segment among those of the name.
        kind: place of its kind in the order of preference; -1: it stands beside the case.
        priority: as written.
        action: ``set``, ``delete``, ``none`` or as written.
    """

    scope: Scope
    number: int
    kind: int
    priority: str
    action: str


@dataclass(frozen=True, slots=True)
class Codes:
    """A list of diagnoses or procedures.

    Attributes:
        codes: the list; None when the message holds no segment of it.
        systems: what the entries say of their edition, in their order, each once.
        admission: code of the diagnosis of admission; empty where none is stated.
        left: numbers of segments that stand beside the case.
    """

    codes: tuple[Coded, ...] | None
    systems: tuple[str, ...] = ()
    left: tuple[int, ...] = ()
    admission: str = ""


def read_codes(group: Group, rule: CodesRule, unknown: Unknown, *, whole: bool) -> Codes:
    """The diagnoses or procedures of a part of a message.

    Args:
        group: the part.
        rule: how they are read.
        unknown: takes values that no table knows.
        whole: they are a snapshot, of which the best kind counts; else each entry does.
    """
    found = [_entry(n, scope, rule, unknown) for n, scope in _scopes(group, rule.segment, rule.own)]
    if not found:
        return Codes(None)
    kinds = [entry.kind for entry in found if entry.kind != _OTHER]
    best = min(kinds, default=_FINAL)
    entries = [e for e in found if e.kind == best or (not whole and e.kind != _OTHER)]
    left = tuple(entry.number for entry in found if entry not in entries)
    admission = _admission(found, rule)
    if not entries:
        # Only what stands beside the case: nothing is said of the list.
        return Codes(None, left=left)
    ranked = any(entry.priority for entry in entries)
    codes: list[Coded] = []
    systems: dict[str, None] = {}
    for entry in entries:
        code, _ = rule.code.found(entry.scope)
        about = _about(rule.about, entry.scope, unknown)
        if entry.action == "none" or (code in ("", NULL) and not about.get("name")):
            continue
        first = not ranked and whole and not codes and rule.otherwise == "first"
        key, _ = rule.key.found(entry.scope)
        codes.append(
            Coded(
                code="" if code == NULL else code,
                rank=0 if first or entry.priority in rule.principal else 1,
                key="" if key == NULL else key,
                action=ItemAction.DELETE if entry.action == "delete" else ItemAction.SET,
                about=about,
            )
        )
        system, place = rule.system.found(entry.scope)
        meaning = rule.system.table.get(system) if rule.system.table else system
        if meaning is None and system != NULL:
            unknown.add(place, system)
        elif meaning:
            systems[meaning] = None
    return Codes(tuple(codes), tuple(systems), left, admission)


def _admission(found: Sequence[Entry], rule: CodesRule) -> str:
    """The code of admission: of the entries of its kind the principal one, else the first."""
    if rule.admission not in rule.kinds:
        return ""
    kind = rule.kinds.index(rule.admission)
    stated = [e for e in found if e.kind == kind and e.action not in ("none", "delete")]
    ranked = sorted(stated, key=lambda entry: entry.priority not in rule.principal)
    codes = (rule.code.found(entry.scope)[0] for entry in ranked)
    return next((code for code in codes if code not in ("", NULL)), "")


def _entry(number: int, scope: Scope, rule: CodesRule, unknown: Unknown) -> Entry:
    kind = rule.kind.read(scope, unknown) or ""
    place = rule.kinds.index(kind) if kind in rule.kinds else _FINAL
    if kind == "other":
        place = _OTHER
    priority, _ = rule.rank.found(scope)
    return Entry(
        scope,
        number,
        place,
        "" if priority == NULL else priority,
        rule.action.read(scope, unknown) or "set",
    )


@dataclass(frozen=True, slots=True)
class Charges:
    """The charge lines of a part of a message.

    Attributes:
        lines: in their order.
        procedures: that the lines state.
        left: numbers of segments that are no charges.
    """

    lines: tuple[Line, ...]
    procedures: tuple[Coded, ...]
    left: tuple[int, ...]


def read_lines(group: Group, rule: LinesRule, unknown: Unknown, origin: str) -> Charges:
    """The charge lines of a part of a message.

    A line without an id of its own takes the message's with its number, so that no line takes the
    place of another. A credit has a key apart from the charge of the same id, so that both stand.

    Args:
        group: the part.
        rule: how they are read.
        unknown: takes values that no table knows.
        origin: tells the message from any other.
    """
    lines: dict[str, Line] = {}
    procedures: dict[str, Coded] = {}
    left: list[int] = []
    for number, scope in _scopes(group, rule.segment, rule.own):
        kind = rule.kind.read(scope, unknown) or "charge"
        if kind == "payment":
            left.append(number)
            continue
        about = _about(rule.about, scope, unknown)
        _amounts(about, credit=kind == "credit")
        stated, _ = rule.key.found(scope)
        key = f"{origin}#{number}" if stated in ("", NULL) else stated
        key = key if kind == "charge" else f"{key}/{kind}"
        deleted = rule.action.read(scope, unknown) == "delete"
        line = Line(key=key, action=ItemAction.DELETE if deleted else ItemAction.SET, about=about)
        if key in lines and lines[key] != line:
            key = f"{key}#{number}"
            line = Line(key=key, action=line.action, about=about)
        lines[key] = line
        code, _ = rule.procedure.found(scope)
        if code not in ("", NULL) and kind == "charge" and not deleted:
            day = rule.procedure_date.read(scope, unknown)
            procedures[code] = Coded(
                code=code, key=f"{rule.segment}:{code}", about={"px_date": day} if day else {}
            )
    return Charges(tuple(lines.values()), tuple(procedures.values()), tuple(left))


def without(codes: Iterable[Coded], known: Collection[str]) -> tuple[Coded, ...]:
    """The codes that are not known yet."""
    return tuple(coded for coded in codes if coded.code not in known)


def _amounts(about: dict[str, Any], *, credit: bool) -> None:
    """Complete the amount from price and quantity, and make a credit negative."""
    if not about.get("line_amount"):
        price, quantity = (_number(about.get(name)) for name in ("price", "line_quantity"))
        if price is not None and quantity is not None:
            about["line_amount"] = format(price * quantity, "f")
            about["amount_from"] = "price"
    if credit:
        for name in ("line_amount", "line_quantity"):
            value = _number(about.get(name))
            if value is not None and value > 0:
                about[name] = f"-{about[name].lstrip('+')}"


def _number(raw: str | None) -> Decimal | None:
    return Decimal(raw) if raw and _AMOUNT.fullmatch(raw) else None


def _about(sources: Mapping[str, Source], scope: Scope, unknown: Unknown) -> dict[str, Any]:
    found = {name: source.read(scope, unknown) for name, source in sources.items()}
    return {name: value for name, value in found.items() if value != ""}


def _scopes(group: Group, name: str, own: Collection[str]) -> Iterator[tuple[int, Scope]]:
    """Each segment of a name with its number, and what may be read beside it.

    Site-defined segments that belong to it are those between it and the next one of its name;
    other segments are those of the whole part.
    """
    anchors = group.scope.get(name, [])
    if not own:
        for number, segment in enumerate(anchors, 1):
            yield number, {**group.scope, name: [segment]}
        return
    followers: list[dict[str, list[Segment]]] = []
    for segment in group.segments:
        if segment.name == name:
            followers.append({name: [segment], **{other: [] for other in own}})
        elif followers and segment.name in own:
            followers[-1][segment.name].append(segment)
    for number, found in enumerate(followers, 1):
        yield number, {**group.scope, **found}
