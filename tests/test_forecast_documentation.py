"""The tables of docs/FORECAST.md are those of the data."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebooks.messages import catalogue
from grouper.forecast.documentation import SECTIONS, features, render, write
from grouper.forecast.features import names

PAGE = Path(__file__).resolve().parents[1] / "docs" / "FORECAST.md"


def test_the_page_is_made_of_the_tables() -> None:
    page = PAGE.read_text("utf-8")
    assert render(page) == page


def test_every_feature_stands_in_the_table_with_its_words() -> None:
    table = features()
    for lang in ("zh", "en"):
        words = catalogue(lang)
        for name in names():
            assert f"`{name}`" in table
            assert words[f"feature.{name}"]


def test_writing_again_changes_nothing(tmp_path: Path) -> None:
    copy = tmp_path / "page.md"
    copy.write_bytes(PAGE.read_bytes())
    write(copy)
    assert copy.read_bytes() == PAGE.read_bytes()


@pytest.mark.parametrize("name", sorted(SECTIONS))
def test_a_page_without_a_mark_is_refused(name: str) -> None:
    page = PAGE.read_text("utf-8").replace(f"<!-- {name}: ", "<!-- ")
    with pytest.raises(ValueError, match=name):
        render(page)
