"""The page of catalogues: what is in force, search, import by errand, faults of the mapping, every refusal."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from catalogue_support import (
    MATERIALS,
    NEXT,
    WESTERN,
    Row,
    as_csv,
    drug,
    mapped,
    own_data,
    put,
)
from pages_manager_support import for_one, parts_in, principal
from streamlit.testing.v1 import AppTest

from codebooks.catalogues.catalogue import Catalogue
from codebooks.catalogues.keeping import home
from codebooks.messages import text
from dashboards.app_pages.catalogues.fields import FieldError, columns_of
from dashboards.app_pages.catalogues.lists import taken
from dashboards.frame import looks
from dashboards.frame.navigation import pages
from dashboards.frame.parts import Parts, hold
from dashboards.frame.view import View
from grouper.service.access.principal import AccessError, rights
from grouper.service.errand_process import run_one
from grouper.service.errands import Errands
from grouper.store import audit
from grouper.store.database import StoreError
from grouper.store.states import Role

__all__ = ["own_data"]
SCRIPT = """
from dashboards.app_pages.catalogues import page
from dashboards.frame.errors import show_error
from dashboards.frame.language import lang
from dashboards.frame.parts import parts
from dashboards.frame.view import View
try:
    page(View(parts().asker(), parts(), lang()))
except Exception as error:
    if not show_error(error):
        raise
