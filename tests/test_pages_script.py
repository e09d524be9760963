"""The script of the pages: who sees which page, in which language, and what an error shows."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from pages_frame_support import DOCTOR, OFFICE, Script, database, settings
from streamlit.testing.v1 import AppTest

from codebooks.errors import CodebookError, GrouperError, Where
from codebooks.messages import LANGUAGES, catalogue, text
from dashboards.frame import errors, leaving
from dashboards.frame.navigation import address
from dashboards.frame.navigation import pages as real_pages
from dashboards.frame.parts import hold, parts
from dashboards.frame.view import View
from dashboards.frame.watching import watch
from grouper.service.access import tokens
from grouper.service.access.principal import Right
from grouper.service.settings import Settings
from grouper.store import audit, sessions
from grouper.store.database import Database
from grouper.store.states import Role

__all__ = ["database", "settings"]
PERSON = "陈某某 ZY0001"


def _shown(view: View) -> None:
    st.write(f"shown to {view.principal.name} in {view.lang}")


def _broken(_: View) -> None:
    raise ValueError(PERSON)


def _declared(_: View) -> None:
    raise GrouperError("PAGES_NOT_SERVED")


PAGES: dict[str, tuple[Role, Right, Callable[[View], None]]] = {
    "first": (Role.OFFICE, Right.REVIEW, _shown),
    "second": (Role.OFFICE, Right.CASES, _shown),
    "broken": (Role.OFFICE, Right.CASES, _broken),
    "declared": (Role.OFFICE, Right.CASES, _declared),
    "bedside": (Role.PHYSICIAN, Right.CASES, _shown),
}


@pytest.fixture
def script(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database
) -> Iterator[Script]:
    yield Script(monkeypatch, settings, database, PAGES)
    hold(None)


def menu(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
    """The pages of the last run by their titles, and whether each stands in the menu."""
    found: list[tuple[str, bool]] = []
    original = st.navigation

    def kept(pages: dict[str, list[st.Page]], **options: str) -> object:
        (made,) = pages.values()
        found[:] = [
            (one.title.removeprefix("page_title."), one.visibility == "visible") for one in made
        ]
        return original(pages, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(st, "navigation", kept)
    return found


def words(app: AppTest) -> str:
    kinds = (app.markdown, app.error, app.warning, app.caption, app.title)
    return "\n".join(one.value for kind in kinds for one in kind)


def actions(database: Database) -> list[tuple[str, str]]:
    with database.reading() as connection:
        return [(entry.action, entry.object) for entry in audit.entries(connection)]


def test_the_menu_is_that_of_the_role(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = menu(monkeypatch)
    assert "shown to office1" in words(script.app.run())
    assert [name for name, visible in seen if visible] == ["first", "second", "broken", "declared"]
    script.asker = DOCTOR
    assert "shown to doctor1" in words(script.app.run())
    assert [name for name, visible in seen if visible] == ["bedside"]
    assert {name for name, _ in seen} == set(PAGES)


def test_a_page_of_another_home_answers_by_its_address_to_who_holds_its_rights(
    script: Script,
) -> None:
    assert "shown to office1" in words(script.at("bedside"))
    assert "shown to office1" in words(script.at("first"))


def test_a_page_without_the_right_is_refused_and_the_try_is_logged(
    script: Script, database: Database
) -> None:
    script.asker = DOCTOR
    said = words(script.at("first"))
    assert "无权查看" in said
    assert "shown to" not in said
    assert ("page_refused", "page:first") in actions(database)


def test_nobody_is_signed_in_any_more(script: Script) -> None:
    script.asker = None
    app = script.app.run()
    assert "登录已结束" in words(app)
    assert "(/sign-in)" in words(app)
    assert "shown to" not in words(app)
    assert not app.sidebar.button


def test_the_asker_is_asked_anew_in_every_run(script: Script) -> None:
    assert "shown to office1" in words(script.app.run())
    script.asker = replace(OFFICE, role=Role.PHYSICIAN)
    assert "医生" in words(script.app.run())
    script.asker = None
    assert "shown to" not in words(script.app.run())


def test_chinese_by_default_english_by_the_switch_and_by_a_link(script: Script) -> None:
    assert "in zh" in words(script.app.run())
    switch = script.app.sidebar.get("button_group")[0]
    switch.set_value("en").run()  # type: ignore[attr-defined]
    assert "in en" in words(script.app)
    assert "Insurance" in words(script.app)
    script.app.query_params["lang"] = "zh"
    assert "in zh" in words(script.app.run())
    script.app.query_params["lang"] = "xx"
    assert "in zh" in words(script.app.run())


def test_an_error_that_was_not_declared_shows_its_number_alone(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database
) -> None:
    del settings, database
    logged: list[dict[str, str]] = []
    shown: list[str] = []
    monkeypatch.setattr(errors, "lang", lambda: "zh")
    monkeypatch.setattr(
        errors._log, "error", lambda _, **about: logged.append(about), raising=False
    )
    monkeypatch.setattr(errors.st, "error", lambda words, **_: shown.append(words))
    assert errors.show_error(ValueError(PERSON))
    assert logged[0]["number"] in shown[0]
    assert PERSON not in shown[0]
    assert PERSON not in str(logged)
    assert errors.show_error(GrouperError("PAGES_NOT_SERVED"))
    assert "grouper serve" not in shown[1]
    assert "信息科" in shown[1]


def test_words_of_an_error_are_no_markdown(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(errors, "lang", lambda: "zh")
    monkeypatch.setattr(errors.st, "error", lambda words, **_: said.append(words))
    where = Where(file="**粗体** [链](/case).csv", row=3)
    errors.show_error(CodebookError("TABLE_COLUMN_UNKNOWN", where, found="a_*b*", known="<b>"))
    assert said[0].startswith("[TABLE_COLUMN_UNKNOWN] ")
    assert r"\*\*粗体\*\* \[链\]\(/case\)" in said[0]
    assert r"a\_\*b\*" in said[0]
    assert r"\<b\>" in said[0]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_advice_on_a_page_speaks_to_who_types_commands(lang: str) -> None:
    words = catalogue(lang)
    known = [key.split(".")[1] for key in words if key.startswith(("hint.", "advice."))]
    told = {
        code: errors.advice(
            code, words.get(f"hint.{code}") or words.get(f"advice.{code}", ""), lang
        )
        for code in known
    }
    assert [code for code, one in told.items() if errors._COMMANDS.search(one)] == []
    # Where people have words of their own they are not sent away with a code.
    own = {key.split(".")[1] for key in words if key.startswith("page_hint.")} - {"ask"}
    assert own <= set(told)
    assert {"MART_ABSENT", "MART_OLD", "STORE_OLD", "STORE_UNAVAILABLE", "POLICY_PATH"} <= own
    asked = text("page_hint.ask", lang, code="BENCHMARK_DATA")
    assert told["BENCHMARK_DATA"] == asked
    assert told["STORE_UNAVAILABLE"] != words["hint.STORE_UNAVAILABLE"]


def test_no_text_of_the_pages_speaks_of_commands() -> None:
    found = [
        (key, words)
        for path in sorted((Path(errors.__file__).parents[1] / "text").rglob("*.toml"))
        for key, table in tomllib.loads(path.read_text("utf-8")).items()
        # What is said to who types commands has words of its own beside it (``page_hint``).
        if key != "hint"
        for words in [str(table)]
    ]
    assert len(found) > 20
    assert [one for one in found if errors._COMMANDS.search(one[1])] == []


def test_the_browser_tells_the_page_and_the_application(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(st, "set_page_config", lambda **how: titles.append(how["page_title"]))
    script.at("second")
    assert titles == ["医保支付分组与监管", "page_title.second · 医保支付分组与监管"]


def test_the_hints_of_pages_have_the_parameters_of_their_errors() -> None:
    words = catalogue("zh")
    for key, template in words.items():
        if key.startswith("page_hint.") and key != "page_hint.ask":
            code = key.removeprefix("page_hint.")
            beside = f"{words.get(f'error.{code}', '')}{words.get(f'hint.{code}', '')}"
            assert parameters(template) <= parameters(beside), key


def parameters(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def test_the_script_was_not_started_by_the_server() -> None:
    hold(None)
    with pytest.raises(GrouperError) as caught:
        parts()
    assert caught.value.code == "PAGES_NOT_SERVED"


@pytest.mark.usefixtures("script")
def test_signing_out_ends_the_session(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bytes] = []
    monkeypatch.setattr(sessions, "end", lambda _, token: ended.append(token))
    monkeypatch.setattr(
        leaving.st, "context", type("Context", (), {"cookies": {tokens.COOKIE: "t"}})
    )
    leaving.sign_out(View(OFFICE, parts(), "zh"))
    assert ended == [tokens.kept("t")]
    assert actions(database)[0] == ("sign_out", "office1")


def test_the_page_looks_at_its_session_by_itself() -> None:
    """Of the fragment only the browser's clock is needed; the socket does the rest."""
    script = AppTest.from_function(_watching)
    assert not script.run().exception
    assert callable(watch)


def _watching() -> None:
    from dashboards.frame.watching import watch  # noqa: PLC0415 -- its source is run alone

    watch()


def test_the_table_of_pages_can_be_used() -> None:
    found = real_pages()
    assert len({one.page for one in found}) == len(found)
    assert all(one.module.startswith("dashboards.app_pages.") for one in found)
    assert address("case", case_id="1 2") == "/case?case_id=1+2"
    assert address("queue") == "/queue"
