"""The running record of a stay: what events have said so far, as plain JSON.

Every value carries the stamp of the message that said it (its number in the inbox; of a replay the
original's). The greater stamp wins, so that the record does not depend on the order in which
messages are applied: one that waited in quarantine and is replayed later changes nothing that a
newer one said. Charge lines are kept apart (:mod:`grouper.store`), under the same rule.

Shape: ``{"cancelled": [bool, stamp], "facts": {name: [value, stamp]}, "extra": {path: [value,
stamp]}, "assessments": [lists, stamp], "unknown": [[[place, value], …], stamp], "dx": {"since":
stamp, "items": {key: item}}, "px": …}``
with ``item = {"stamp", "place", "rank", "code", "about"}``, or ``{"stamp", "gone": true}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.case.fields import members
from grouper.case.record import Case
from grouper.intake.event import ItemAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal

    from grouper.case.issues import Issue
    from grouper.intake.event import Coded, Event

Record = dict[str, Any]
"""See the module; JSON all through."""

_COMPANIONS = {name: members(name)[1:] for name in ("dx", "px")}
_LINE = members("line_item")


def merge(record: Mapping[str, Any], event: Event, stamp: int) -> Record:
    """The record after an event; the record given is left as it is.

    Args:
        record: as the module says; empty for a stay that is new.
        event: what a message says of the stay (its charge lines are not looked at).
        stamp: the order of the message among all messages.
    """
    found: Record = dict(record)
    if event.cancelled is not None:
        found["cancelled"] = _newer(found.get("cancelled"), event.cancelled, stamp)
    for name, values in (("facts", event.facts), ("extra", event.extra)):
        if values:
            known = dict(found.get(name, {}))
            for key, value in values.items():
                known[key] = _newer(known.get(key), value, stamp)
            found[name] = known
    if event.assessments is not None:
        scores = {name: list(values) for name, values in event.assessments.items()}
        found["assessments"] = _newer(found.get("assessments"), scores, stamp)
    if event.facts or event.dx is not None or event.px is not None:
        # A message that states facts or codes restates which of its places are not understood.
        unknown = [list(place) for place in event.unknown]
        if unknown or found.get("unknown"):
            found["unknown"] = _newer(found.get("unknown"), unknown, stamp)
    for name, codes, whole in (
        ("dx", event.dx, event.dx_whole),
        ("px", event.px, event.px_whole),
    ):
        if codes is not None:
            found[name] = _codes(found.get(name), codes, stamp, whole=whole)
    return found


def _newer(known: list[Any] | None, value: Any, stamp: int) -> list[Any]:  # noqa: ANN401 -- JSON
    return known if known is not None and known[1] > stamp else [value, stamp]


def _codes(
    known: Mapping[str, Any] | None, codes: Iterable[Coded], stamp: int, *, whole: bool
) -> dict[str, Any]:
    since = known["since"] if known else 0
    items = dict(known["items"]) if known else {}
    if whole and stamp >= since:
        since = stamp
        items = {key: item for key, item in items.items() if item["stamp"] > stamp}
    taken: set[str] = set()
    for place, coded in enumerate(codes if stamp >= since else ()):
        key = coded.key or coded.code or f"#{place}"
        if whole and key in taken:
            key = f"{key}#{place}"
        taken.add(key)
        if key in items and items[key]["stamp"] > stamp:
            continue
        items[key] = _item(coded, place, stamp)
    return {"since": since, "items": items}


def _item(coded: Coded, place: int, stamp: int) -> dict[str, Any]:
    if coded.action is ItemAction.DELETE:
        return {"stamp": stamp, "gone": True}
    return {
        "stamp": stamp,
        "place": place,
        "rank": coded.rank,
        "code": coded.code,
        "about": dict(coded.about),
    }


def join(record: Mapping[str, Any], prior: Mapping[str, Any]) -> Record:
    """The record of two stays that turn out to be one: as if all messages had spoken of one.

    Args:
        record: of the stay that goes on; whether it is cancelled is for its own messages to say.
        prior: of the stay that ends.
    """
    found: Record = dict(record)
    for name in ("facts", "extra"):
        if name in prior:
            known = dict(found.get(name, {}))
            for key, said in prior[name].items():
                known[key] = _newest(known.get(key), said)
            found[name] = known
    for name in ("assessments", "unknown"):
        if name in prior:
            found[name] = _newest(found.get(name), prior[name])
    for name in ("dx", "px"):
        if name in prior:
            one, other = found.get(name, {"since": 0, "items": {}}), prior[name]
            since = max(one["since"], other["since"])
            items = dict(one["items"])
            for key, item in other["items"].items():
                if key not in items or items[key]["stamp"] < item["stamp"]:
                    items[key] = item
            stand = {key: item for key, item in items.items() if item["stamp"] >= since}
            found[name] = {"since": since, "items": stand}
    return found


def _newest(known: list[Any] | None, said: list[Any]) -> list[Any]:
    return said if known is None or known[1] < said[1] else known


def said(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a record says, without the stamps: equal records make no new version of a stay."""
    singles = [
        {key: value for key, (value, _) in record.get(name, {}).items() if value is not None}
        for name in ("facts", "extra")
    ]
    lists = [
        [(item["rank"], item["code"], item["about"]) for item in entries(record, name)]
        for name in ("dx", "px")
    ]
    whole = [record[name][0] for name in ("assessments", "unknown") if record.get(name)]
    return cancelled(record), singles, lists, whole


