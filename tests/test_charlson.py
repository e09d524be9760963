"""The Charlson index: the published tables, worked examples, and what must always hold."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codebooks import charlson, paths
from codebooks.charlson import charlson_variant
from codebooks.codes import code_set
from codebooks.errors import CodebookError
from grouper.schemes.dip.auxiliary_codes import CharlsonAnswers, Spellings
from grouper.schemes.dip.charlson import bare, charlson_index

VARIANTS = (("quan", "charlson"), ("quan", "quan"))
CODES = st.sampled_from(
    [
        "I21.000",
        "i25.200",
        "I50.900x002",
        "I70.000",
        "I63.900",
        "F00.000*",
        "J44.900",
        "M05.900",
        "K25.900",
        "K70.000",
        "K72.100",
        "E11.900",
        "E11.200",
        "G81.900",
        "N18.900",
        "C34.900",
        "C78.000",
        "B24.x00",
        "I25.1",
        "R07.000",
        "",
    ]
)
CASES = st.lists(st.one_of(st.none(), CODES), max_size=8)


def points(*dx: str, weights: str = "charlson", scope: str = "all") -> int:
    return charlson_index(charlson_variant("quan", weights), dx, scope).points


# Each line of the two published tables: a code of the comorbidity, its points of 1987 and of 2011.
PUBLISHED = [
    ("I21.0", 1, 0),
    ("I50.0", 1, 2),
    ("I71.0", 1, 0),
    ("I61.0", 1, 0),
    ("G30.0", 1, 2),
    ("J45.0", 1, 1),
    ("M32.0", 1, 1),
    ("K27.0", 1, 0),
    ("K73.0", 1, 2),
    ("E11.9", 1, 0),
    ("E11.2", 2, 1),
    ("G82.0", 2, 2),
    ("N19", 2, 1),
    ("C50.9", 2, 2),
    ("K76.6", 3, 4),
    ("C79.3", 6, 6),
    ("B20", 6, 4),
]


@pytest.mark.parametrize(("code", "original", "updated"), PUBLISHED)
def test_each_comorbidity_has_its_published_points(code: str, original: int, updated: int) -> None:
    assert points(code) == original
    assert points(code, weights="quan") == updated


def test_every_comorbidity_is_held_against_a_published_line() -> None:
    variant = charlson_variant("quan", "charlson")
    found = {
        c.id
        for c in variant.comorbidities
        for code, *_ in PUBLISHED
        if bare(code).startswith(c.prefixes)
    }
    assert found == {c.id for c in variant.comorbidities}
    assert len(PUBLISHED) == len(variant.comorbidities) == 17


def test_the_greatest_index_is_the_published_one() -> None:
    # Quan et al. 2011: the updated index reaches 24; the original with this hierarchy 29.
    everything = [code for code, *_ in PUBLISHED]
    assert points(*everything, weights="quan") == 24
    assert points(*everything) == 29


@pytest.mark.parametrize(
    ("dx", "index"),
    [
        (("I21.900", "E11.900", "J44.900"), 3),
        # Diabetes counts once, with complications; two codes of one comorbidity count once.
        (("E11.900", "E11.200", "E11.500"), 2),
        # A tumour gives way to its metastasis, mild liver disease to severe.
        (("C34.900", "C78.700", "K70.300", "K72.100"), 9),
        (("R07.400",), 0),
        ((), 0),
    ],
)
def test_worked_examples(dx: tuple[str, ...], index: int) -> None:
    assert points(*dx) == index


def test_other_diagnoses_leave_out_the_principal_and_its_repeats() -> None:
    assert points("I21.900", "E11.900", "i21900", scope="other") == 1
    assert points("I21.900", "E11.900", scope="all") == 2
    assert points(scope="other") == 0


def test_the_index_says_what_gave_it_and_what_gave_way() -> None:
    found = charlson_index(charlson_variant("quan", "charlson"), ("e11.900", "E11.200")).found
    assert [(f.comorbidity.id, f.code, f.counts) for f in found] == [
        ("diab", "e11.900", False),
        ("diabwc", "E11.200", True),
    ]
    assert found[0].comorbidity.name("en") == "diabetes without complications"
    assert found[0].comorbidity.name("zh") == "糖尿病，无慢性并发症"


def test_all_prefixes_but_nine_begin_codes_of_the_insurance_edition() -> None:
    codes = [bare(code) for code in code_set("icd10-nhsa-2.0").codes]
    variant = charlson_variant("quan", "charlson")
    prefixes = [p for c in variant.comorbidities for p in c.prefixes]
    unused = [p for p in prefixes if not any(code.startswith(p) for code in codes)]
    assert len(prefixes) == 289
    # Asterisk categories: the edition writes them behind the dagger code (G30.000x003+F00.0*),
    # where the first characters do not reach them. docs/DIP_FACTORS.md says so.
    assert unused == ["I43", "I790", "I792", "G46", "I68", "F00", "F02", "M360", "I982"]


@given(dx=CASES, more=st.one_of(st.none(), CODES), scope=st.sampled_from(("all", "other")))
@pytest.mark.parametrize(("mapping", "weights"), VARIANTS)
def test_a_further_diagnosis_never_lowers_the_index(
    mapping: str, weights: str, dx: list[str | None], more: str | None, scope: str
) -> None:
    variant = charlson_variant(mapping, weights)
    before = charlson_index(variant, dx, scope).points
    assert 0 <= before <= charlson_index(variant, [*dx, more] if dx else [None, more], scope).points


@given(cases=st.lists(CASES, min_size=1, max_size=6), scope=st.sampled_from(("all", "other")))
@pytest.mark.parametrize(("mapping", "weights"), VARIANTS)
def test_the_vectorised_index_is_the_scalar_one(
    mapping: str, weights: str, cases: list[list[str | None]], scope: str
) -> None:
    variant, spellings = charlson_variant(mapping, weights), Spellings()
    column = pa.array(cases, pa.list_(pa.string()))
    found = CharlsonAnswers(spellings, variant, scope).points(spellings.read(column))
    assert found.tolist() == [charlson_index(variant, dx, scope).points for dx in cases]
    assert found.dtype == np.int64


def test_an_unknown_variant_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(CodebookError, match="quan/charlson") as refused:
        charlson_variant("quan", "shmi")
    assert refused.value.code == "CHARLSON_UNKNOWN"


def test_tables_that_were_changed_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = paths.installed() / charlson.SHELF
    shutil.copytree(paths.shipped() / charlson.SHELF, folder)
    prefixes = folder / "prefixes.csv"
    prefixes.write_text(prefixes.read_text("utf-8").replace("I252", "I251"), "utf-8")
    monkeypatch.setattr(paths, "shipped", paths.installed)
    charlson_variant.cache_clear()
    with pytest.raises(CodebookError, match="CHARLSON_TABLE"):
        charlson_variant("quan", "charlson")


def test_the_manifest_says_source_licence_and_corrections() -> None:
    manifest = json.loads((paths.shipped() / charlson.SHELF / "manifest.json").read_text("utf-8"))
    assert "comorbidipy 0.5.0" in manifest["source"]["package"]
    assert manifest["source"]["licence"].startswith("MIT")
    assert [(c["comorbidity"], c["published"]) for c in manifest["corrections"]] == [("aids", 4)]
    assert manifest["counts"] == {"comorbidities.csv": 17, "prefixes.csv": 289, "weights.csv": 34}
