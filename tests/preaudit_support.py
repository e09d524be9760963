"""Bodies of 3101, 3102 and 3103 with plainly invented numbers and names, and how they are sent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nhsa_support import raw

if TYPE_CHECKING:  # the fuzzing of messages needs no service
    from service_support import Service

DATA = Path(__file__).resolve().parents[1] / "hl7_adapters" / "nhsa" / "data"
CYCLED, WOMEN = "002503020020000", "XG01AFA222D003010101770"


def line(item: str | None, name: str, *, current: int = 1, **more: Any) -> dict[str, Any]:
    """An element of ``fsi_order_dtos``."""
    return {
        "rx_id": name,
        "rxno": "R1",
        "long_drord_flag": 0,
        "hilist_type": "201",
        "chrg_type": "04",
        "drord_bhvr": 0,
        "hilist_code": item,
        "hilist_name": "示例项目",
        "hilist_lv": "01",
        "cnt": 1,
        "pric": 12.5,
        "sumamt": 12.5,
        "drord_begn_date": "2026-02-22 10:00:00",
        "drord_stop_date": None,
        "drord_dept_codg": "A03",
        "drord_dept_name": "心内科",
        "drord_dr_codg": "D7",
        "drord_dr_name": "示例李四",
        "curr_drord_flag": current,
    } | more


def visit(number: str, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An element of ``fsi_encounter_dtos``: a running stay of heart."""
    return {
        "mdtrt_id": number,
        "medins_id": "H00000000001",
        "medins_name": "示例医院",
        "medins_admdvs": "990000",
        "adm_date": "2026-02-20 08:00:00",
        "dscg_date": None,
        "dscg_main_dise_codg": "I21.001",
        "dr_codg": "D7",
        "adm_dept_codg": "A03",
        "dscg_dept_codg": "",
        "med_mdtrt_type": "2",
        "med_type": "21",
        "insutype": "310",
        "medfee_sumamt": 0,
        "fsi_diagnose_dtos": [
            {
                "dise_id": 1,
                "inout_dise_type": "1",
                "maindise_flag": 1,
                "dias_srt_no": 1,
                "dise_codg": "I21.001",
                "dise_name": "示例",
                "dise_date": "2026-02-20 08:00:00",
            }
        ],
        "fsi_operation_dtos": [],
        "fsi_order_dtos": list(lines),
    } | more


def person(*visits: dict[str, Any], current: str | None = None, **more: Any) -> dict[str, Any]:
    """An element of ``patient_dtos``: a man."""
    return {
        "patn_id": "P1",
        "patn_name": "示例张三",
        "gend": "1",
        "brdy": "1960-05-01",
        "poolarea": "990000",
        "curr_mdtrt_id": visits[0]["mdtrt_id"] if current is None else current,
        "fsi_encounter_dtos": list(visits),
        "fsi_his_data_dto": "",
    } | more


def body(*persons: dict[str, Any], scene: str = "5", **more: Any) -> dict[str, Any]:
    """A request as hospital systems send it."""
    data = {"syscode": "HIS", "rule_ids": [], "trig_scen": scene, "patient_dtos": list(persons)}
    return {
        "infno": "3101",
        "msgid": "H00000000001202602221000000001",
        "mdtrtarea_admvs": "990000",
        "opter": "001",
        "opter_name": "示例李四",
        "inf_time": "2026-02-22 10:00:00",
        "fixmedins_code": "H00000000001",
        "input": {"data": data | more},
    }


def whole_body() -> dict[str, Any]:
    """A request with an earlier charge and an order that breaks its cycle."""
    earlier = line(CYCLED, "L1", current=0, drord_begn_date="2026-02-21 09:00:00")
    return body(person(visit("V1", earlier, line(CYCLED, "L2"))))


def feedback(*warns: dict[str, Any], kind: str = "1") -> dict[str, Any]:
    """What became of findings."""
    return {
        "infno": "3103",
        "msgid": "H00000000001202602221000000002",
        "input": {"data": {"warn_type": kind, "warns": list(warns)}},
    }


def warn(key: str, way: str, reason: str = "") -> dict[str, str]:
    """What became of one finding."""
    return {"warn_rslt_id": key, "dspo_way": way, "dspo_way_rea": reason}


def send(on: Service, transaction: str, found: Any, **more: Any) -> Any:
    """A request to the service, by the interface unless told otherwise."""
    content = found if isinstance(found, bytes) else raw(found)
    role = more.pop("role", "interface")
    return on.ask(role, "POST", f"/api/v1/nhsa/{transaction}", content=content, **more)
