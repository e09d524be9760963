"""The card of a model in words, and the commands about models."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import forecast_registry_support as small
import pytest
import typer
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from codebooks.messages import LANGUAGES
from grouper.cli import forecast_models as commands
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import choosing, places
from grouper.forecast.registry.approvals import approvals
from grouper.forecast.registry.approved import forget
from grouper.forecast.registry.card import Card
from grouper.forecast.registry.card_pages import lines, markdown, page
from grouper.forecast.registry.card_words import words_of
from grouper.forecast.registry.keeping import ids, keep

NAME = "default"
FIRST = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
RUNNER = CliRunner()
READER = commands._reader
APP = typer.Typer()
for one in ("models", "card", "approve", "rollback", "verify", "remove"):
    APP.command(one)(getattr(commands, f"{one}_command"))


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """The little models are no forecasters; whether one could be made is asked elsewhere."""
    forget()
    monkeypatch.setattr(commands, "_reader", lambda: lambda files, model: (files, model))
    # The commands speak by setting the language of the process.
    monkeypatch.setenv("GROUPER_LANG", "zh")


def kept(version: int = 1, **changes: Any) -> Card:
    made = replace(small.MADE, **changes)
    return keep(NAME, small.files(version), made, FIRST + timedelta(hours=version))


def run(*arguments: str, code: int = 0) -> str:
    found = RUNNER.invoke(APP, list(arguments), catch_exceptions=False)
    assert found.exit_code == code, found.output
    return str(found.output)


def all_of(card: Card, lang: str) -> list[str]:
    words = words_of(card, approvals(NAME), lang)
    return ["\n".join(lines(words)), markdown(words), page(words, lang)]


# ── words ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_card_says_what_a_reader_needs(lang: str) -> None:
    card = kept()
    choosing.approve(NAME, card.id, by="Dr. Li", why="better on day 3")
    figures = ["1,234", "2026-06-30", "demo", "900", "1,200", "25.0%", "90.5%", "95.0%", "90.0%"]
    figures += ["812", "Dr. Li", "better on day 3", "a note of training", "2025-01-06"]
    figures += [card.id, "cost.ubj", "dip-demo 222222222222", "grouper forecast train hospital"]
    for told in all_of(card, lang):
        assert [figure for figure in figures if figure not in told] == []


def test_the_margin_is_over_the_best_baseline() -> None:
    told = "\n".join(lines(words_of(kept(), (), "zh")))
    assert "已发生费用×典型倍数" in told
    assert "日均费用×组均天数" not in told


def test_a_model_that_was_never_judged_says_so() -> None:
    for lang, words in (("zh", "没有评估"), ("en", "Not judged")):
        card = kept(1 if lang == "zh" else 2, metrics={}, drift={}, notes=())
        for told in all_of(card, lang):
            assert words in told


def test_a_page_takes_nothing_for_markup() -> None:
    card = kept(notes=("<script>alert(1)</script> | [x](y) `z`",), command="<b>train</b>")
    html = page(words_of(card, (), "zh"), "zh")
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert "http" not in html
    text = markdown(words_of(card, (), "zh"))
    assert "<script" not in text
    assert "\\| \\[x](y) \\`z\\`" in text


@settings(max_examples=examples(60), deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["overall", "by_day", "version"]),
        st.recursive(
            st.none() | st.integers() | st.floats() | st.text(max_size=5) | st.booleans(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["day", "cost", "los", "amount", "group", "mae", "baselines", "x"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
    )
)
def test_whatever_a_card_holds_is_told(metrics: dict[str, Any]) -> None:
    card = Card(
        name=NAME,
        id="20261101T040000Z-00000000",
        trained_at=FIRST,
        command="",
        data=metrics,
        basis=metrics,
        code=metrics,
        features=metrics,
        settings={},
        metrics=metrics,
        drift=metrics,
    )
    words = words_of(card, (), "en")
    assert len(words.sections) == 10
    assert all("\n" not in line for line in lines(words))
    assert page(words, "en").endswith("</html>")


# ── commands ──────────────────────────────────────────────────────────────────────────────────────


def test_models_are_listed_with_the_one_in_use() -> None:
    assert "还没有模型" in run("models")
    one, two = kept(1), kept(2)
    run("approve", one.id, "--by", "A")
    told = run("models", "--lang", "en").splitlines()
    assert told[1].split()[:2] == [NAME, two.id]
    assert "in use" in told[2]
    assert "in use" not in told[1]
    found = json.loads(run("models", "--format", "json", "--model", NAME, "--lang", "zh"))
    assert [row["id"] for row in found] == [two.id, one.id]
    assert found[0]["stays"] == "1,234"
    assert found[1]["state"] == "使用中"
    assert json.loads(run("models", "--format", "json", "--model", "other")) == []


def test_a_model_that_cannot_be_used_stands_in_the_list() -> None:
    card = kept()
    (places.folder_of(NAME, card.id) / places.CARD).write_text("{")
    assert "FORECAST_CARD_UNREADABLE" in run("models")


def test_the_way_of_a_model_through_the_commands() -> None:
    one, two = kept(1), kept(2)
    assert one.id in run("approve", one.id, "--by", "A", "--why", "first")
    assert two.id in run("approve", two.id)
    assert approvals(NAME)[1].by
    assert f"已回退，现在使用模型 {one.id}" in run("rollback", "--by", "B")
    assert two.id in run("remove", two.id)
    assert ids(NAME) == [one.id]
    with pytest.raises(ForecastError, match="FORECAST_MODEL_APPROVED"):
        run("remove", one.id)
    assert [entry.by for entry in approvals(NAME)][::2] == ["A", "B"]


def test_the_card_of_the_one_in_use_is_shown(tmp_path: Path) -> None:
    with pytest.raises(ForecastError, match="FORECAST_NO_MODEL"):
        run("card")
    one, two = kept(1), kept(2)
    run("approve", one.id, "--by", "A")
    assert one.id in run("card")
    assert run("card", two.id, "--lang", "en").startswith(f"Model card: {NAME} {two.id}")
    assert json.loads(run("card", "--format", "json"))["id"] == one.id
    assert run("card", "--format", "markdown", "--lang", "zh").startswith("# 模型卡")
    target = tmp_path / "card.html"
    assert "card.html" in run("card", "--format", "html", "-o", str(target))
    assert target.read_text("utf-8").startswith('<!DOCTYPE html>\n<html lang="zh">')


def test_verification_ends_with_2_where_something_is_wrong() -> None:
    assert "还没有模型" in run("verify")
    one, two = kept(1), kept(2)
    assert run("verify").count("完整") == 2
    (places.folder_of(NAME, one.id) / "model.json").write_text("{}")
    told = run("verify", code=2)
    assert "FORECAST_FILE_CHANGED" in told
    assert f"{two.id}：完整" in told
    assert "完整" in run("verify", two.id)
    (places.folder_of(NAME, one.id) / places.CARD).unlink()
    assert "FORECAST_FILE_MISSING" in run("verify", one.id, code=2)


def test_what_is_approved_must_make_a_forecaster() -> None:
    made = READER()
    with pytest.raises(ForecastError, match="FORECAST_MODEL_UNREADABLE"):
        made(small.files(), "x")


def test_somebody_without_a_name_approves(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError

    monkeypatch.setattr(commands.getpass, "getuser", nobody)
    run("approve", kept().id)
    assert approvals(NAME)[0].by == "—"
