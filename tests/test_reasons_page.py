"""``docs/REASONS.md`` is what the catalogues say, and every reason has its words and its field."""

from __future__ import annotations

from pathlib import Path

from grouper.case.fields import FIELDS
from grouper.schemes.documentation import render, write
from grouper.schemes.reasons import FIELD, Reason

PAGE = Path(__file__).resolve().parents[1] / "docs" / "REASONS.md"


def test_the_page_is_up_to_date(tmp_path: Path) -> None:
    again = tmp_path / "page.md"
    write(again)
    assert again.read_text("utf-8") == render() == PAGE.read_text("utf-8")


def test_every_reason_speaks_of_a_field_of_the_case() -> None:
    assert set(FIELD) == set(Reason)
    assert set(FIELD.values()) <= set(FIELDS)
