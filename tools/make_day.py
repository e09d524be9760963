"""Make the bundled day of messages out of the bundled month (a maintainer's step).

The same bytes every time. Stays of the month are told as a hospital's systems would tell them:
admission, diagnoses and procedures, charges and discharge by HL7 v2 (UTF-8 and GB18030, a few of
them wrong on purpose), settlement lists and FHIR bundles by REST, front pages as a file.

Usage: python tools/make_day.py [FOLDER]
"""

from __future__ import annotations

import csv
import json
import random
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
MONTH = HERE / "grouper" / "demo" / "month.csv"
SEED = 20261222
HL7, LISTS, BUNDLES, PAGES = 60, 24, 12, 40
FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%Y/%m/%d", "%Y年%m月%d日", "%Y%m%d")
WARDS = {"01": "心内科", "02": "呼吸科", "04": "消化科", "05": "骨科", "06": "泌尿外科"}
# Charge items, their class (of the 14 of the settlement list) and their share of a bill.
ITEMS = (
    ("001109000020000", "普通病房床位费", "01", 12),
    ("250101001000000", "血细胞分析", "04", 8),
    ("210200001000000", "磁共振平扫", "03", 20),
    ("XA01-INVENTED", "注射用药", "09", 35),
    ("C01-INVENTED", "一次性材料", "08", 25),
)


def moment(written: str) -> datetime | None:
    """A time of the month, whose forms vary as front pages do."""
    for form in FORMS:
        try:
            return datetime.strptime(written, form)  # noqa: DTZ007 -- local time of the hospital
        except ValueError:
            continue
    return None


def usable(row: dict[str, str]) -> bool:
    """Whether the month tells enough of a stay to tell its course."""
    admitted, discharged = moment(row["入院时间"]), moment(row["出院时间"])
    sexed = row["性别"] in {"男", "女"}
    born, principal = moment(row["出生日期"]), row["主要诊断编码"]
    return bool(admitted and discharged and born and principal and sexed and row["总费用"])


def stamp(at: datetime) -> str:
    """A time as HL7 writes it."""
    return f"{at:%Y%m%d%H%M%S}+0800"


class Stay:
    """One stay of the month."""

    def __init__(self, row: dict[str, str], number: int) -> None:
        self.row = row
        self.patient, self.visit = f"P{number:06d}", f"ZY{number:06d}"
        admitted, discharged = moment(row["入院时间"]), moment(row["出院时间"])
        born = moment(row["出生日期"])
        if admitted is None or discharged is None or born is None:
            raise ValueError(number)
        self.admitted, self.discharged, self.born = admitted, discharged, born
        self.male = row["性别"] == "男"
        self.dx = [row["主要诊断编码"], *filter(None, row["其他诊断编码"].split("|"))]
        main, others = row["主要手术编码"], row["其他手术编码"]
        self.px = [code for code in (main, *others.split("|")) if code]
        self.ward = row["出院科别"]
        self.cost = Decimal(row["总费用"].replace(",", ""))

    def lines(self) -> list[tuple[str, str, str, str, Decimal]]:
        """The bill: key, item, name, class and amount of each line; together the total cost."""
        left, found = self.cost, []
        for at, (item, name, kind, share) in enumerate(ITEMS):
            last = at == len(ITEMS) - 1
            amount = left if last else (self.cost * share / 100).quantize(Decimal("0.01"))
            left -= amount
            found.append((f"{self.visit}-{at + 1}", item, name, kind, amount))
        return found


