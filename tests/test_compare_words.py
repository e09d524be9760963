"""The forms of numbers, and places told apart however large the dictionaries are."""

from __future__ import annotations

import pytest
from compare_support import results

from grouper.compare import nodes
from grouper.compare.nodes import Node, Nodes
from grouper.compare.words import difference, number, percent, points, reason_words


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "—"),
        (0, "0"),
        (1234567, "1,234,567"),
        ("1.5", "1.5"),
        ("1.50000", "1.5"),
        ("1200", "1,200"),
        ("1234.56785", "1,234.5679"),
        ("0.00004", "0.0000"),
    ],
)
def test_numbers(value: str | int | None, shown: str) -> None:
    assert number(value) == shown


def test_differences_carry_a_sign_unless_they_are_nothing() -> None:
    given = [None, "0", "0.00001", "1.25", "-1234.5", "-0.00004"]
    assert [difference(value) for value in given] == ["—", "0", "0", "+1.25", "-1,234.5", "0"]


def test_shares() -> None:
    assert percent(1, 3) == "33.3%"
    assert percent(1, 0) == "—"
    assert percent(None) == "—"
    assert percent("0.0005") == "0.1%"
    assert [points(v) for v in (None, "0.012345", "-0.5")] == ["—", "+1.235", "-50.000"]


def test_reasons_without_words_have_none() -> None:
    assert reason_words("zh", "GROUP_NONE") == "没有符合的病组"
    assert reason_words("zh", "NO_SUCH_REASON") == ""
    assert reason_words("zh", None) == ""


def test_places_are_told_apart_whatever_the_dictionaries_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        ("chs-drg-3.0", "grouped", None, "A1", None),
        ("chs-drg-3.0", "ambiguous", "PX_UNRELATED", "HQY", None),
        (None, "invalid", "ROW_RAGGED", None, None),
        ("chs-drg-2.0", "grouped", None, "A1", None),
        ("chs-drg-3.0", "grouped", None, "A1", None),
    ]
    found = []
    for most in (2**62, 1):
        monkeypatch.setattr(nodes, "_MOST", most)
        places = Nodes()
        found.append((places.numbers(results(rows)).tolist(), places.all))
    assert found[0] == found[1]
    assert found[0] == (
        [0, 1, 2, 3, 0],
        [
            Node("chs-drg-3.0", "grouped", None, "A1"),
            Node("chs-drg-3.0", "ambiguous", "PX_UNRELATED"),
            Node(None, "invalid", "ROW_RAGGED"),
            Node("chs-drg-2.0", "grouped", None, "A1"),
        ],
    )
