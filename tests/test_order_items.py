"""Orders with the hospital's own codes: national codes and classes from the imported catalogues."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from catalogue_support import NEXT, drug, mapped, put
from orders_support import CYCLED, SECOND, check, order, ordering, stay

from codebooks.catalogues.keeping import MANIFEST, home
from codebooks.errors import CodebookError
from grouper.audit.order.lines import Line
from grouper.service.order_items import Items

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    return folder


def line(item: str | None = None, *, number: int = 1, **more: Any) -> Line:
    return Line(number, item, Decimal(1), None, **{"time": DAY, **more})


def filled(items: Items, own: str | None = None, item: str | None = None, **more: Any) -> Line:
    (found,) = items.filled([line(item, **more)], {1: own} if own else {})
    return found


def test_without_catalogues_nothing_is_put_in() -> None:
    items = Items()
    items.warm([SECOND])
    assert items.at_hand() is None
    assert filled(items, "Y1") == line()


def test_a_code_of_the_hospital_becomes_the_national_one_with_its_class(files: Path) -> None:
    put(files, "drugs", [drug(SECOND, "乙")])
    put(files, "mapping", [mapped("Y1", SECOND, "乙")])
    found = filled(Items(), "Y1")
    assert (found.item, found.scope) == (SECOND, "B")


def test_what_a_line_states_itself_stands(files: Path) -> None:
    put(files, "drugs", [drug(SECOND, "乙")])
    put(files, "mapping", [mapped("Y1", SECOND, "乙")])
    assert filled(Items(), "Y1", CYCLED).item == CYCLED
    assert filled(Items(), None, SECOND, scope="C").scope == "C"


@pytest.mark.parametrize("time", [None, datetime(2019, 1, 1)])  # noqa: DTZ001 -- local
def test_only_what_holds_on_the_day_is_put_in(files: Path, time: datetime | None) -> None:
    put(files, "drugs", [drug(SECOND, "乙")])
    put(files, "mapping", [mapped("Y1", SECOND, "乙")])
    assert filled(Items(), "Y1", time=time).item is None


def test_a_code_that_is_mapped_twice_is_left_open(files: Path) -> None:
    put(files, "drugs", [drug(SECOND, "乙")])
    put(files, "mapping", [mapped("Y1", SECOND, "乙"), mapped("Y1", CYCLED, "甲")])
    assert filled(Items(), "Y1").item is None
    assert filled(Items(), "Y2").item is None


def test_an_import_is_taken_up_without_a_restart(files: Path) -> None:
    items = Items()
    assert filled(items, None, SECOND).scope is None
    put(files, "drugs", [drug(SECOND, "乙")])
    first = items.at_hand()
    assert filled(items, None, SECOND).scope == "B"
    assert items.at_hand() is first
    put(files, "drugs", [drug(SECOND, "甲")], valid_from=NEXT)
    assert filled(items, None, SECOND).scope == "B"
    later = datetime(2026, 8, 1, tzinfo=UTC)
    assert filled(items, None, SECOND, time=later).scope == "A"


def test_a_broken_catalogue_is_an_error_with_its_code(files: Path) -> None:
    put(files, "drugs", [drug(SECOND, "乙")])
    (home("drugs") / MANIFEST).write_text("{", "utf-8")
    with pytest.raises(CodebookError) as caught:
        Items().at_hand()
    assert caught.value.code == "CATALOGUE_BROKEN"


def test_an_order_in_the_hospitals_own_code_is_checked(tmp_path: Path, files: Path) -> None:
    put(files, "drugs", [drug(SECOND, "乙", "5.00")])
    put(files, "mapping", [mapped("Y1", SECOND, "乙")])
    with ordering(tmp_path) as running:
        case = stay(running)
        running.app.state.services.orders.warm()
        found = check(running, order(None, id="o1", hospital_item="Y1"), case_id=case)
        assert SECOND in {item for one in found["findings"] for item in one["items"]}
        rules = {one["rule"] for one in found["findings"]}
        assert "GZ10000101005000" in rules
        lost = check(running, order(None, id="o1", hospital_item="Y9"), case_id=case)
        assert [one["reason"] for one in lost["not_judged"]] == ["NO_ITEM"]
