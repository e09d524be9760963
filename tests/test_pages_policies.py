"""The page of policies, each part run by itself; the hospital's own files from the draft to the price."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from book_import_support import MANAGER, OFFICE, Desk, desk
from pages_office_support import words
from streamlit.testing.v1 import AppTest

from codebooks import paths
from codebooks.errors import CodebookError
from codebooks.messages import LANGUAGES, catalogue
from codebooks.policies.forms import topic_forms
from codebooks.policies.policies import policies
from grouper.service.access.principal import AccessError
from grouper.service.book_limits import book_limits
from grouper.service.policy_answers import (
    changing,
    holdings,
    is_priced,
    policy_on,
    region_policies,
    table_rows,
)
from grouper.service.policy_own import (
    check_draft,
    install_own,
    own_file,
    own_files,
    withdraw_own,
)
from grouper.store.database import Database, StoreError

DAY = date(2026, 6, 1)
LEVEL = """topic: hospital
source: 本院等级证书
parameters:
  level:
    values:
      - {from: 2020-01-01, value: II}
"""
WEIGHTS = """topic: drg_rate
source: 某市医保局〔2026〕12 号
parameters:
  weights:
    values:
      - {from: 2026-01-01, value: {file: weights.csv}}
"""
TABLE = "group,weight\nAA19,7.5\n"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Desk]:
    with desk(tmp_path) as found:
        yield found


def draft(**files: str) -> dict[str, bytes]:
    return {name.replace("__", "."): text.encode() for name, text in files.items()}


def put(page: AppTest, **files: str) -> AppTest:
    """Choose files and have them checked."""
    given = [(name, content, "text/plain") for name, content in draft(**files).items()]
    page.file_uploader(key="policy.own.files").set_value(given)
    return next(one for one in page.button if one.label == "检查").click().run()


def click(page: AppTest, key: str) -> AppTest:
    return next(one for one in page.button if one.key == key).click().run()


def test_what_holds_on_a_day_is_shown_with_what_it_rests_on(running: Desk) -> None:
    page = running.page("policies", region="harbin")
    page.date_input(key="policy.day").set_value(date(2024, 6, 1)).run()
    assert not page.exception
    page.selectbox(key="policy.topic").set_value("drg_rate").run()
    said = words(page)
    assert "哈尔滨市，2024-06-01：harbin@" in said
    assert "元/权重" in said
    assert "2024-12-31" in said
    rows = page.selectbox(key="policy.one")
    at = next(i for i, one in enumerate(rows.options) if "权重" in one)
    rows.set_value(at).run()
    assert "harbin/drg_rate.yaml" in words(page)
    assert "| AA19 |" in words(page)
    assert "第 1 页" in words(page)


def test_values_are_found_and_assumptions_marked(running: Desk) -> None:
    page = running.page("policies")
    assert "〔假设〕" in words(page)
    page.text_input(key="policy.find").set_value("没有这样的参数").run()
    assert "没有符合条件的参数" in words(page)
    page.text_input(key="policy.find").set_value("点值").run()
    page.toggle(key="policy.assumptions").set_value(True).run()
    assert "1.95 元/点〔假设〕" in words(page)
    page.selectbox(key="policy.one").set_value(0).run()
    assert "没有文件依据，是本系统的假设" in words(page)
    page.date_input(key="policy.day").set_value(None).run()
    assert "请选择日期" in words(page)


def test_days_without_rules_and_files_that_are_wrong_are_told(running: Desk) -> None:
    assert "没有付费方式的适用规则" in words(running.page("policies", region="guangxi"))
    folder = paths.installed() / "policies" / "demo"
    folder.mkdir(parents=True)
    (folder / "hospital.yaml").write_text("topic: nothing\n", "utf-8")
    policies.cache_clear()
    said = words(running.page("policies"))
    assert "改正之前其病例不予计价" in said
    said = words(running.page("policies", part="regions"))
    assert "不可用（" in said
    assert "不可用的文件（1）" in said
    assert "改正之前其病例不予计价" in words(running.page("policies", part="compare"))


def test_regions_are_listed_with_methods_and_spans(running: Desk) -> None:
    said = words(running.page("policies", part="regions"))
    assert "[哈尔滨市](/policies?part=holding&region=harbin) | 2022-01-01 至 2024-12-31" in said
    assert "DRG 费率法" in said
    assert "无适用规则" in said
    found = {one.region: one for one in region_policies()}
    assert found["jinhua"].priced[-1].until is None
    assert found["jinhua"].own == ()


def test_two_days_are_compared_and_days_backwards_refused(running: Desk) -> None:
    page = running.page("policies", part="compare", region="harbin")
    page.date_input(key="policy.compare.old").set_value(date(2023, 12, 1)).run()
    page.date_input(key="policy.compare.new").set_value(date(2024, 6, 1)).run()
    assert "处不同" in words(page)
    assert "费率" in words(page)
    page.date_input(key="policy.compare.new").set_value(date(2023, 1, 1)).run()
    assert "后一日期应晚于前一日期" in words(page)
    page.date_input(key="policy.compare.new").set_value(None).run()
    assert "请选择日期" in words(page)
    page = running.page("policies", part="compare")
    assert "没有差异" in words(page)


def test_an_own_file_goes_from_the_draft_into_force_and_out_again(running: Desk) -> None:
    page = running.page("policies", part="own", region="harbin")
    assert "还没有本院的政策文件" in words(page)
    next(one for one in page.button if one.label == "检查").click().run()
    assert "没有选择文件" in words(page)
    page = put(page, hospital__yaml=LEVEL)
    assert "| hospital.yaml | 1 | 可用 |" in words(page)
    assert not (paths.installed() / "policies").exists()
    assert next(one for one in page.button if one.key == "policy.own.install").disabled
    next(one for one in page.checkbox if str(one.key).startswith("policy.own.sure")).check().run()
    page = click(page, "policy.own.install")
    assert "已安装，替换了 0 个文件" in words(page)
    assert policy_on("harbin", DAY).value("hospital.level").value == "II"
    assert own_files("harbin", OFFICE) == ["hospital.yaml"]
    page = click(page, "policy.own.withdraw.hospital.yaml")
    assert "已撤下 hospital.yaml" in words(page)
    assert own_files("harbin", OFFICE) == []
    assert policy_on("harbin", DAY).value("hospital.level").value == "I"
    assert [action for _, action, _ in running.actions()] == [
        "policy_install_asked",
        "policy_installed",
        "policy_withdraw_asked",
        "policy_withdrawn",
    ]
    kept = list((paths.installed() / "replaced" / "policies" / "harbin").iterdir())
    assert [one.read_text("utf-8") for one in kept] == [LEVEL]


def test_a_wrong_file_is_told_by_line_and_key_and_nothing_is_written(running: Desk) -> None:
    page = running.page("policies", part="own")
    page = put(page, hospital__yaml=LEVEL.replace("value: II", "value: IV"))
    said = words(page)
    assert "不可用（POLICY_CHOICE）" in said
    assert "hospital.yaml，第 6 行" in said
    assert "没有写入任何内容" in said
    assert not [one for one in page.button if one.key == "policy.own.install"]
    page = click(page, "policy.own.forget")
    assert "检查结果" not in words(page)
    page = put(page, weights__csv="x")
    assert "没有政策文件" in words(page)
    assert not (paths.installed() / "policies").exists()


def test_a_manager_reads_and_changes_nothing(running: Desk) -> None:
    running.who = MANAGER
    page = running.page("policies", part="own")
    assert "本院政策文件由医保办维护" in words(page)
    assert not page.file_uploader


@pytest.mark.slow
@pytest.mark.parametrize("part", ["holding", "regions", "compare", "own"])
def test_every_part_speaks_english(running: Desk, part: str) -> None:
    page = running.page("policies", part=part, lang="en")
    assert not page.exception
    assert not re.search("[一-鿿]", "".join(one.label for one in page.button))


def test_a_draft_is_checked_with_what_stands_already(running: Desk) -> None:
    files = draft(drg_rate__yaml=WEIGHTS, weights__csv=TABLE)
    found = check_draft("harbin", files, DAY, OFFICE)
    assert found.usable
    assert {one.name: (one.values, one.replaces) for one in found.checked} == {
        "drg_rate.yaml": (1, False),
        "weights.csv": (0, False),
    }
    assert found.before is not None
    assert found.after is not None
    places = [one for one in changing(found.before, found.after, "zh") if one.keys == "AA19"]
    assert [(one.old, one.new) for one in places] == [(None, "7.5")]
    assert install_own(running.database, OFFICE, found) == []
    # The table alone is in use; the file without its table is not usable; neither is it taken away.
    assert check_draft("harbin", draft(drg_rate__yaml=WEIGHTS), DAY, OFFICE).usable
    missing = check_draft("demo", draft(drg_rate__yaml=WEIGHTS), DAY, OFFICE)
    assert not missing.usable
    assert [one.error is not None for one in missing.checked] == [True]
    with pytest.raises(CodebookError, match="OWN_POLICY_NEEDED"):
        withdraw_own(running.database, OFFICE, "harbin", "weights.csv")
    again = check_draft("harbin", files, DAY, OFFICE)
    assert all(one.replaces for one in again.checked)
    assert len(install_own(running.database, OFFICE, again)) == 2
    unused = check_draft("harbin", draft(hospital__yaml=LEVEL, other__csv="a\n1\n"), DAY, OFFICE)
    assert [one.name for one in unused.checked if one.unused] == ["other.csv"]


def test_a_fault_elsewhere_in_the_region_keeps_a_draft_out(running: Desk) -> None:
    folder = paths.installed() / "policies" / "harbin"
    folder.mkdir(parents=True)
    (folder / "drg_rate.yaml").write_text("topic: drg_rate\n", "utf-8")
    policies.cache_clear()
    found = check_draft("harbin", draft(hospital__yaml=LEVEL), DAY, OFFICE)
    assert not found.usable
    assert [one.error for one in found.checked] == [None]
    assert len(found.faults) == 1
    assert found.before is None
    with pytest.raises(CodebookError, match="OWN_POLICY_FAULTY"):
        install_own(running.database, OFFICE, found)
    page = running.page("policies", part="own", region="harbin")
    page = put(page, hospital__yaml=LEVEL)
    assert "harbin/drg_rate.yaml" in words(page)


def test_names_sizes_and_rights_are_held(running: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for files, code in (
        ({"../hospital.yaml": b""}, "OWN_POLICY_NAME"),
        ({"hospital.yaml": b"", ".hidden.csv": b""}, "OWN_POLICY_NAME"),
        ({"weights.csv": b""}, "OWN_POLICY_EMPTY"),
        ({"hospital.yaml": b"x" * (book_limits().policy_bytes + 1)}, "OWN_POLICY_LARGE"),
        ({f"t{n}.yaml": b"" for n in range(book_limits().policy_files + 1)}, "OWN_POLICY_LARGE"),
    ):
        with pytest.raises(CodebookError, match=code):
            check_draft("demo", files, DAY, OFFICE)
    with pytest.raises(CodebookError, match="REGION_UNKNOWN"):
        check_draft("nowhere", draft(hospital__yaml=LEVEL), DAY, OFFICE)
    with pytest.raises(CodebookError, match="POLICY_FILE"):
        own_file("demo", "hospital.yaml", OFFICE)
    found = check_draft("demo", draft(hospital__yaml=LEVEL), DAY, OFFICE)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        install_own(running.database, MANAGER, found)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        withdraw_own(running.database, MANAGER, "demo", "hospital.yaml")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(CodebookError, match="IMPORT_WRITE"):
        install_own(running.database, OFFICE, found)
    assert own_files("demo", OFFICE) == []

    def down(_: Database) -> None:
        raise StoreError("STORE_UNAVAILABLE", reason="down")

    monkeypatch.setattr(Database, "writing_store", down)
    with pytest.raises(StoreError):
        install_own(running.database, OFFICE, found)


def test_a_file_that_cannot_be_taken_away_stays(
    running: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_own(
        running.database, OFFICE, check_draft("demo", draft(hospital__yaml=LEVEL), DAY, OFFICE)
    )
    real = Path.unlink

    def held(path: Path) -> None:
        if path.is_relative_to(paths.installed()):
            raise OSError(13, "Permission denied")
        real(path)

    monkeypatch.setattr(Path, "unlink", held)
    with pytest.raises(CodebookError, match="IMPORT_WRITE"):
        withdraw_own(running.database, OFFICE, "demo", "hospital.yaml")
    assert own_files("demo", OFFICE) == ["hospital.yaml"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_choice_and_unit_of_a_policy_has_words(lang: str) -> None:
    told = catalogue(lang)
    forms = [
        one
        for topic in topic_forms().values()
        for form in topic.parameters.values()
        for one in (form, *form.columns.values())
    ]
    # Grades, levels and ways of discharge are written by their codes.
    choices = {one for form in forms for one in form.choices if re.fullmatch("[a-z_]{2,}", one)}
    assert sorted(one for one in choices if f"policy_choice.{one}" not in told) == []
    units = {form.unit for form in forms if form.unit}
    assert sorted(one for one in units if f"policy_unit.{one}" not in told) == []


def test_every_value_of_every_region_can_be_written() -> None:
    for one in region_policies():
        policy = policy_on(one.region, DAY)
        found = holdings(policy, "zh")
        assert {value.path for value in found} == set(policy.values)
        tables = [value for value in found if value.rows > 1]
        for value in tables:
            heads, rows = table_rows(policy, value.path, value.at, "en")
            assert len(rows) == value.rows
            assert all(len(row) == len(heads) for row in rows)
    assert table_rows(policy, "no.such", (), "zh") == ((), ())
    assert not is_priced(policy_on("guangxi", DAY))


def test_own_files_are_for_who_holds_the_right() -> None:
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        own_files("demo", MANAGER)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        own_file("demo", "hospital.yaml", MANAGER)
    with pytest.raises(AccessError, match="NOT_ALLOWED"):
        check_draft("demo", draft(hospital__yaml=LEVEL), DAY, MANAGER)
