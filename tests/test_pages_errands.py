"""Errands on a page: asked for, watched, left, cancelled, failed, and what happens between two looks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from unittest.mock import patch

from comparing_support import (
    MANAGER,
    MONTHS,
    OFFICE,
    TINY,
    books,
    compared,
    filled,
    stored,
)
from pages_compare_support import asker, begin, logged, run, shown, words
from service_support import Service

from codebooks.messages import text
from dashboards.frame.errands import _cancel, ask_errand
from dashboards.frame.parts import parts
from dashboards.frame.view import View
from grouper.service import status
from grouper.service.access.principal import Principal
from grouper.service.errand_files import write_errand, write_progress
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands, ErrandState
from grouper.store.database import StoreError

__all__ = ["asker", "books", "filled", "shown", "stored"]


def test_a_full_queue_is_told_on_the_page(shown: Service) -> None:
    errands = Errands.at(shown.settings)
    for number in range(10):
        errands.ask("comparison", {**MONTHS, **TINY, "n": number}, by=OFFICE, language="en")
    app = begin(run())
    assert "ERRANDS_FULL" in words(app)
    assert len(errands.all()) == 10


def test_an_errand_that_cannot_be_logged_is_not_kept(shown: Service) -> None:
    app = run()
    with patch("dashboards.frame.looks.write_looks", side_effect=StoreError("STORE_BUSY")):
        begin(app)
    assert "AUDIT_UNAVAILABLE" in words(app)
    assert Errands.at(shown.settings).all() == []


def test_what_is_asked_for_waits_and_is_then_shown(shown: Service) -> None:
    app = run()
    assert text("compare_page.nothing", "en") in words(app)
    app.selectbox(key="compare.since").set_value("2026-03")
    app.selectbox(key="compare.last").set_value("2026-03")
    app.selectbox(key="compare.from").set_value("tiny-a")
    app.selectbox(key="compare.to").set_value("tiny-b")
    begin(app)
    assert not app.exception
    told = words(app)
    assert text("errand_box.waiting", "en", before="0") in told
    assert text("errand_box.away", "en") in told
    errands = Errands.at(shown.settings)
    errand = errands.all()[0]
    assert errand.params == {"since": "2026-03", "last": "2026-03", **TINY}
    assert (errand.owner, errand.language) == (OFFICE.account_id, "en")
    # Pressed twice it is still one.
    begin(app)
    assert len(errands.all()) == 1
    status.write(shown.settings.folder, "clerk", {})
    assert text("errand_box.away", "en") not in words(app.run())
    run_one(errands, errand.id, shown.settings, shown.database)
    app.run()
    assert [one.value for one in app.metric][:2] == ["10", "3"]
    assert text("errand_box.waiting", "en", before="0") not in words(app)
    assert logged(shown).count("errand_asked") == 2


def test_what_waits_can_be_cancelled_by_who_asked(
    shown: Service, asker: list[Principal | None]
) -> None:
    app = begin(run())
    errands = Errands.at(shown.settings)
    assert len(errands.all()) == 1
    asker[0] = MANAGER
    others = run()
    # What others asked for is seen, and not ended.
    assert text("errand_box.waiting", "en", before="0") in words(others)
    assert len(others.button) == len(app.button) - 1
    asker[0] = OFFICE
    app.button(key="compare.cancel").click().run()
    assert not app.exception
    assert errands.all() == []
    assert text("compare_page.nothing", "en") in words(app)
    assert "errand_cancelled" in logged(shown)


def test_what_failed_says_why_and_can_be_taken_away(shown: Service) -> None:
    compared(shown, since="2025-01", last="2025-01", language="en")
    app = run()
    assert "COMPARING_EMPTY" in words(app)
    assert text("error.COMPARING_EMPTY", "en") in words(app)
    app.button(key="compare.forget").click().run()
    assert "COMPARING_EMPTY" not in words(app)
    assert Errands.at(shown.settings).all() == []


def test_nobody_begins_anything_after_sign_out(
    shown: Service, asker: list[Principal | None]
) -> None:
    app = run()
    assert app.button
    asker[0] = None

    assert ask_errand(View(OFFICE, parts(), "en"), "comparison", {**MONTHS, **TINY}) is None
    assert Errands.at(shown.settings).all() == []


def test_an_interrupted_errand_says_that_it_begins_anew(shown: Service) -> None:

    errands = Errands.at(shown.settings)
    errand = errands.ask("comparison", {**MONTHS, **TINY}, by=OFFICE, language="en")
    folder = errands.folder(errand.id)
    write_errand(folder, replace(errand, state=ErrandState.INTERRUPTED))
    assert text("errand_box.interrupted", "en", before="0") in words(run())
    running = replace(errand, state=ErrandState.RUNNING, started=errand.created)
    write_errand(folder, running)
    assert "done, " in words(run())
    write_progress(folder, 3, 10)
    app = run()
    assert not app.exception
    assert app.get("progress")[0].proto.value == 30
    assert app.get("progress")[0].proto.text.startswith("Under way: 3 of 10, ")


def test_what_ended_or_went_between_two_looks_is_shown_anew(shown: Service) -> None:
    errands = Errands.at(shown.settings)
    for ended in (True, False):
        errand = errands.ask("comparison", {**MONTHS, **TINY}, by=OFFICE, language="en")
        if ended:
            run_one(errands, errand.id, shown.settings, shown.database)
        else:
            errands.cancel(errand.id, OFFICE)
        of, stale = Errands.of, [errand]

        def once(
            self: Errands, *asked: Any, _stale: list[Errand] = stale, _of: Any = of, **more: Any
        ) -> list[Errand]:
            # As it stood when the page began to run.
            return [_stale.pop()] if _stale else _of(self, *asked, **more)

        with patch.object(Errands, "of", once):
            app = run()
        assert not stale
        assert not app.exception
        assert text("errand_box.leave", "en") not in words(app)
        assert len(app.metric) == 5


def test_cancelling_is_logged_first_and_what_is_gone_is_no_error(
    shown: Service, asker: list[Principal | None]
) -> None:
    errands = Errands.at(shown.settings)
    errand = errands.ask("comparison", {**MONTHS, **TINY}, by=OFFICE, language="en")
    app = run()
    with patch("dashboards.frame.looks.write_looks", side_effect=StoreError("STORE_BUSY")):
        app.button(key="compare.cancel").click().run()
    assert "AUDIT_UNAVAILABLE" in words(app)
    assert [one.id for one in errands.all()] == [errand.id]
    errands.cancel(errand.id, OFFICE)
    view = View(OFFICE, parts(), "en")
    _cancel(view, errand.id)
    asker[0] = None
    _cancel(view, errand.id)
    assert logged(shown).count("errand_cancelled") == 1


def test_what_was_asked_for_before_is_not_ended_by_a_look_that_cannot_be_logged(
    shown: Service,
) -> None:
    app = begin(run())
    (errand,) = Errands.at(shown.settings).all()
    with patch("dashboards.frame.looks.write_looks", side_effect=StoreError("STORE_BUSY")):
        begin(app)
    assert [one.id for one in Errands.at(shown.settings).all()] == [errand.id]
