"""3101 and 3102 read: each visit as raw values of a case, with its lines."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from codebooks.places import insured_of, region_of
from grouper.intake.forms import IntakeError
from grouper.intake.preaudit import Asked, AskedLine, AskedVisit, Remark
from hl7_adapters.nhsa.body import Number
from hl7_adapters.nhsa.preaudit_tables import BY_RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hl7_adapters.nhsa.preaudit_nodes import Body, Element
    from hl7_adapters.nhsa.preaudit_tables import PreauditTables, Scene

PERSON, VISIT = "patient_dtos", "fsi_encounter_dtos"
DIAGNOSIS, LINE, OPERATION = "fsi_diagnose_dtos", "fsi_order_dtos", "fsi_operation_dtos"
_APART = frozenset({"patient", "current", "visit", "hospital", "main_dx"})
"""What a field means that is no field of a case."""
_PLACES = {"region": region_of, "insured_region": insured_of}
_LAST = 1 << 30
_UNKNOWN, _NUMBER, _TWICE = "VALUE_UNKNOWN", "CODE_INVALID", "VALUE_INVALID"
_YES, _DISCHARGE = "yes", "discharge"
_EXPONENT = 30
"""Amounts of more digits are none."""


def read_asked(body: Body, transaction: str, tables: PreauditTables) -> Asked:
    """A request to check.

    Raises:
        IntakeError: ``PREAUDIT_SCENE``: it says neither a known scene nor rules;
            ``PREAUDIT_EMPTY``: there is no visit in it; ``VISIT_MISSING``: which one is asked
            about cannot be told.
    """
    scene, rules = _scene(body.head, tables)
    reader = _Reader(tables, scene, body.remarks)
    visits = [
        visit
        for number, person in enumerate(body.head.children.get(PERSON, ()), 1)
        for visit in reader.visits(person, number)
    ]
    if not visits:
        raise IntakeError("PREAUDIT_EMPTY", place=PERSON)
    return Asked(
        transaction=transaction,
        scene=scene.scene,
        moment=scene.moment,
        engine=scene.engine,
        classes=scene.classes,
        only_proposed=scene.proposed,
        rules=rules,
        visits=tuple(visits),
        reply=body.reply,
        remarks=tuple(body.remarks),
    )


def _scene(head: Element, tables: PreauditTables) -> tuple[Scene, tuple[str, ...]]:
    means = {to: name for name, to in tables.meanings["data"]}
    rules = tuple(dict.fromkeys(head.several.get(means["rules"], ())))
    said = head.values.get(means["scene"], "").strip()
    found = tables.scenes.get(said or (BY_RULES if rules else ""))
    if found is None or (said and found.scene == BY_RULES):
        raise IntakeError("PREAUDIT_SCENE", place=head.at(means["scene"]))
    return found, rules


class _Reader:
    """Reads the visits of one message."""

    def __init__(self, tables: PreauditTables, scene: Scene, remarks: list[Remark]) -> None:
        self._tables, self._scene, self._remarks = tables, scene, remarks

    def visits(self, person: Element, number: int) -> Iterator[AskedVisit]:
        """The visits of a person."""
        said = dict(self._said(person, PERSON))
        elements = person.children.get(VISIT, [])
        own = [dict(self._said(one, VISIT)) for one in elements]
        current = said.get("current", "").strip()
        if not current and len(elements) == 1:
            current = own[0].get("visit", "").strip()
        numbers = [one.get("visit", "").strip() for one in own]
        if elements and numbers.count(current) != 1:
            # Whom the question is about is never guessed.
            raise IntakeError("VISIT_MISSING", place=f"{person.place}.curr_mdtrt_id")
        for element, told, visit in zip(elements, own, numbers, strict=True):
            raw = {
                to: value
                for to, value in (said | told).items()
                if to not in _APART and to != "kind"
            }
            kind = self._kind(element)
            yield AskedVisit(
                person=number,
                patient=said.get("patient", "").strip(),
                visit=visit,
                current=visit == current,
                hospital=told.get("hospital", "").strip(),
                raw={
                    **self._placed(raw),
                    **({"kind": kind} if kind else {}),
                    **self._codes(element),
                },
                lines=tuple(self._lines(element)),
            )

    def _said(self, element: Element, node: str) -> Iterator[tuple[str, str]]:
        """What an element says, each meaning once: the better rank of those filled in."""
        taken: set[str] = set()
        for name, to in self._tables.meanings.get(node, ()):
            value = element.values.get(name)
            if value is not None and to not in taken:
                taken.add(to)
                yield to, value

    def _placed(self, raw: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = dict(raw)
        for name, known in _PLACES.items():
            if name in found:
                place = known(found.pop(name))
                if place:
                    found[name] = place
        return found

    def _kind(self, element: Element) -> str:
        for name, to in self._tables.meanings[VISIT]:
            if to != "kind" or name not in element.values:
                continue
            found = self._value(element, name)
            if found:
                return found
        return self._scene.kind

    def _value(self, element: Element, name: str) -> str:
        """What a code says; one that is not known is told and says nothing."""
        code = element.values.get(name, "").strip()
        found = self._tables.values.get((name, code), "")
        if code and not found:
            self._remarks.append(Remark(element.at(name), _UNKNOWN))
        return found

    def _flag(self, element: Element, node: str, meaning: str) -> str:
        name = next(name for name, to in self._tables.meanings[node] if to == meaning)
        return self._value(element, name)

    def _codes(self, visit: Element) -> dict[str, Any]:
        """Diagnoses and procedures, the principal first; nothing is promoted to its place."""
        named = next(n for n, to in self._tables.meanings[VISIT] if to == "main_dx")
        stated = self._code(visit, named)
        found: dict[str, Any] = {}
        for node, field, beside in ((DIAGNOSIS, "dx", "dx_time"), (OPERATION, "px", "px_date")):
            rows = self._coded(visit.children.get(node, ()), node)
            lead = self._lead(rows, visit.at(node))
            if lead is None and field == "dx" and stated:
                lead = next((row for row in rows if row["code"] == stated), {"code": stated})
            if not rows and lead is None:
                continue
            others = [row for row in rows if lead is None or row["code"] != lead["code"]]
            listed = [lead or {}, *others]
            found[field] = [row.get("code") for row in listed]
            found[beside] = [row.get(beside) for row in listed]
        return found

    def _coded(self, elements: Sequence[Element], node: str) -> list[dict[str, str]]:
        """The rows of a list of codes in the order that they state, each code once."""
        rows = []
        for element in elements:
            said = dict(self._said(element, node))
            name = next(n for n, to in self._tables.meanings[node] if to == "code")
            code = self._code(element, name)
            if code:
                row = {**said, "code": code, "main": self._flag(element, node, "main")}
                if "phase" in said:
                    row["phase"] = self._flag(element, node, "phase")
                rows.append(row)
        rows.sort(key=lambda row: _place(row.get("place", "")))
        # Of a code that stands twice the row that is marked as the principal counts.
        rows.sort(key=lambda row: row["main"] != _YES)
        found: dict[str, dict[str, str]] = {}
        for row in rows:
            found.setdefault(row["code"], row)
        return list(found.values())

    def _lead(self, rows: Sequence[dict[str, str]], place: str) -> dict[str, str] | None:
        marked = [row for row in rows if row["main"] == _YES]
        if len(marked) > 1:
            discharged = [row for row in marked if row.get("phase") == _DISCHARGE]
            if len(discharged) != 1:
                self._remarks.append(Remark(place, _TWICE))
            marked = discharged or marked
        return marked[0] if marked else None

    def _code(self, element: Element, name: str) -> str:
        value = element.values.get(name, "")
        if isinstance(value, Number):
            # 51.23 without quotes may have been 51.2300, 11… may have begun with a nought.
            self._remarks.append(Remark(element.at(name), _NUMBER))
            return ""
        return value.strip()

    def _lines(self, visit: Element) -> Iterator[AskedLine]:
        elements = visit.children.get(LINE, [])
        flagged = next(n for n, to in self._tables.meanings[LINE] if to == "proposed")
        stated = any(flagged in one.values for one in elements)
        names: set[str] = set()
        for number, element in enumerate(elements, 1):
            said = dict(self._said(element, LINE))
            name = said.pop("name", "").strip() or f"#{number}"
            if name in names:
                # One order of several charges: each keeps a name of its own.
                name = f"{name}#{number}"
            names.add(name)
            if "line_item" in said:
                item = next(n for n, to in self._tables.meanings[LINE] if to == "line_item")
                said["line_item"] = self._code(element, item)
            own = said.pop("hospital_item", "").strip()
            said.pop("proposed", None)
            price = said.pop("price", "")
            if "line_amount" not in said:
                amount = _product(price, said.get("line_quantity", ""))
                if amount:
                    said["line_amount"] = amount
            yield AskedLine(
                name=name,
                proposed=not stated or self._value(element, flagged) == _YES,
                about={to: str(value).strip() for to, value in said.items() if value},
                hospital_item=own,
            )


def _place(written: str) -> int:
    text = written.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < len(str(_LAST)) else _LAST


def _product(price: str, quantity: str) -> str:
    try:
        factors = [Decimal(one.strip()) for one in (price, quantity)]
    except InvalidOperation:
        return ""
    if not all(one.is_finite() and abs(one.adjusted()) < _EXPONENT for one in factors):
        return ""
    return format(factors[0] * factors[1], "f")
