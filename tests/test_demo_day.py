"""The bundled day of messages is what its tool makes, and says what it is meant to say."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from pathlib import Path

from hl7_adapters.hl7v2 import FORM

ROOT = Path(__file__).resolve().parents[1]
DAY = ROOT / "grouper" / "demo" / "day"


def test_the_tool_makes_the_bundled_day(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make_day", ROOT / "tools" / "make_day.py")
    assert spec is not None
    assert spec.loader is not None
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.main(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in DAY.iterdir()}


def test_the_day_holds_good_and_bad_messages_in_two_character_sets() -> None:
    lines = (DAY / "messages.jsonl").read_text("utf-8").splitlines()
    sent = [json.loads(line) for line in lines]
    assert {one["charset"] for one in sent} == {"utf-8", "gb18030"}
    read = [FORM.envelope(one["text"].encode(one["charset"])) for one in sent]
    assert Counter(one.reason for one in read if one.reason) == {
        "VISIT_MISSING": 1,
        "TYPE_UNSUPPORTED": 1,
        "MERGE_TO_ITSELF": 1,
    }
    repeated = Counter(one.control_id for one in read)
    assert [count for count in repeated.values() if count > 1] == [3]
