"""Messages read a second by the HL7 v2 codec, and its ratio to the package ``hl7``.

Reading is: parse the bytes of an admission message of 1 to 2 KB and take ten fields of it.

Usage: python benchmarks/hl7_codec.py [MESSAGES]
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import hl7
from report import told

from hl7_adapters.hl7v2.codec import build, parse

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGES = 20_000
ROUNDS = 3
ORACLE_SHARE = 20
"""The package is slower; it reads one message of so many."""
CHARSETS = ("UNICODE UTF-8", "GB18030", "UNICODE")
PLACES = (
    ("MSH", 9, 1),
    ("MSH", 10, 1),
    ("PID", 3, 1),
    ("PID", 5, 1),
    ("PID", 7, 1),
    ("PID", 8, 1),
    ("PV1", 3, 4),
    ("PV1", 19, 1),
    ("PV1", 44, 1),
    ("DG1", 3, 1),
)


def message(number: int, charset: str) -> bytes:
    """An invented admission with four diagnoses, two insurances and a site's own segment."""
    at = "20240305081500"
    person = [
        *(
            "1",
            ("", "", ""),
            [(f"P{number:08}", "", "", "HIS", "PI"), ("0000", "", "", "YB", "SS")],
        ),
        *("", ("测试患者", "", "", "", "", "", "L"), "", "19560412", "M", "", "1"),
        *(
            ("示范街道1号", "", "示范市", "示范省", "000000", "CHN", "H"),
            "",
            "000-00000000",
            "",
            "zh",
        ),
    ]
    stay = [
        *("1", "I", ("0301", "12", "05", "心血管内科", "", "N", "B2", "3"), "1", "", ("", "", "")),
        *(("D001", "甲医师"), ("D002", "乙医师"), "", "0301", "", "", "", "1", "", ""),
        *(("D001", "甲医师"), "I", (f"V{number:08}", "", "", "HIS", "VN"), "310", *[""] * 23, at),
    ]
    diagnoses = [
        ("I21.401", "急性前壁心肌梗死"),
        ("I10.x00", "特发性(原发性)高血压"),
        ("E11.900", "2型糖尿病不伴有并发症"),
        ("I50.900", "心力衰竭，未特指"),
    ]
    return build(
        [
            ("MSH", ["|", "^~\\&", "HIS", "H0001", "GROUPER", "INS", at, "", ("ADT", "A01", "ADT_A01"), f"M{number:010}", "P", "2.5.1"]),
            ("EVN", ["A01", at, "", "", ("D001", "甲医师"), at]),
            ("PID", [*person, *[""] * 12, "中国"]),
            ("NK1", ["1", ("测试联系人",), ("SPO", "配偶"), ("示范街道1号", "", "示范市"), "000-00000000"]),
            ("PV1", stay),
            ("PV2", ["", ("2", "双人间"), ("I21.4", "胸痛3小时入院")]),
            *(
                ("DG1", [str(n), "ICD10", (code, name, "I10N"), name, at, "A" if n == 1 else "W"])
                for n, (code, name) in enumerate(diagnoses, 1)
            ),
            ("IN1", ["1", "310", "H0001", "城镇职工基本医疗保险", ("示范街道2号", "", "示范市"), *[""] * 7, at]),
            ("IN1", ["2", "999", "C0001", "示范商业补充保险", ("示范街道3号", "", "示范市"), *[""] * 7, at]),
            ("ZXX", ["1", "入院途径", "急诊", "护理级别", "一级", "备注", "既往体健，否认药物过敏史&家族史"]),
        ],
        charset,
    )  # fmt: skip


def ours(raw: bytes) -> list[str]:
    """The ten fields by the codec."""
    read = parse(raw)
    found = {name: read.first(name) for name in ("MSH", "PID", "PV1", "DG1")}
    return [
        segment.value(field, component)
        for name, field, component in PLACES
        if (segment := found[name]) is not None
    ]


def oracle(raw: bytes) -> list[str]:
    """The same by the package, which has to be told the character set."""
    read = hl7.parse(raw.decode("utf-8"))
    return [
        read.extract_field(name, 1, field, 1, component, 1) for name, field, component in PLACES
    ]


def rate(read: Callable[[bytes], list[str]], messages: list[bytes]) -> float:
    """Messages a second, the best of some rounds."""
    best = 0.0
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for raw in messages:
            read(raw)
        best = max(best, len(messages) / (time.perf_counter() - start))
    return best


def main() -> None:
    """Print the rates and the ratio."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else MESSAGES
    sets = {name: [message(n, name) for n in range(count)] for name in CHARSETS}
    first = sets[CHARSETS[0]]
    assert ours(first[0]) == oracle(first[0])
    rates = {}
    for name, messages in sets.items():
        rates[name] = rate(ours, messages)
        print(
            f"{name}: {rates[name]:,.0f} messages/s of {len(messages[0]):,} bytes, ten fields read"
        )
    slow = rate(oracle, first[: max(1, count // ORACLE_SHARE)])
    told("hl7_codec.utf8", rates[CHARSETS[0]], "messages/s")
    told("hl7_codec.gb18030", rates[CHARSETS[1]], "messages/s")
    told("hl7_codec.to_package", rates[CHARSETS[0]] / slow, "times")
    print(f"package hl7: {slow:,.0f} messages/s; ratio {rates[CHARSETS[0]] / slow:.1f}")


if __name__ == "__main__":
    main()
