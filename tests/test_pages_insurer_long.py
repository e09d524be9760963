"""A long list of the insurer: taken in by the service, and its rows shown page by page."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from pages_office_support import Office, office, words
from service_support import PEOPLE

from dashboards.app_pages import insurer
from dashboards.app_pages.auditing.sizes import sizes
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands
from grouper.service.insurer_errands import KIND

ROWS = 120
OFFICE = PEOPLE["office"]


def held(rows: int) -> bytes:
    """A list of which a third cannot be read."""
    lines = ["就诊ID,规则名称,项目编码,费用日期,违规金额"]
    lines += [f"V{n},医疗服务项目重复收费,A{n},2026/3/2,{'x' if n % 2 else n}" for n in range(rows)]
    return "\n".join(lines).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with office(tmp_path_factory.mktemp("office")) as made:
        yield made


def handed_in(running: Office, rows: int) -> list[str]:
    """What the page says after a list was handed in."""
    page = running.page("insurer")
    page.file_uploader[0].set_value(("四月.csv", held(rows), "text/csv"))
    with patch.object(insurer, "sizes", lambda: dict(sizes()) | {"at_once": 200}):
        next(one for one in page.button if one.label == "接收").click().run()
    assert not page.exception
    return words(page).split("\n")


def test_a_short_list_is_taken_in_at_once(running: Office) -> None:
    assert "清单已接收。" in handed_in(running, 2)
    assert Errands.at(running.running.settings).all() == []


def test_a_long_list_is_an_errand_and_is_told_when_it_is_done(running: Office) -> None:
    settings, database = running.running.settings, running.running.database
    assert any(one.startswith("清单较长") for one in handed_in(running, ROWS))
    errands = Errands.at(settings)
    (errand,) = errands.of(OFFICE, KIND)
    done = run_one(errands, errand.id, settings, database)
    assert done is not None
    assert done.answer is not None
    assert (done.answer["rows"], done.answer["unread"]) == (ROWS, ROWS // 2)
    assert not list((errands.folder(errand.id) / "in").iterdir())
    number = str(done.answer["batch"])
    page = running.page("insurer")
    assert f"清单 {number} 的接收结果" in words(page).replace("**", "")

    shown = running.page("insurer", id=number)
    kept = next(one.value for one in shown.dataframe if "place" in one.value)
    assert len(kept) == sizes()["kept_back"] < ROWS
    shown.button(key=f"insurer.kept.{number}.behind").click().run()
    behind = next(one.value for one in shown.dataframe if "place" in one.value)
    assert behind["place"].iloc[0] > kept["place"].iloc[-1]

    page.button(key="insurer.long.close").click().run()
    assert f"清单 {number} 的接收结果" not in words(page)
    assert errands.all() == []
    assert "errand_cancelled" in running.looks()
