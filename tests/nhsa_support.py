"""Messages of the NHSA interface with plainly invented numbers, made from the field tables."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from grouper.case import Case
from grouper.intake.record import Record, case_of, merge
from hl7_adapters.nhsa import FORM, NhsaForm
from hl7_adapters.nhsa.tables import FieldRule, load_tables

TABLES = load_tables()
LOCAL = ZoneInfo("Asia/Shanghai")
HEAD = {
    "infno": "",
    "msgid": "H00000000001202603041000000001",
    "mdtrtarea_admvs": "990000",
    "insuplc_admdvs": "990000",
    "recer_sys_code": "FSI_LOCAL",
    "dev_no": "",
    "signtype": "SM3",
    "inf_time": "2026-03-04 10:00:00",
    "fixmedins_code": "H00000000001",
    "opter": "001",
}
DX = [
    {
        "diag_type": "1",
        "diag_code": "I21.001",
        "diag_name": "a",
        "adm_cond_type": "1",
        "maindiag_flag": "1",
    },
    {
        "diag_type": "1",
        "diag_code": "E11.900",
        "diag_name": "b",
        "adm_cond_type": "4",
        "maindiag_flag": "0",
    },
]
PX = [
    {
        "oprn_oprt_type": "1",
        "oprn_oprt_code": "36.0601",
        "oprn_oprt_name": "c",
        "oprn_oprt_date": "2026-03-02",
    },
    {
        "oprn_oprt_type": "2",
        "oprn_oprt_code": "88.5500",
        "oprn_oprt_name": "d",
        "oprn_oprt_date": "2026-03-02",
    },
]
LIST = {
    "mdtrt_id": "V1",
    "psn_no": "P1",
    "gend": "1",
    "brdy": "1960-05-01",
    "age": "65",
    "adm_time": "2026-03-01 08:30:00",
    "dscg_time": "2026-03-04 10:00:00",
    "adm_caty": "A03",
    "dscg_caty": "A03.01",
    "act_ipt_days": "3",
    "vent_used_dura": "0/5/30",
    "dscg_way": "1",
}
ICU = [
    {
        "scs_cutd_ward_type": "1",
        "scs_cutd_inpool_time": "2026-03-01 09:00:00",
        "scs_cutd_exit_time": "2026-03-02 11:07:00",
        "scs_cutd_sum_dura": "1/2/7",
    }
]
ITEMS = [{"med_chrgitm": "01", "amt": "1000.10"}, {"med_chrgitm": "09", "amt": "234.40"}]


def message(transaction: str, content: Any, key: str = "input", **head: str) -> dict[str, Any]:
    return {**HEAD, "infno": transaction, **head, key: content}


def raw(body: Any, encoding: str = "utf-8") -> bytes:
    return json.dumps(body, ensure_ascii=False).encode(encoding)


def settlement(**nodes: Any) -> dict[str, Any]:
    return {
        "setlinfo": LIST,
        "diseinfo": DX,
        "oprninfo": PX,
        "icuinfo": ICU,
        "iteminfo": ITEMS,
    } | nodes


def record_of(*bodies: Any, form: NhsaForm = FORM) -> Record:
    record: Record = {}
    for stamp, body in enumerate(bodies, 1):
        for event in form.events(body if isinstance(body, bytes) else raw(body)):
            record = merge(record, event, stamp)
    # The store keeps it as JSON.
    kept: Record = json.loads(json.dumps(record))
    return kept


def only(body: Any, form: NhsaForm = FORM) -> Any:
    """The one event that a message tells."""
    (event,) = form.events(body if isinstance(body, bytes) else raw(body))
    return event


def case_from(*bodies: Any, form: NhsaForm = FORM) -> Case:
    return case_of(record_of(*bodies, form=form))[0]


_ORDER = {"diag_srt_no": "00", "oprn_srt_no": "01"}
_FILLED = ("mdtrt_id", "diag_code", "oprn_oprt_code", "maindiag_flag", "main_oprn_flag")


def sample(rule: FieldRule, dialect: str) -> str:
    """A value that a row of the field table allows."""
    if rule.field in _ORDER:
        return _ORDER[rule.field]
    if rule.list:
        return next(iter(TABLES.roles(rule.list, dialect)))
    return {
        "number": "1",
        "date": "2026-03-01",
        "time": "2026-03-01 08:00:00",
        "duration": "0/1/0",
    }.get(rule.type, "1")


def full(transaction: str, dialect: str) -> dict[str, Any]:
    """Nodes with every required field filled in, as the dialect spells them."""
    write = TABLES.spelling(transaction, dialect).write
    rules = TABLES.fields(transaction, dialect)
    found: dict[str, Any] = {}
    for name, node in TABLES.nodes[transaction].items():
        row = {
            write.get((name, field), field): sample(rule, dialect)
            for (owner, field), rule in rules.items()
            if owner == name and (rule.required or field in _FILLED)
        }
        if row:
            found[write.get((name, ""), name)] = [row] if node.many else row
    return found