"""
OFFICE = principal(Role.OFFICE)


@pytest.fixture
def parts(own_data: Path) -> Iterator[Parts]:
    made = for_one(parts_in(own_data.parent), OFFICE)
    hold(made)
    yield made
    hold(None)
    made.database.close()


def at(part: str, **params: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=30)
    for name, value in {"part": part, **params}.items():
        app.query_params[name] = value
    found: AppTest = app.run()
    return found


def words(app: AppTest) -> str:
    assert not app.exception, app.exception
    told = [*app.error, *app.info, *app.warning, *app.success, *app.caption]
    return "\n".join(str(one.value) for one in [*told, *app.markdown, *app.subheader])


def do_all(parts: Parts) -> None:
    """What the clerk does."""
    errands = Errands.at(parts.settings)
    for one in errands.all():
        if not one.state.ended:
            run_one(errands, one.id, parts.settings, parts.database)


def hand_in(content: bytes, name: str = "目录.csv", **chosen: Any) -> AppTest:
    app = at("import")
    for widget, value in chosen.items():
        getattr(app, widget)(key=f"catalogues.import.{value[0]}").set_value(value[1])
    app.file_uploader[0].set_value((name, content, "text/csv"))
    found: AppTest = submit(app).click().run()
    return found


def submit(app: AppTest) -> Any:
    label = text("catalogue_page.check", "zh")
    return next(one for one in app.button if one.label == label)


def button(app: AppTest, key: str) -> Any:
    return next(one for one in app.button if one.key == key)


def test_who_sees_the_page() -> None:
    row = next(one for one in pages() if one.page == "catalogues")
    assert row.homes == (Role.OFFICE,)
    may = {role for role, held in rights().items() if set(row.rights) <= held}
    assert may == {Role.OFFICE}


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize(
    ("part", "key", "lang"),
    [
        ("lists", "catalogue_page.no_list", "zh"),
        ("search", "catalogue_page.search_how", "en"),
        ("import", "catalogue_page.hand_in_about", "zh"),
        ("faults", "catalogue_page.no_mapping", "en"),
        ("other", "catalogue_page.no_list", "en"),
    ],
    ids=["lists", "search", "import", "faults", "unknown"],
)
def test_without_any_catalogue_each_part_says_what_to_do(part: str, key: str, lang: str) -> None:
    assert text(key, lang) in words(at(part, lang=lang))


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_lists_tell_each_import(own_data: Path, lang: str) -> None:
    put(own_data, "drugs", [drug(code) for code in WESTERN])
    rows = [drug(f"坏{n}") for n in range(25)]
    rows += [drug(WESTERN[1], price="贵") for _ in range(25)]
    rows += [drug(WESTERN[2], "丁") for _ in range(25)]
    put(own_data, "drugs", [drug(WESTERN[0], price="9")] * 2 + rows, valid_from=NEXT)
    app = at("lists", lang=lang)
    told = words(app)
    assert text("catalogue_kind.drugs", lang) in told
    assert text("catalogue_page.report_of", lang, number=2, day="2026-07-01") in told
    fault = text("catalogue_fault.CATALOGUE_CODE_FORM", lang)
    assert text("catalogue_page.omitted", lang, what=fault, count=5) in told
    assert text("catalogue_page.more", lang, count=10) in told
    assert text("catalogue_page.left_out_more", lang, count=25) in told
    assert text("import.mend.catalogue_repeat", lang) in told
    assert text("catalogue.changed.removed", lang, count=9) in told
    app.selectbox[0].set_value(1).run()
    told = words(app)
    assert text("catalogue_page.report_of", lang, number=1, day="2026-01-01") in told
    assert text("catalogue_page.no_finding", lang) in told
    assert not app.error


def test_the_rows_left_out_are_taken_and_that_is_logged(parts: Parts, own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0]), drug("坏码")])
    data = taken(View(OFFICE, parts, "zh"), "drugs", 1)
    assert "不是该目录的国家编码" in data.decode("utf-8-sig")
    with parts.database.reading() as connection:
        entry = next(iter(audit.entries(connection, limit=1)))
    assert (entry.action, entry.object, entry.about) == (
        "catalogue_left_out",
        "catalogue:drugs",
        {"number": 1},
    )


@pytest.mark.usefixtures("parts")
def test_a_search_on_a_day_and_the_history_of_an_entry(own_data: Path) -> None:
    put(own_data, "drugs", [drug(code, name=f"虚构药{n}") for n, code in enumerate(WESTERN)])
    put(own_data, "drugs", [drug(WESTERN[0], "乙", name="虚构药0", price="9")], valid_from=NEXT)
    app = at("search", kind="drugs")
    app.text_input[0].set_value("虚构药").run()
    app.date_input[0].set_value(date(2026, 3, 1)).run()
    assert words(app).count(f"| {WESTERN[0]}") == 1
    app.date_input[0].set_value(None).run()
    app.text_input[0].set_value(WESTERN[0]).run()
    told = words(app)
    assert "2026\\-07\\-01" in told or "2026-07-01" in told
    assert text("catalogue_scope.B", "zh") in told
    app.selectbox[0].set_value(WESTERN[0]).run()
    told = words(app)
    rows = [
        text("catalogue_page.row", "zh", since=s, until=u, number=n)
        for s, u, n in (
            ("2026-07-01", text("catalogue.open", "zh"), 2),
            ("2026-01-01", "2026-07-01", 1),
        )
    ]
    assert all(row in told for row in rows)
    app.text_input[0].set_value("没有的药").run()
    assert text("catalogue_page.nothing", "zh") in words(app)


@pytest.mark.slow
@pytest.mark.usefixtures("parts")
def test_a_search_has_pages(own_data: Path) -> None:
    many: list[Row] = [[f"C{n:026d}", f"材料{n:02}", "大", "5"] for n in range(30)]
    put(own_data, "materials", many)
    app = at("search", kind="materials")
    app.text_input[0].set_value("材料").run()
    assert "材料00" in words(app)
    assert "材料29" not in words(app)
    button(app, "catalogues.search.behind").click().run()
    assert "材料29" in words(app)
    app.text_input[0].set_value("材料0").run()
    assert "材料00" in words(app)


def test_a_file_is_checked_looked_through_and_installed(parts: Parts) -> None:
    app = hand_in(as_csv("drugs", [drug(WESTERN[0]), drug("坏码")]))
    assert text("errand_box.leave", "zh") in words(app)
    do_all(parts)
    app = at("import")
    told = words(app)
    assert text("catalogue_fault.CATALOGUE_CODE_FORM", "zh") in told
    assert [one.value for one in app.metric] == ["1", "1", "1", "1"]
    install = button(app, "catalogues.import.install.button")
    assert install.disabled
    app.checkbox[0].set_value(True).run()
    button(app, "catalogues.import.install.button").click().run()
    assert not Catalogue("drugs")
    do_all(parts)
    assert len(Catalogue("drugs").kept.imports) == 1
    app = at("import")
    assert text("catalogue_page.installed", "zh", number=1) in words(app)
    assert not app.checkbox
    # The same file once more is not installed twice.
    hand_in(as_csv("drugs", [drug(WESTERN[0]), drug("坏码")]))
    do_all(parts)
    assert "CATALOGUE_SAME" in words(at("import")).replace("\\", "")


@pytest.mark.slow
def test_what_changes_is_told_page_by_page(parts: Parts, own_data: Path) -> None:
    many: list[Row] = [[f"C{n:026d}", f"材料{n:02}", "大", "5"] for n in range(30)]
    put(own_data, "materials", many)
    hand_in(
        as_csv("materials", [[MATERIALS[0], "材料00", "大", "6"]]), selectbox=("kind", "materials")
    )
    do_all(parts)
    app = at("import")
    assert text("catalogue_page.changes", "zh", count=30) in words(app)
    assert "材料29" not in words(app)
    button(app, "catalogues.import.changes.behind").click().run()
    assert "材料29" in words(app)


def test_a_check_is_dropped_with_its_file(parts: Parts) -> None:
    hand_in(as_csv("drugs", [drug(WESTERN[0])]))
    do_all(parts)
    app = at("import")
    button(app, "catalogues.import.drop").click().run()
    assert text("catalogue_page.dropped", "zh") in words(app)
    with parts.database.reading() as connection:
        assert "errand_cancelled" in {one.action for one in audit.entries(connection)}
    assert not Errands.at(parts.settings).all()


def test_a_broken_upload_and_a_refused_one_say_what_to_do(parts: Parts) -> None:
    hand_in(b"PK\x03\x04 broken", "目录.xlsx")
    do_all(parts)
    told = words(at("import")).replace("\\", "")
    assert "IMPORT_CORRUPT" in told
    assert text("hint.IMPORT_CORRUPT", "zh") in told
    hand_in(as_csv("drugs", [["x"]], ["别的"]))
    do_all(parts)
    app = at("import")
    assert text("catalogue_page.refused", "zh") in words(app)
    assert not app.checkbox


def test_what_is_missing_in_the_form_is_said(parts: Parts) -> None:
    app = at("import")
    submit(app).click().run()
    assert text("catalogue_page.no_file", "zh") in words(app)
    app = hand_in(as_csv("drugs", [drug(WESTERN[0])]), date_input=("from", None))
    assert text("catalogue_page.no_day", "zh") in words(app)
    app = hand_in(as_csv("drugs", [drug(WESTERN[0])]), text_area=("columns", "什么=啥"))
    assert "什么" in words(app)
    assert not Errands.at(parts.settings).all()


def test_columns_are_named_by_the_words_of_the_page() -> None:
    typed = "国家编码=药品编号\n\nname ＝ 品名"
    assert columns_of(typed, "drugs", "zh", 10) == {"code": "药品编号", "name": "品名"}
    assert columns_of(typed, "drugs", "zh", 1) == {"code": "药品编号"}
    for wrong in ("国家编码", "国家编码=", "其他=x"):
        with pytest.raises(FieldError):
            columns_of(wrong, "drugs", "zh", 10)


def test_the_faults_of_the_mapping_are_found_by_an_errand(parts: Parts, own_data: Path) -> None:
    lang = "en"
    put(own_data, "drugs", [drug(WESTERN[0])])
    items = [mapped(f"H{n:03}", WESTERN[1]) for n in range(30)]
    put(own_data, "mapping", [*items, mapped("DEAR", WESTERN[0], price="80")])
    app = at("faults", lang=lang)
    button(app, "catalogues.faults.ask").click().run()
    do_all(parts)
    app.run()
    told = words(app)
    assert text("catalogue_page.faults_found", lang, rows=31, count=31) in told
    assert text("mapping_fault.CATALOGUE_ABOVE_CEILING", lang) in told
    assert "H029" not in told
    app.selectbox(key="catalogues.faults.code").set_value("CATALOGUE_NOT_LISTED").run()
    button(app, "catalogues.faults.behind").click().run()
    assert "H029" in words(app)
    # Another day is another question.
    app.date_input[0].set_value(date(2026, 2, 1)).run()
    assert "H000" not in words(app)
    app.date_input[0].set_value(None).run()
    assert text("catalogue_page.no_day", lang) in words(app)


@pytest.mark.slow
def test_a_mapping_without_faults_says_so(parts: Parts, own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    put(own_data, "mapping", [mapped("H1", WESTERN[0], price="5")])
    app = at("faults")
    button(app, "catalogues.faults.ask").click().run()
    do_all(parts)
    app.run()
    assert text("catalogue_page.no_fault", "zh") in words(app)


@pytest.mark.slow
def test_results_that_were_taken_away_say_so(parts: Parts, own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    put(own_data, "mapping", [mapped("H1", WESTERN[1])])
    hand_in(as_csv("drugs", [drug(WESTERN[1])]))
    app = at("faults")
    button(app, "catalogues.faults.ask").click().run()
    do_all(parts)
    errands = Errands.at(parts.settings)
    for one in errands.all():
        for path in errands.files(one).iterdir():
            path.unlink()
    app.run()
    assert text("catalogue_page.gone", "zh") in words(app)
    assert text("catalogue_page.gone", "zh") in words(at("import"))


@pytest.mark.usefixtures("parts")
def test_a_broken_catalogue_says_so(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    (home("drugs") / "manifest.json").write_text("{")
    app = at("lists")
    assert "CATALOGUE_BROKEN" in words(app).replace("\\", "")


def test_what_cannot_be_logged_is_not_handed_in(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("STORE_UNAVAILABLE")

    monkeypatch.setattr(looks, "write_looks", fail)
    app = hand_in(as_csv("drugs", [drug(WESTERN[0])]))
    assert "AUDIT_UNAVAILABLE" in words(app).replace("\\", "")
    assert not Errands.at(parts.settings).all()


def test_who_may_not_is_refused_by_what_the_page_asks(parts: Parts) -> None:
    hold(for_one(parts, principal(Role.MANAGER)))
    app = at("lists")
    assert AccessError("NOT_ALLOWED").code in words(app).replace("\\", "")
