"""Search: by code, by name, by pinyin initials; ranked, repeatable, quick."""

from __future__ import annotations

import time

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from codebooks.codes import code_set
from codebooks.errors import CodebookError
from codebooks.search import Match, default_sets, search

DIAGNOSES, PROCEDURES = "icd10-nhsa-2.0", "icd9cm3-nhsa-2.0"


def test_default_is_what_the_schemes_use() -> None:
    assert default_sets() == (DIAGNOSES, PROCEDURES)


@pytest.mark.parametrize(
    ("query", "code", "match"),
    [
        ("I21.000", "I21.000", Match.EXACT_CODE),
        ("i21000", "I21.000", Match.EXACT_CODE),
        ("Ｉ２１．０", "I21.000", Match.CODE_PREFIX),
        ("47090", "47.0900", Match.CODE_PREFIX),
        ("急性阑尾炎", "K35.800x001", Match.EXACT_NAME),
        ("急性 阑尾炎", "K35.800x001", Match.EXACT_NAME),
        ("古典生物", "A00.000x001", Match.NAME_PREFIX),
        ("jxlwy", "K35.800x001", Match.INITIALS_PREFIX),
        ("JXLWY", "K35.800x001", Match.INITIALS_PREFIX),
        ("生物型 古典", "A00.000x001", Match.FRAGMENT),
        ("A00 古典", "A00.000x001", Match.FRAGMENT),
    ],
)
def test_first_hit(query: str, code: str, match: Match) -> None:
    first = search(query)[0]
    assert (first.code, first.match) == (code, match)


def test_ranks_follow_one_another() -> None:
    hits = search("阑尾", limit=10_000)
    assert [h.match for h in hits] == sorted(h.match for h in hits)
    for rank in (Match.NAME_PREFIX, Match.FRAGMENT):
        lengths = [len(h.name) for h in hits if h.match is rank]
        assert lengths == sorted(lengths)
    codes = [h.code for h in search("I21", limit=100) if h.match is Match.CODE_PREFIX]
    assert codes == sorted(codes)
    assert len(codes) > 10


def test_every_word_must_hit() -> None:
    hits = search("腹腔镜 阑尾 切除", limit=100)
    assert hits
    assert all(word in hit.name for hit in hits for word in ("腹腔镜", "阑尾", "切除"))


def test_initials_inside_a_name_come_last() -> None:
    hits = search("lwqcs", limit=1000)
    assert hits[0].name == "阑尾切除术"
    inside = [h for h in hits if h.match is Match.INITIALS_FRAGMENT]
    assert "其他阑尾切除术" in [h.name for h in inside]
    assert hits[-1].match is Match.INITIALS_FRAGMENT


def test_limits_and_nothing() -> None:
    assert search("   ") == []
    assert search("急性", limit=0) == []
    assert len(search("急性", limit=7)) == 7
    assert search("急性", limit=7) == search("急性", limit=50)[:7]
    assert search("没有这样的名称") == []
    assert search("\ufeff") == []


def test_one_letter_is_no_initials() -> None:
    assert all(h.match <= Match.FRAGMENT for h in search("q", limit=100_000))


def test_sets_asked_for() -> None:
    assert {h.set_id for h in search("阑尾", [PROCEDURES])} == {PROCEDURES}
    hits = search("I21.000", ["icd10-clinical-2.0", DIAGNOSES, DIAGNOSES])
    assert [h.set_id for h in hits if h.match is Match.EXACT_CODE] == [
        "icd10-clinical-2.0",
        DIAGNOSES,
    ]
    assert search("heart failure", ["icd10cm"])[0].code == "I50"


def test_groups_of_a_scheme() -> None:
    hits = search("肺移植", ["chs-drg-3.0"])
    assert [(h.kind, h.code) for h in hits[:2]] == [("adrg", "AA2"), ("drg", "AA29")]
    assert search("fyz", ["chs-drg-3.0"])[0].code == "AA2"
    assert search("mdcb", ["chs-drg-3.0"])[0].kind == "mdc"
    both = search("BQY", ["chs-drg-3.0"])
    assert [h.kind for h in both if h.match is Match.EXACT_CODE] == ["adrg", "drg"]


def test_unknown_place() -> None:
    with pytest.raises(CodebookError) as caught:
        search("甲", ["nowhere"])
    assert caught.value.code == "SEARCH_UNKNOWN"
    for lang in ("zh", "en"):
        assert "chs-drg-3.0" in caught.value.describe(lang)


@settings(max_examples=examples(40), deadline=None)
@given(data=st.data())
def test_what_is_there_is_found(data: st.DataObject) -> None:
    codes = code_set(data.draw(st.sampled_from([DIAGNOSES, PROCEDURES])))
    code = codes.codes[data.draw(st.integers(0, len(codes) - 1))]
    assert search(code)[0].code == code
    name = codes.name(code) or code
    start = data.draw(st.integers(0, len(name) - 1))
    piece = name[start : data.draw(st.integers(start + 1, len(name)))]
    if piece.strip():
        found = search(piece, [codes.id], limit=len(codes))
        assert code in {h.code for h in found}
        assert found == search(piece, [codes.id], limit=len(codes))


def test_search_is_quick() -> None:
    queries = ("jxlwy", "急性阑尾炎", "腹腔镜 切除", "I21", "炎", "a")
    for query in queries:
        search(query)
    for query in queries:
        took = []
        for _ in range(5):
            start = time.perf_counter()
            search(query)
            took.append(time.perf_counter() - start)
        assert min(took) < 0.05, query
