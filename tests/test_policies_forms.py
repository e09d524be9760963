"""The forms of the topics: strict themselves, whole, and the page made from them."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from policy_support import put

from codebooks import paths
from codebooks.policies.documentation import render, write
from codebooks.policies.forms import (
    Kind,
    dimensions,
    read_dimensions,
    read_form,
    topic_forms,
)
from codebooks.policies.yaml_nodes import PolicyError

NAME = "name: {zh: 名, en: name}"


def form_of(parameter: str) -> str:
    return f"topic: t\n{NAME}\nparameters:\n  p: {{{NAME}, {parameter}}}\n"


@pytest.mark.parametrize(
    ("parameter", "code", "key"),
    [
        ("kind: number", "POLICY_CHOICE", "parameters.p.kind"),
        ("kind: text, minimum: 0", "POLICY_KEY_UNKNOWN", "parameters.p.minimum"),
        ("kind: decimal, choices: [a]", "POLICY_KEY_UNKNOWN", "parameters.p.choices"),
        ("kind: decimal, key: [a]", "POLICY_KEY_UNKNOWN", "parameters.p.key"),
        ("kind: decimal, required: false", "POLICY_KEY_UNKNOWN", "parameters.p.required"),
        ("kind: decimal, minimum: low", "POLICY_NUMBER", "parameters.p.minimum"),
        ("kind: decimal, units: x", "POLICY_KEY_UNKNOWN", "parameters.p.units"),
        ("kind: choice", "POLICY_KEY_MISSING", "parameters.p"),
        ("kind: table", "POLICY_KEY_MISSING", "parameters.p"),
        (
            f"kind: table, key: [b], columns: {{a: {{{NAME}, kind: text}}}}",
            "POLICY_CHOICE",
            "parameters.p.key",
        ),
        (
            f"kind: table, columns: {{a: {{{NAME}, kind: text, by: [level]}}}}",
            "POLICY_KEY_UNKNOWN",
            "parameters.p.columns.a.by",
        ),
        (
            f"kind: table, columns: {{a: {{{NAME}, kind: text, required: maybe}}}}",
            "POLICY_CHOICE",
            "parameters.p.columns.a.required",
        ),
        (
            f"kind: table, columns: {{a: {{{NAME}, kind: table, columns: {{}}}}}}",
            "POLICY_CHOICE",
            "parameters.p.columns.a.kind",
        ),
    ],
)
def test_a_form_promises_nothing_that_nobody_checks(
    tmp_path: Path, parameter: str, code: str, key: str
) -> None:
    path = put(tmp_path, "t.yaml", form_of(parameter))
    with pytest.raises(PolicyError) as caught:
        read_form(path)
    assert (caught.value.code, caught.value.where.file) == (code, "_forms/t.yaml")
    assert caught.value.where.column == key


def test_a_form_is_called_as_its_topic(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="POLICY_TOPIC"):
        read_form(put(tmp_path, "u.yaml", form_of("kind: text")))


def test_a_form_is_read(tmp_path: Path) -> None:
    columns = f"columns: {{a: {{{NAME}, kind: share, required: false}}}}"
    form = read_form(put(tmp_path, "t.yaml", form_of(f"kind: table, by: level, {columns}")))
    table = form.parameters["p"]
    assert (table.kind, table.by, form.called("zh"), table.called("en")) == (
        Kind.TABLE,
        ("level",),
        "名",
        "name",
    )
    share = table.columns["a"]
    assert (share.minimum, share.maximum, share.required) == (Decimal(0), Decimal(1), False)


def test_dimensions_are_read(tmp_path: Path) -> None:
    text = (
        f"level: {{{NAME}, keys: {{I: {{zh: 一级, en: first}}}}}}\nward: {{{NAME}, note: 任意}}\n"
    )
    found = read_dimensions(put(tmp_path, "_dimensions.yaml", text))
    assert found["level"].key_called("I", "zh") == "一级"
    assert found["level"].key_called("I", "en") == "first"
    assert found["ward"].key_called("W1") == "W1"
    assert (found["ward"].keys, found["ward"].note) == ({}, "任意")
    with pytest.raises(PolicyError, match="POLICY_KEY_UNKNOWN"):
        read_dimensions(put(tmp_path, "_dimensions.yaml", f"level: {{{NAME}, key: [I]}}\n"))


def test_every_dimension_of_a_form_is_described() -> None:
    used = {by for form in topic_forms().values() for p in form.parameters.values() for by in p.by}
    assert used <= set(dimensions())


def test_forms_are_named_once_in_each_language() -> None:
    for form in topic_forms().values():
        for place in (0, 1):
            names = [one.names[place] for one in form.parameters.values()]
            assert len(names) == len(set(names)), form.topic


def test_the_page_is_the_forms(pytestconfig: pytest.Config, tmp_path: Path) -> None:
    page = (pytestconfig.rootpath / "docs" / "POLICY.md").read_text("utf-8")
    assert page == render()
    write(tmp_path / "POLICY.md")
    assert (tmp_path / "POLICY.md").read_text("utf-8") == page
    for topic in topic_forms():
        assert f"### `{topic}` " in page


def test_every_file_of_the_forms_is_a_form_or_the_dimensions() -> None:
    names = {p.name for p in (paths.shipped() / "policies" / "_forms").iterdir()}
    assert names == {f"{topic}.yaml" for topic in topic_forms()} | {"_dimensions.yaml"}