class Sender:
    """Writes the HL7 messages of stays."""

    def __init__(self) -> None:
        self.count = 0
        self.sent: list[dict[str, str]] = []

    def send(self, kind: str, segments: list[str], charset: str, at: datetime) -> None:
        """Add one message."""
        self.count += 1
        named = "UNICODE UTF-8" if charset == "utf-8" else "GB 18030-2000"
        head = f"MSH|^~\\&|HIS|DEMO|GROUPER|DEMO|{stamp(at)}||{kind}|DEMO{self.count:06d}|P|2.5|||AL|NE||{named}"
        event = f"EVN|{kind[4:7]}|{stamp(at)}"
        self.sent.append({"charset": charset, "text": "\r".join((head, event, *segments)) + "\r"})

    def person(self, stay: Stay) -> str:
        """PID: an invented name."""
        sex = "M" if stay.male else "F"
        return f"PID|1||{stay.patient}^^^DEMO^PI||示例^患者{stay.patient[-4:]}||{stay.born:%Y%m%d}|{sex}"

    def visit(self, stay: Stay, *, discharged: bool = False) -> str:
        """PV1 with admission and, at the end, discharge."""
        ward = f"{stay.ward}^^^{WARDS.get(stay.ward, '')}"
        cells = [""] * 46
        cells[1], cells[2], cells[3], cells[19] = "1", "I", ward, stay.visit
        cells[44] = stamp(stay.admitted)
        if discharged:
            cells[36], cells[45] = stay.row["离院方式"], stamp(stay.discharged)
        return "PV1|" + "|".join(cells[1:]).rstrip("|")

    def codes(self, stay: Stay) -> list[str]:
        """DG1 and PR1 of everything known at the end."""
        found = [
            f"DG1|{n}|ICD10|{code}^^ICD10||{stamp(stay.discharged)}|F|||||||||{1 if n == 1 else 2}"
            for n, code in enumerate(stay.dx, 1)
        ]
        for n, code in enumerate(stay.px, 1):
            day = stamp(stay.admitted + timedelta(days=1))
            found.append(f"PR1|{n}|ICD9|{code}^^ICD9||{day}|||||||||{1 if n == 1 else 2}")
        return found

    def tell(self, stay: Stay, charset: str) -> None:
        """A stay from admission to discharge."""
        self.send("ADT^A01^ADT_A01", [self.person(stay), self.visit(stay)], charset, stay.admitted)
        lines = stay.lines()
        for part in (lines[:3], lines[3:]):
            charged = stay.admitted + timedelta(hours=20)
            bill = [
                f"FT1|{n}|{key}||{stamp(charged)}||CG|{item}^{name}||{kind}|1|{amount}|{amount}"
                for n, (key, item, name, kind, amount) in enumerate(part, 1)
            ]
            self.send(
                "DFT^P03^DFT_P03",
                [self.person(stay), self.visit(stay), *bill],
                charset,
                charged,
            )
        self.send(
            "ADT^A03^ADT_A03",
            [self.person(stay), self.visit(stay, discharged=True), *self.codes(stay)],
            charset,
            stay.discharged,
        )


def odd_messages(sender: Sender, stays: list[Stay]) -> None:
    """What also comes in a day: repeats, contradictions, gaps, and what is no case at all."""
    at = stays[0].discharged
    first = sender.sent[0]
    sender.sent.append(dict(first))
    sender.sent.append({**first, "text": first["text"].replace("|I|", "|O|")})
    person = sender.person(stays[0])
    sender.send("ADT^A08^ADT_A01", [person, "PV1|1|I"], "utf-8", at)
    sender.send("ORU^R01^ORU_R01", [person, "OBX|1|NM|WBC||7.1"], "utf-8", at)
    gone = stays[1]
    sender.send("ADT^A11^ADT_A09", [sender.person(gone), sender.visit(gone)], "utf-8", at)
    merged = f"MRG|{stays[2].patient}^^^DEMO^PI"
    sender.send("ADT^A40^ADT_A39", [sender.person(stays[3]), merged], "gb18030", at)
    itself = f"MRG|{stays[4].patient}^^^DEMO^PI"
    sender.send("ADT^A40^ADT_A39", [sender.person(stays[4]), itself], "utf-8", at)


def settlement_list(stay: Stay, number: int) -> dict[str, Any]:
    """The NHSA transaction 4101 of a stay."""
    day = "%Y-%m-%d %H:%M:%S"
    info = {
        "mdtrt_id": stay.visit,
        "setl_id": f"S{stay.visit}",
        "fixmedins_name": "示例医院",
        "fixmedins_code": "H00000000001",
        "medcasno": stay.row["病案号"],
        "psn_no": stay.patient,
        "psn_name": f"示例{stay.patient[-4:]}",
        "gend": "1" if stay.male else "2",
        "brdy": f"{stay.born:%Y-%m-%d}",
        "adm_time": f"{stay.admitted:{day}}",
        "dscg_time": f"{stay.discharged:{day}}",
        "dscg_caty": stay.ward,
        "dscg_way": stay.row["离院方式"],
        "insutype": "310",
        "medfee_sumamt": str(stay.cost),
    }
    diseases = [
        {
            "diag_type": "1",
            "diag_code": code,
            "diag_name": "",
            "maindiag_flag": "1" if n == 0 else "0",
        }
        for n, code in enumerate(stay.dx)
    ]
    operations = [
        {
            "oprn_oprt_type": "1" if n == 0 else "2",
            "oprn_oprt_code": code,
            "oprn_oprt_name": "",
            "oprn_oprt_date": f"{stay.admitted + timedelta(days=1):%Y-%m-%d}",
        }
        for n, code in enumerate(stay.px)
    ]
    return {
        "infno": "4101",
        "msgid": f"H00000000001{stay.discharged:%Y%m%d%H%M%S}{number:04d}",
        "fixmedins_code": "H00000000001",
        "inf_time": f"{stay.discharged:{day}}",
        "input": {"setlinfo": info, "diseinfo": diseases, "oprninfo": operations},
    }


