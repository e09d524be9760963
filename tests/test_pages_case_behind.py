"""What stands behind the page of a case: changes, classes of charges, kinds of lists."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from case_page_support import Held, held
from pages_office_support import office, words

from dashboards.frame.rows import plain
from grouper.case.record import Case
from grouper.service import sent_lists
from grouper.service.problems import ServiceError
from grouper.service.sent_lists import list_kinds, sent_list
from grouper.service.stored import stay_of_case
from grouper.service.stored_changes import Change, ClassSum, changes, classes_of

__all__ = ["held"]


# What stands behind


def test_changes_are_the_fields_that_differ() -> None:
    before, _ = Case.from_mapping({"case_id": "D1", "kind": "inpatient", "dx": ["I21.001"]})
    after, _ = Case.from_mapping(
        {
            "case_id": "D1",
            "kind": "inpatient",
            "dx": ["J18.900"],
            "px": ["36.0601"],
            "line_item": ["A"],
        }
    )
    found = changes(before, after)
    assert Change("dx", ("I21.001",), ("J18.900",)) in found
    assert Change("px", None, ("36.0601",)) in found
    assert found[-1] == Change("line_item", 0, 1)
    assert changes(before, before) == []


def test_classes_add_up_to_the_lines() -> None:
    case, _ = Case.from_mapping(
        {
            "case_id": "D1",
            "kind": "inpatient",
            "line_class": ["09", "", "04", "09"],
            "line_amount": ["1.10", "2.20", "", "-0.10"],
        }
    )
    assert classes_of(case) == [
        ClassSum("04", 1, Decimal(0)),
        ClassSum("09", 2, Decimal("1.00")),
        ClassSum(None, 1, Decimal("2.20")),
    ]


def test_a_list_whose_message_is_gone_cannot_be_shown(
    held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone:
        form, kinds = "fhir", frozenset({""})

    monkeypatch.setattr(sent_lists, "reviewers", lambda: {"x": Gone()})
    database = held.office.running.database
    head = stay_of_case(database, held.case, None).head
    assert sent_list(database, head).message_id == 2

    class Inbox:
        def __init__(self, _: object) -> None:
            pass

        def one(self, number: int) -> Any:
            return type("Stored", (), {"id": number, "form": "fhir", "kind": "", "raw": None})

    monkeypatch.setattr(sent_lists, "Inbox", Inbox)
    with pytest.raises(ServiceError) as caught:
        sent_list(database, head)
    assert caught.value.code == "RAW_GONE"


def test_the_kinds_of_lists_are_those_that_can_be_read() -> None:
    assert list_kinds() == ["4101", "4101A", "4401"]


def test_words_of_a_cell_stay_as_they_are() -> None:
    assert plain("a|b\n*c* [d](e) :red[f] $x$") == (
        "a\\|b \\*c\\* \\[d\\]\\(e\\) \\:red\\[f\\] \\$x\\$"
    )


def test_the_page_holds_no_path_of_the_store(tmp_path: Path) -> None:
    with office(tmp_path) as found:
        page = found.page("case", case_id="nowhere")
        assert str(tmp_path) not in words(page)
