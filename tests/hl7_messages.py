"""Made-up HL7 messages of a Chinese hospital; every number and name in them is invented."""

from __future__ import annotations

from hl7_adapters.hl7v2 import FORM

CHARSETS = {"GB 18030-2000": "gb18030", "UNICODE UTF-8": "utf-8"}
PATIENT, VISIT = "P900001", "ZY900001"
PID = f"PID|1||{PATIENT}^^^测试医院^PI~000000000000000000^^^^NI||测试^患者||19610203|M"


def pv1(
    kind: str = "I",
    *,
    visit: str = VISIT,
    admitted: str = "20260301083000+0800",
    discharged: str = "",
    way: str = "",
) -> str:
    """PV1 with the fields that the shipped mapping reads."""
    cells = [""] * 53
    cells[1], cells[2], cells[3], cells[10] = "1", kind, "0301^^^心内科", "MED"
    cells[19], cells[36], cells[44], cells[45] = visit, way, admitted, discharged
    return "PV1|" + "|".join(cells[1:]).rstrip("|")


def dg1(number: int, code: str, **cells: str) -> str:
    """DG1; further cells by ``f<number>``."""
    return segment("DG1", f1=str(number), f3=code, **cells)


def segment(name: str, **cells: str) -> str:
    """A segment of cells by ``f<number>``."""
    numbered = {int(key[1:]): value for key, value in cells.items()}
    row = [numbered.get(n, "") for n in range(1, max(numbered) + 1)]
    return f"{name}|" + "|".join(row)


def message(
    kind: str,
    *segments: str,
    control_id: str = "T1",
    charset: str = "UNICODE UTF-8",
    version: str = "2.5",
) -> bytes:
    """A message; EVN states an event time of its own."""
    header = (
        f"MSH|^~\\&|HIS|测试医院|GROUPER|医保办|20260310120000||{kind}|{control_id}|P|{version}"
        f"||||||{charset}"
    )
    event = f"EVN|{kind[4:7]}|20260310120000||||20260305101500"
    text = "\r".join([header, event, *segments]) + "\r"
    return text.encode(CHARSETS.get(charset, "utf-8"))


def stay(kind: str, *segments: str, **options: str) -> bytes:
    """A message about the stay of the made-up patient."""
    return message(kind, PID, *(segments or (pv1(),)), **options)


def one(raw: bytes, form: object = FORM):  # noqa: ANN201 -- the event
    """The only event of a message."""
    (event,) = form.events(raw)  # type: ignore[attr-defined]
    return event


EVERY_KIND = [
    stay(
        "ADT^A03^ADT_A03",
        pv1(discharged="20260305101500", way="1"),
        dg1(1, "I21.001^梗死^医保版", f6="F", f15="1", f20="D1", f26="1"),
        segment("PR1", f1="1", f3="36.0601", f5="20260303", f14="1", f16="50"),
        "ZXX|1|乙~丙",
        charset="GB 18030-2000",
    ),
    stay("DFT^P03", pv1(), segment("FT1", f1="1", f2="L", f4="2026", f6="CR", f10="1", f11="9")),
    stay("BAR^P12", pv1(), dg1(1, "I10.x00", f21="D"), pv1(visit="V2"), "PR1|1||x"),
    message("ADT^A40", "PID|1||P1~P2^^^^MR", "MRG|P3", "PID|1||P4", "MRG|P5"),
    stay("ADT^A06", "MRG|||AC||V9", pv1()),
]
"""Each kind of event once, with what is odd in it: a moved patient, a merge, a segment of nobody's."""
