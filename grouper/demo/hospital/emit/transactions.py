"""A month as the insurer's transactions: 4101 settlement lists, 2304 settlements, 2301 charges."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from grouper.case.fields import FIELDS
from grouper.demo.hospital.emit.persons import names, patient, written
from grouper.demo.hospital.emit.settings import settings
from hl7_adapters.nhsa import write_case
from hl7_adapters.nhsa.case_values import envelope_of, write_value
from hl7_adapters.nhsa.tables import load_tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.record import Case
    from grouper.demo.hospital.emit.month import Line

LIST, SETTLEMENT, CHARGES = "4101", "2304", "2301"
_STAMP = 1
_SCOPE = "line_scope"


def settlement_list(case: Case, label: str) -> dict[str, Any]:
    """The settlement list 4101 of a case with its lines.

    Args:
        case: the case.
        label: the message's id.
    """
    hospital = settings()["hospital"]
    stated = {
        "mdtrt_id": case.case_id,
        "setl_id": f"S{case.case_id}",
        "fixmedins_code": hospital["code"],
        "fixmedins_name": hospital["name"],
        "medcasno": patient(case),
    }
    extra: dict[str, Any] = {
        f"{LIST}.setlinfo.{name}": [value, _STAMP] for name, value in stated.items()
    }
    if case.fund_paid is not None:
        # A list splits what the funds paid by fund, which a case does not know.
        paid = {
            "fund_pay_type": settings()["nhsa"]["fund_pay_type"],
            "fund_payamt": written(case.fund_paid),
        }
        extra[f"{LIST}.payinfo"] = [[paid], _STAMP]
    person = {"name": "".join(names(case)), "hi_no": patient(case), "medcasno": patient(case)}
    nodes = write_case(case, LIST, record={"extra": extra}, person=person).nodes
    return _message(LIST, label, case, input=dict(nodes))


def settlement(case: Case, label: str) -> dict[str, Any]:
    """The insurer's answer 2304: who pays what, as far as the case knows."""
    info = _numbers(case) | {"setl_id": f"S{case.case_id}"} | _fields(SETTLEMENT, "setlinfo", case)
    return _message(SETTLEMENT, label, case, output={"setlinfo": info})


Charged = tuple[dict[str, str], dict[str, str]]
"""A line as a row of the charge detail, and as the insurer's answer has it."""


def charged(case: Case, lines: Sequence[Line]) -> list[Charged]:
    """The lines of a stay as the interface has them; each has the same fields, also where empty."""
    return [(_detail(case, line), _result(case, line)) for line in lines]


def charges(case: Case, lines: Sequence[Charged], label: str) -> dict[str, Any]:
    """The charge detail 2301 of a stay with the insurer's answer to it."""
    detail = [_filled(line) for line, _ in lines]
    answer = [_filled(line) for _, line in lines]
    return _message(CHARGES, label, case, input={"feedetail": detail}, output={"result": answer})


def _detail(case: Case, line: Line) -> dict[str, str]:
    row = {"feedetl_sn": _key(case, line)} | _numbers(case)
    row |= {"med_type": case.visit_type or "", "pric": written(line["line_price"])}
    return row | _line(CHARGES, "feedetail", line)


def _result(case: Case, line: Line) -> dict[str, str]:
    row = {"feedetl_sn": _key(case, line)} | _line(CHARGES, "result", line)
    field = _by(CHARGES, "result")[_SCOPE]
    codes = settings()["nhsa"]["scope"]
    row[field] = codes.get(row[field], row[field])
    return row


def _key(case: Case, line: Line) -> str:
    """The number of a line; HL7 names it alike, so that no line counts twice."""
    return f"{case.case_id}-{line['line']}"


def _numbers(case: Case) -> dict[str, str]:
    return {"mdtrt_id": case.case_id or "", "psn_no": patient(case)}


@cache
def _by(transaction: str, node: str) -> Mapping[str, str]:
    """The field of a node by what it means for a case."""
    found: dict[str, str] = {}
    for meaning in load_tables().meanings(transaction, node):
        found.setdefault(meaning.to, meaning.field)
    return found


def _line(transaction: str, node: str, line: Line) -> dict[str, str]:
    by = _by(transaction, node)
    # A field that both nodes have is stated by the answer alone.
    theirs = _by(transaction, "result") if node != "result" else {}
    return {
        field: written(line[name])
        for name, field in by.items()
        if name in line and name not in theirs
    }


def _fields(transaction: str, node: str, case: Case) -> dict[str, str]:
    rules = load_tables().fields(transaction, "")
    found = {}
    for name, field in _by(transaction, node).items():
        rule = rules.get((node, field))
        value = getattr(case, name) if name in FIELDS and name != "kind" else None
        if value is not None and rule is not None:
            found[field] = write_value(value, rule)[0]
    return found


def _filled(row: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in row.items() if value}


def _message(transaction: str, label: str, case: Case, **contents: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    hospital = settings()["hospital"]
    moment = written(case.discharge_time)
    head = {
        "infno": transaction,
        "msgid": label,
        **envelope_of(case),
        "recer_sys_code": hospital["system"],
        "inf_time": moment,
        "fixmedins_code": hospital["code"],
    }
    return {**_filled(head), **contents}