def bundle(stay: Stay, number: int) -> dict[str, Any]:
    """A FHIR bundle of a stay: R4 and R5 by turns."""
    newer = number % 2 == 1
    code = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}
    period = {
        "start": f"{stay.admitted.isoformat()}+08:00",
        "end": f"{stay.discharged.isoformat()}+08:00",
    }
    encounter: dict[str, Any] = {
        "resourceType": "Encounter",
        "id": stay.visit,
        "identifier": [{"value": stay.visit}],
        "status": "completed" if newer else "finished",
        "class": [{"coding": [code]}] if newer else code,
        "subject": {"reference": f"Patient/{stay.patient}"},
        ("actualPeriod" if newer else "period"): period,
    }
    conditions = [
        {
            "resourceType": "Condition",
            "id": f"{stay.visit}-d{n}",
            "subject": {"reference": f"Patient/{stay.patient}"},
            "encounter": {"reference": f"Encounter/{stay.visit}"},
            "code": {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.3", "code": one}]},
        }
        for n, one in enumerate(stay.dx, 1)
    ]
    if newer:
        encounter["diagnosis"] = [
            {
                "condition": [{"reference": {"reference": f"Condition/{stay.visit}-d{n}"}}],
                "use": [{"coding": [{"code": "billing" if n == 1 else "comorbidity"}]}],
            }
            for n in range(1, len(stay.dx) + 1)
        ]
    else:
        encounter["diagnosis"] = [
            {"condition": {"reference": f"Condition/{stay.visit}-d{n}"}, "rank": n}
            for n in range(1, len(stay.dx) + 1)
        ]
    performed = f"{stay.admitted + timedelta(days=1):%Y-%m-%d}"
    procedures = [
        {
            "resourceType": "Procedure",
            "id": f"{stay.visit}-p{n}",
            "status": "completed",
            "subject": {"reference": f"Patient/{stay.patient}"},
            "encounter": {"reference": f"Encounter/{stay.visit}"},
            "code": {"coding": [{"code": one}]},
            ("occurrenceDateTime" if newer else "performedDateTime"): performed,
        }
        for n, one in enumerate(stay.px, 1)
    ]
    patient = {
        "resourceType": "Patient",
        "id": stay.patient,
        "identifier": [{"value": stay.patient}],
        "name": [{"text": f"示例{stay.patient[-4:]}"}],
        "gender": "male" if stay.male else "female",
        "birthDate": f"{stay.born:%Y-%m-%d}",
    }
    held = [patient, encounter, *conditions, *procedures]
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "identifier": {"system": "urn:grouper:demo", "value": f"DEMO-{stay.visit}"},
        "entry": [
            {"fullUrl": f"urn:demo:{one['resourceType']}/{one['id']}", "resource": one}
            for one in held
        ],
    }


def main(folder: Path) -> None:
    """Write the day."""
    with MONTH.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    told = [row for row in rows if usable(row)]
    random.Random(SEED).shuffle(told)  # noqa: S311 -- the same day every time, nothing secret
    stays = [Stay(row, n) for n, row in enumerate(told[: HL7 + LISTS + BUNDLES], 1)]
    sender = Sender()
    for n, stay in enumerate(stays[:HL7]):
        sender.tell(stay, "gb18030" if n % 3 == 0 else "utf-8")
    odd_messages(sender, stays)
    lists = [settlement_list(one, n) for n, one in enumerate(stays[HL7 : HL7 + LISTS])]
    bundles = [bundle(one, n) for n, one in enumerate(stays[HL7 + LISTS :])]
    pages = told[HL7 + LISTS + BUNDLES :][:PAGES]
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in (("messages", sender.sent), ("lists", lists), ("bundles", bundles)):
        lines = [json.dumps(one, ensure_ascii=False) for one in held]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", "utf-8")
    with (folder / "pages.csv").open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(pages)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "grouper" / "demo" / "day")
