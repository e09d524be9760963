"""docs/HL7V2.md and the tables say the same."""

from __future__ import annotations

import re
from pathlib import Path

from grouper.case.fields import FIELDS
from hl7_adapters.hl7v2 import load_mapping
from hl7_adapters.hl7v2.result import PLACEHOLDERS

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "HL7V2.md").read_text("utf-8")


def test_each_type_is_described_under_its_event() -> None:
    described: dict[str, str] = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) > 3 and re.fullmatch(r"[A-Z]{3}\^.*", cells[1]):
            described |= dict.fromkeys(cells[1].split(), cells[2])
    words = {
        ("stay",): "stay",
        ("person",): "person",
        ("merge_person",): "merge of persons",
        ("merge_visit",): "merge of visits",
        ("merge_person", "merge_visit"): "both merges",
        ("nothing",): "nothing",
    }
    rules = load_mapping().types.values()
    assert described == {rule.name: words[tuple(e.value for e in rule.events)] for rule in rules}


def test_each_placeholder_is_described() -> None:
    line = next(line for line in PAGE.splitlines() if line.startswith("Placeholders:"))
    named = set(re.findall(r"`([a-z_]+)`", line))
    own = {name for name in PLACEHOLDERS if name not in FIELDS} | {"hospital", "dx", "px"}
    assert named - {"person"} == own
    assert set(PLACEHOLDERS) - own == {
        name for name, field in FIELDS.items() if not field.nested
    } - {"hospital", "person"}