def cancelled(record: Mapping[str, Any]) -> bool:
    """Whether the stay was called off."""
    return bool(record.get("cancelled", (False, 0))[0])


def entries(record: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The diagnoses (``dx``) or procedures (``px``) that stand, the principal one first."""
    items = record.get(name, {}).get("items", {}).values()
    stand = (item for item in items if not item.get("gone"))
    return sorted(stand, key=lambda i: (i["rank"], i["stamp"], i["place"], i["code"]))


def raw_case(record: Mapping[str, Any], lines: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """The record as a mapping that :meth:`grouper.case.record.Case.from_mapping` reads.

    Args:
        record: the running record.
        lines: ``about`` of the charge lines that stand, in their order.
    """
    raw = {name: value for name, (value, _) in record.get("facts", {}).items() if value is not None}
    for name, companions in _COMPANIONS.items():
        found = entries(record, name)
        if not found:
            continue
        # Nothing is promoted: without a principal entry its place stays empty.
        lead = [] if found[0]["rank"] == 0 else [None]
        raw[name] = lead + [item["code"] or None for item in found]
        for companion in companions:
            values = [item["about"].get(companion) for item in found]
            if any(value is not None for value in values):
                raw[companion] = lead + values
    if "assessments" in record:
        raw.update(record["assessments"][0])
    for name in _LINE:
        values = [line.get(name) for line in lines]
        if any(value is not None for value in values):
            raw[name] = values
    return raw


def case_of(
    record: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]] = (),
    bill: Decimal | None = None,
    **stated: str | None,
) -> tuple[Case, list[Issue]]:
    """The Case of a running record, and what is wrong with its values.

    Args:
        record: the running record.
        lines: as for :func:`raw_case`.
        bill: the sum of all charge lines that stand, in yuan: the total cost where no message
            states one.
        stated: raw values that do not come from messages (``case_id``, ``person`` the pseudonym,
            ``hospital``); None leaves what the record says.

    Returns:
        As :meth:`grouper.case.record.Case.from_mapping`.
    """
    raw = raw_case(record, lines)
    # Refunds alone are no cost of a case, nor is a bill that was taken back.
    if bill is not None and bill > 0:
        raw.setdefault("total_cost", str(bill))
    raw.update({name: value for name, value in stated.items() if value is not None})
    return Case.from_mapping(raw)
