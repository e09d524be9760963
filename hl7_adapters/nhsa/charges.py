"""Charge detail (2301) as events: one for each stay, with its lines."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from grouper.case.fields import FIELDS
from grouper.intake.event import Event, Line
from hl7_adapters.nhsa.identity import hospital, numbers
from hl7_adapters.nhsa.messages import blank
from hl7_adapters.nhsa.roles import code_role
from hl7_adapters.nhsa.sums import amount_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hl7_adapters.nhsa.identity import Numbers
    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.options import Options
    from hl7_adapters.nhsa.tables import Tables


def read_charges(message: Message, tables: Tables, options: Options) -> Iterator[Event]:
    """The lines of a message, by patient and visit in the order of their first line.

    A refund is a line of its own with a negative quantity, as the interface has it; which line it
    takes back stands in ``refund_of``. A line without a number is known by its content.
    """
    node = next(n.name for n in tables.nodes[message.transaction].values() if n.holds == "lines")
    priced = _priced(message, tables)
    stays: dict[Numbers, list[tuple[int, Row]]] = {}
    for at, row in enumerate(message.rows(node), 1):
        stays.setdefault(numbers(message, tables, options, row), []).append((at, row))
    family = tables.families[message.transaction]
    rest = {f"{family}.rest.{path}": value for path, value in message.rest.items()}
    for found, rows in stays.items():
        unknown: list[tuple[str, str]] = []
        facts: dict[str, Any] = {}
        lines = tuple(
            _line(message, node, at, row, tables, priced, facts, unknown) for at, row in rows
        )
        yield Event(
            patient=found.patient,
            visit=found.visit,
            hospital=hospital(message, tables),
            facts=facts,
            lines=lines,
            extra=rest,
            unknown=tuple(unknown),
        )


def _priced(message: Message, tables: Tables) -> dict[str, Row]:
    """What the answer of the insurer says of each line, where it is sent along."""
    nodes = tables.nodes[message.transaction].values()
    name = next((n.name for n in nodes if n.holds == "priced"), "")
    by = {m.to: m.field for m in tables.meanings(message.transaction, name)}
    return {key: row for row in message.rows(name) if (key := row.get(by["key"]) or "")}


def _line(
    message: Message,
    node: str,
    at: int,
    row: Row,
    tables: Tables,
    priced: dict[str, Row],
    facts: dict[str, Any],
    unknown: list[tuple[str, str]],
) -> Line:
    about: dict[str, str] = {}
    taken, key = set(), ""
    for meaning in tables.meanings(message.transaction, node):
        value = row.get(meaning.field)
        if value is None or blank(value):
            continue
        taken.add(meaning.field)
        if meaning.to == "key":
            key = value.strip()
        elif meaning.to == "kind":
            role = code_role(message, node, meaning.field, value, tables)
            about[meaning.field] = str(value)
            if role:
                facts.setdefault("kind", role)
            else:
                unknown.append((message.place(node, meaning.field, at), str(value)))
        elif meaning.to in FIELDS and not FIELDS[meaning.to].nested:
            facts.setdefault(meaning.to, str(value).strip())
        else:
            about.setdefault(meaning.to, str(value).strip())
    about |= _others(row, taken)
    mean = {m.field: m.to for m in tables.meanings(message.transaction, "result")}
    for name, value in _others(priced.get(key, {}), set()).items():
        to = mean.get(name, name)
        # A highest price of nought says that there is none.
        free = to == "line_limit" and amount_of(value) == 0
        about.setdefault(name if to == "key" or free else to, value)
    if _signs_differ(about):
        unknown.append((message.place(node, "cnt", at), about["line_quantity"]))
    return Line(key=key or _content_key(about), about=about)


def _others(row: Row, taken: set[str]) -> dict[str, str]:
    return {n: str(v) for n, v in row.items() if n not in taken and v is not None and v.strip()}


def _signs_differ(about: dict[str, str]) -> bool:
    """Whether a refund is one by its quantity and none by its amount, or the other way."""
    quantity, amount = (amount_of(about.get(name)) for name in ("line_quantity", "line_amount"))
    return quantity is not None and amount is not None and quantity * amount < 0


def _content_key(about: dict[str, str]) -> str:
    said = "\x1f".join(f"{name}={about[name]}" for name in sorted(about))
    return "#" + hashlib.sha256(said.encode()).hexdigest()[:32]
