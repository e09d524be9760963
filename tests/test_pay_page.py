"""``docs/PAYMENT.md`` tells every reason, column, method, band and part of the share that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from grouper.payment.columns import HISTORY_SCHEMA
from grouper.payment.documentation import END, START, render, table, write
from grouper.payment.methods import methods
from grouper.payment.reasons import PayReason, PayWarning
from grouper.payment.result import PAYMENT_SCHEMA, Band
from grouper.payment.share.many import YEAR
from grouper.payment.share.parts import PARTS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "PAYMENT.md"


def test_the_reasons_are_up_to_date(tmp_path: Path) -> None:
    again = tmp_path / "page.md"
    again.write_text(f"before\n{START}old\n{END}after\n", "utf-8")
    write(again)
    assert again.read_text("utf-8") == f"before\n{START}{table()}{END}after\n"
    page = PAGE.read_text("utf-8")
    assert render(page) == page


def test_every_reason_and_warning_stands_once() -> None:
    codes = [row.split("`")[1] for row in table().splitlines()[2:]]
    assert len(codes) == len(set(codes))
    assert set(codes) == {one.value for one in (*PayReason, *PayWarning)}
    both = next(row for row in table().splitlines() if "`PAY_COST_MISMATCH`" in row)
    assert "| reason, warning |" in both


@pytest.mark.parametrize("page", ["", START, END, f"{END}{START}"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match="reasons"):
        render(page)


def test_columns_methods_bands_and_parts_are_told() -> None:
    page = PAGE.read_text("utf-8")
    names = {*PAYMENT_SCHEMA.names, *HISTORY_SCHEMA.names, *methods(), *PARTS, *YEAR}
    names |= {band.value for band in Band}
    assert {name for name in names if f"`{name}`" not in page} == set()
