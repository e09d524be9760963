"""Numbers of thousands of digits, which Python refuses to read: they are none, and nothing breaks."""

from __future__ import annotations

import pytest

from dashboards.app_pages.auditing.asking import number_of
from grouper.forecast.lines import _class
from grouper.rules.parser import RuleSyntaxError, parse
from grouper.schemes.drg.evaluate import number_in
from grouper.schemes.drg.layout import _whole
from grouper.service.problems import ServiceError
from grouper.service.stored import cursor_of
from hl7_adapters.hl7v2.places import read_place

MANY = "9" * 5000


def test_both_engines_read_texts_alike() -> None:
    for read in (number_in, _whole):
        assert [read(text) for text in ("7", "007", "x", "", MANY)] == [7, 7, None, None, None]


def test_a_rule_with_such_a_number_is_refused_at_its_place() -> None:
    with pytest.raises(RuleSyntaxError) as caught:
        parse(f"length(OP_A ∩ ZYSS) >= {MANY}")
    assert (caught.value.code, caught.value.where.position) == ("RULE_TOKEN", 24)
    assert len(caught.value.describe("en")) < 400
    assert parse("length(OP_A ∩ ZYSS) >= 999999999") is not None


def test_classes_of_lines() -> None:
    assert [_class(word) for word in ("01", "14", "15", MANY)] == [1, 14, 0, 0]


def test_a_place_may_ask_for_any_text() -> None:
    place = read_place(f"PID-3[1={MANY}].2+PID-4[2]")
    assert place is not None
    assert place.parts[0].having == (1, frozenset({MANY}))
    assert (place.parts[0].component, place.parts[1].repetition) == (2, 2)


def test_addresses_and_cursors() -> None:
    assert [number_of(text) for text in ("12", MANY, "", "x")] == [12, 0, None, 0]
    for written in (f"1.{MANY}", f"{MANY}.1", "1", f"{1 << 62}.1"):
        with pytest.raises(ServiceError, match="CURSOR_INVALID"):
            cursor_of(written)
    found = cursor_of("5.7")
    assert found is not None
    assert (found.changed, found.id) == (5, 7)
