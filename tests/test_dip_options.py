"""The named options of a catalogue: one test for each, and all of them against a plain reading."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dip_plain import KINDS, PlainReading
from dip_random import batch_of
from dip_small import book, case, row, scheme

from codebooks.errors import GrouperError
from codebooks.messages import LANGUAGES
from codebooks.registry import registry
from codebooks.treatment import TreatmentKind, treatment_kinds
from grouper.case.record import Case
from grouper.schemes.dip.compiled import TREATMENT_OF_KIND
from grouper.schemes.dip.policy import OPTIONS, Treatment
from grouper.schemes.dip.scheme import DipScheme
from grouper.schemes.reasons import Reason, Status


def test_any_procedure_may_be_the_main_one_unless_the_main_one_decides() -> None:
    rows = [row("K35.8", "47.0100"), row("K35.8", "51.2300")]
    usual = scheme(*rows)
    assert usual.group(case("K35.800", "44.1300x001 51.2300")).group == "K35.8:51.2300"
    decides = scheme(*rows, main_procedure_decides=True)  # Jining, Taian
    assert decides.group(case("K35.800", "44.1300x001 51.2300")).group is None
    assert decides.group(case("K35.800", "51.2300 47.0100")).group == "K35.8:51.2300"


def test_all_listed_procedures_must_match() -> None:  # Jining, Taian
    rows = [row("K35.8", "47.0100", "54.5100x009/51.2300")]
    assert scheme(*rows).group(case("K35.800", "47.0100 51.2300")).status is Status.GROUPED
    every = scheme(*rows, all_related_required=True)
    assert every.group(case("K35.800", "47.0100 51.2300")).status is Status.UNGROUPED
    both = every.group(case("K35.800", "47.0100 51.2300 54.5100x009"))
    assert both.status is Status.GROUPED


def test_short_codes_act_as_prefixes() -> None:  # Xiangyang, Jingmen
    rows = [row("K35.8", "47.0"), row("K35.8", "51.23+44.1")]
    assert scheme(*rows).group(case("K35.800", "47.0100")).status is Status.UNGROUPED
    prefixes = scheme(*rows, prefix_procedures=True)
    assert prefixes.group(case("K35.800", "47.0901")).group == "K35.8:47.0"
    assert prefixes.group(case("K35.800", "44.1300x001 51.2300")).group == "K35.8:51.23+44.1"
    none = scheme(row("K35.8", "47.77"), prefix_procedures=True)
    assert none.group(case("K35.800", "47.0901")).status is Status.UNGROUPED


def test_the_exact_set_goes_first_then_the_highest_score() -> None:  # Jingzhou
    rows = [
        row("K35.8", "47.0100", score="100"),
        row("K35.8", "51.2300", score="300"),
        row("K35.8", "44.1300x001", "45.2302", score="50"),
        row("K35.8", "45.2302"),
    ]
    exact = scheme(*rows, tie="exact_then_score")
    assert exact.group(case("K35.800", "47.0100 51.2300")).group == "K35.8:51.2300"
    assert exact.group(case("K35.800", "47.0100")).group == "K35.8:47.0100"
    found = exact.group(case("K35.800", "44.1300x001 45.2302"))
    assert found.group == "K35.8:44.1300x001_45.2302"
    found = exact.group(case("K35.800", "44.1300x001 45.2302 47.0100"))
    assert found.group == "K35.8:47.0100"
    lost = {s["code"]: s for s in found.trace.document("en")["steps"]}
    assert lost["K35.8:45.2302"]["failed_by"][0]["found"] == "– / 100"


def test_all_core_rows_before_primary_care_before_comprehensive() -> None:  # Xiaogan
    rows = [
        row("K35.8", "47.0100", "51.2300", section="JCB", group="primary"),
        row("K35.8", "47.0100"),
        row("K35", treatment="surgery"),
        row("K80.1", section="JCB", group="rest"),
        row("K80", treatment="surgery"),
    ]
    both = case("K35.800", "47.0100 51.2300")
    assert scheme(*rows).group(both).group == "primary"
    core_first = scheme(*rows, kind_order="core_first")
    assert core_first.group(both).group == "K35.8:47.0100"
    assert core_first.group(case("K35.800", "51.2300")).group == "K35:surgery"
    assert core_first.group(case("K80.100")).group == "rest"
    assert core_first.group(case("K80.100")).group_kind == "JCB"


def test_a_comprehensive_row_of_each_treatment_or_of_the_first_alone() -> None:
    rows = [row("K35", treatment="diagnostic")]
    both = case("K35.800", "47.0100 44.1300x001")
    assert scheme(*rows).group(both).group == "K35:diagnostic"
    assert scheme(*rows, comprehensive_kind="highest").group(both).group is None


def test_conservative_without_a_treatment_or_without_a_main_procedure() -> None:
    robot = case("K35.800", "17.4200")
    assert scheme(row("K35.8")).group(robot).group == "K35.8"
    assert scheme(row("K35.8"), conservative_when="no_main").group(robot).group is None


def test_partly_matched_related_procedures_count_or_do_not() -> None:
    rows = [row("K35.8", "47.0100"), row("K35.8", "47.0100", "51.2300+54.5100x009")]
    some = case("K35.800", "47.0100 51.2300")
    assert scheme(*rows).group(some).group == "K35.8:47.0100"
    partial = scheme(*rows, partial_related=True)
    assert partial.group(some).group == "K35.8:47.0100_51.2300+54.5100x009"
    assert partial.group(case("K35.800", "47.0100 44.1300x001")).group == "K35.8:47.0100"


def test_a_procedure_listed_as_main_and_related_must_be_there_again_or_once() -> None:
    rows = [row("M16.9", "81.5100"), row("M16.9", "81.5100", "81.5100")]
    once, twice = case("M16.900", "81.5100"), case("M16.900", "81.5100 81.5100")
    usual = scheme(*rows)
    assert usual.group(once).group == "M16.9:81.5100"
    assert usual.group(twice).group == "M16.9:81.5100_81.5100"
    assert (
        scheme(*rows, related_from_main_list="once").group(once).group == usual.group(twice).group
    )


def test_an_excluded_diagnosis_excludes_itself_or_what_begins_with_it() -> None:
    lists = {"excluded_diagnoses": [{"code": "K35.8"}, {"code": "K80.100"}]}
    rows = [row("K35.8"), row("K80.1")]
    exact = scheme(*rows, lists=lists)
    assert exact.group(case("K35.800")).group == "K35.8"
    assert exact.group(case("K80.100")).reason is Reason.DX_NOT_PRINCIPAL
    prefix = scheme(*rows, lists=lists, excluded_diagnosis_match="prefix")
    assert prefix.group(case("K35.800")).reason is Reason.DX_NOT_PRINCIPAL
    assert prefix.group(case("K80.101")).group == "K80.1"


def test_excluded_procedures_of_a_small_catalogue() -> None:
    lists = {
        "excluded_procedures": [
            {"code": "47.0100", "treatment": "conservative", "diagnoses": ""},
            {"code": "51.2300", "treatment": "not_main", "diagnoses": ""},
            {"code": "44.1300x001", "treatment": "restricted", "diagnoses": "K35|K80"},
        ]
    }
    rows = [row("K35.8", "45.2302", "51.2300"), row("K35.8"), row("J18.9", "45.2302"), row("J18.9")]
    rows += [row("K35.8", "44.1300x001"), row("J18.9", "44.1300x001")]
    ready = scheme(*rows, lists=lists, main_procedure_decides=True, conservative_when="no_main")
    assert ready.group(case("K35.800", "47.0100")).group == "K35.8"
    assert ready.group(case("K35.800", "51.2300 45.2302")).group == "K35.8:45.2302_51.2300"
    assert ready.group(case("K35.800", "44.1300x001")).group == "K35.8:44.1300x001"
    assert ready.group(case("J18.900", "44.1300x001 45.2302")).group == "J18.9:45.2302"
    assert ready.group(case("J18.900", "44.1300x001")).group == "J18.9"


@pytest.mark.parametrize(("procedure", "group"), [("any", "14"), ("all", "3"), ("main", None)])
def test_which_pre_groups_take_any_procedure(procedure: str, group: str | None) -> None:
    plain = registry().book("dip-3.0")
    options = {**plain.card.options, "pre_11_13_14_procedure": procedure}
    ready = DipScheme(plain.with_card(options=options))
    assert ready.group(case("J18.900", "43.7x03 50.5100 96.7201")).group == group
    # Of several parts one is the main one.
    assert ready.group(case("J18.900", "96.7201 39.9500x007")).group == "13"
    assert ready.group(case("J18.900", "39.9500x007 96.7201")).group == "13"


def test_low_birth_weight_anywhere_or_principal_alone() -> None:
    plain = registry().book("dip-3.0")
    options = {**plain.card.options, "pre_16_19_diagnosis": "principal"}
    ready = DipScheme(plain.with_card(options=options))
    newborn = {"age": 0, "age_days": 3, "weight_g": 900}
    assert ready.group(case("P07.100", **newborn)).group == "16"
    assert ready.group(case("J18.900 P07.100", **newborn)).group_kind == "JC"


def test_a_cell_with_both_signs_has_two_readings() -> None:
    rows = [row("K35.8", "47.0100", "51.2300+54.5100x009|45.2302")]
    one = case("K35.800", "47.0100 45.2302")
    two = case("K35.800", "47.0100 51.2300 45.2302")
    usual = scheme(*rows)
    assert (usual.group(one).group, usual.group(two).status) == (None, Status.GROUPED)
    neighbours = scheme(*rows, mixed_expression="neighbours")
    assert neighbours.group(one).status is Status.GROUPED


def test_what_becomes_of_a_case_that_no_row_takes() -> None:
    lost = case("K35.800", "99.2503 44.1300x001")
    for unmatched, group in (("none", None), ("KBBZ", "KBBZ"), ("chapter", "CP11:ZLXCZ")):
        ready = scheme(row("J18.9"), unmatched=unmatched)
        found = ready.group(lost)
        assert (found.status, found.reason) == (Status.UNGROUPED, Reason.GROUP_NONE)
        assert (found.group, found.weight) == (group, None)
        assert found.group_name == (None if group is None else "")
        row_ = {"dx": list(lost.dx), "px": list(lost.px)}
        result = ready.group_batch(batch_of([row_])).to_pylist()[0]
        assert (result["group"], result["group_name"]) == (group, found.group_name)
        shown = found.trace.document()["result"]["group"]
        assert shown == (None if group is None else {"code": group, "name": ""})
    assert scheme(row("J18.9"), unmatched="chapter").group(case("S01.000")).group == "CP19:BSZL"


def test_rules_of_a_national_book_need_not_be_named() -> None:
    ready = scheme(row("K35.8", "47.0100", section="BX"))
    assert ready.compiled.policy.main_decides
    assert not scheme(row("K35.8", section="BX"), rules="standard").compiled.policy.main_decides
    assert scheme(row("K35.8"), rules="national").compiled.policy.partial


@pytest.mark.parametrize("name", [*OPTIONS, "unmatched"])
def test_a_value_that_an_option_does_not_have_is_refused(name: str) -> None:
    for value in ("what" if name != "unmatched" else "", 1, True if name == "tie" else 0):
        with pytest.raises(GrouperError) as error:
            scheme(row("K35.8"), **{name: value})
        assert error.value.code == "DIP_OPTION"
        for lang in LANGUAGES:
            assert name in error.value.describe(lang)


DX = ["K35.800", "K35.800x001", "K35.200", "K80.100", "K80.000", "J18.900", "J18.000"]
PX = [
    "47.0100", "47.0901", "47.0900", "51.2300", "51.2200", "44.1300x001", "45.2302", "99.2503",
    "99.2800x005", "96.7201", "17.4200", "54.5100x009",
]  # fmt: skip


class RandomCatalogues:
    """Small catalogues with options, lists and cases, as the plain reading takes them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def pick(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def some(self, items: list[str], most: int) -> list[str]:
        count = min(int(self.rng.integers(1, most + 1)), len(items))
        return [str(one) for one in self.rng.choice(items, count, replace=False)]

    def parts(self, most: int, codes: list[str]) -> list[list[str]]:
        return [self.some(codes, 2) for _ in range(int(self.rng.integers(0, most + 1)))]

    def row(self, codes: list[str]) -> dict[str, Any]:
        rng = self.rng
        made: dict[str, Any] = {
            "keys": self.some([*DX, "K35", "K35.8", "K80.1", "J18", "J18.9"], 2),
            "second": self.some(["K80", "J18.9", "K35.2"], 2) if rng.random() < 0.15 else [],
            "parts": [],
            "related": [],
            "section": self.pick(["HX", "HX", "JCB", "ZH"]),
            "treatment": "",
            "score": self.pick([None, Decimal("100.5"), Decimal(300), Decimal("300.25")]),
            "mean_cost": self.pick([None, Decimal(4000), Decimal("9000.5"), Decimal(20_000)]),
        }
        if made["section"] == "ZH":
            made["treatment"] = self.pick(KINDS)
        elif rng.random() < 0.8:
            made["parts"] = [self.some(codes, 3)]
            if rng.random() < 0.15:
                made["parts"].append(self.some(codes, 2))
            made["related"] = self.parts(3, codes) if rng.random() < 0.6 else []
        return made

    def options(self) -> dict[str, Any]:
        names = (
            "main_procedure_decides", "all_related_required", "partial_related",
            "related_from_main_list", "prefix_procedures", "tie", "kind_order",
            "comprehensive_kind", "conservative_when",
        )  # fmt: skip
        return {name: self.pick(OPTIONS[name]) for name in names}

    def excluded(self) -> dict[str, Any]:
        kinds: list[Any] = ["conservative", "not_main", ["K35"], ["K80.1", "J18"]]
        return {code: self.pick(kinds) for code in PX if self.rng.random() < 0.15}

    def case(self) -> dict[str, Any]:
        rng = self.rng
        px = [self.pick(PX) for _ in range(self.pick([0, 0, 1, 1, 2, 3, 4]))]
        return {
            "dx": self.some(DX, 3),
            "px": px,
            "cost": self.pick([None, Decimal("100.25"), Decimal(6500), Decimal(12_000)])
            if rng.random() < 0.8
            else None,
        }


def expression(parts: list[list[str]]) -> str:
    return "+".join("|".join(dict.fromkeys(part)) for part in parts)


def lists_of(excluded: dict[str, Any]) -> dict[str, Any]:
    return {
        "excluded_procedures": [
            {
                "code": code,
                "treatment": said if isinstance(said, str) else "restricted",
                "diagnoses": "" if isinstance(said, str) else "|".join(said),
            }
            for code, said in excluded.items()
        ]
    }


def distinct(parts: list[list[str]]) -> list[list[str]]:
    """Parts as an expression keeps them: each once."""
    return list({tuple(part): part for part in parts}.values())


def check_against_a_plain_reading(seed: int, count: int) -> int:
    source = RandomCatalogues(seed)
    options = source.options()
    codes = [*PX, "47.0", "51.2", "99.2"] if options["prefix_procedures"] else PX
    rows = [source.row(codes) for _ in range(int(source.rng.integers(4, 22)))]
    for made in rows:
        made["parts"], made["related"] = distinct(made["parts"]), distinct(made["related"])
    excluded = source.excluded()
    plain_rows = [
        row(
            "|".join(made["keys"]),
            expression(made["parts"]),
            expression(made["related"]),
            group=str(place),
            section=made["section"],
            treatment=made["treatment"],
            second_diagnosis="|".join(made["second"]),
            score=made["score"],
            mean_cost=made["mean_cost"],
        )
        for place, made in enumerate(rows)
    ]
    ready = DipScheme(book(plain_rows, options, **lists_of(excluded)))
    by_kind = {
        **TREATMENT_OF_KIND,
        TreatmentKind.INTERVENTION: Treatment[
            str(options.get("intervention_counts_as", "surgery")).upper()
        ],
    }
    kinds = {
        code: by_kind[kind].name.lower()
        for code, kind in treatment_kinds("icd9cm3-nhsa-2.0").kinds.items()
        if code in PX
    }
    reading = PlainReading(rows, options, excluded, kinds, PX)
    cases = [source.case() for _ in range(count)]
    expected = [reading.group(case) for case in cases]
    found = []
    for one in cases:
        record = Case(dx=tuple(one["dx"]), px=tuple(one["px"]), total_cost=one["cost"])
        group = ready.answer(record).row
        found.append(None if group is None else group.number)
    wrong = [i for i in range(count) if found[i] != expected[i]]
    assert not wrong, (
        seed,
        options,
        excluded,
        rows,
        cases[wrong[0]],
        found[wrong[0]],
        expected[wrong[0]],
    )
    columns = [{"dx": c["dx"], "px": c["px"], "total_cost": c["cost"]} for c in cases]
    groups = ready.group_batch(batch_of(columns)).column("group").to_pylist()
    assert groups == [None if n is None else str(n) for n in expected]
    return sum(n is not None for n in expected)


def test_a_plain_reading_agrees_on_random_catalogues() -> None:
    grouped = sum(check_against_a_plain_reading(seed, 60) for seed in range(50))
    assert grouped > 1000


@pytest.mark.slow
def test_a_plain_reading_agrees_on_many_random_catalogues() -> None:
    grouped = sum(check_against_a_plain_reading(seed, 200) for seed in range(1000, 2000))
    assert grouped > 50_000


def test_an_intervention_is_surgery_or_therapy_as_the_card_says() -> None:
    kinds = treatment_kinds("icd9cm3-nhsa-2.0").kinds
    code = next(code for code, kind in kinds.items() if kind is TreatmentKind.INTERVENTION)
    rows = [row("I48", treatment="surgery"), row("I48", treatment="therapeutic")]
    for value in ("surgery", "therapeutic"):
        found = scheme(*rows, intervention_counts_as=value).group(case("I48.000", code))
        assert found.group == f"I48:{value}"


def test_the_hash_covers_the_tables_that_a_hospital_may_replace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = scheme(row("K35.8", "47.0100"))
    told = usual.group(case("K35.800", "47.0100")).trace.document("en")["scheme"]
    assert set(told["tables"]) == {"treatment_kinds", "auxiliary_factors"}
    assert told["content_sha256"] == usual.compiled.content_hash != usual.content_hash
    own = tmp_path / "tables" / "treatment_kinds.csv"
    own.parent.mkdir()
    own.write_text("code,kind\n47.0100,diagnostic\n", "utf-8")
    monkeypatch.setenv("GROUPER_DATA", str(tmp_path))
    assert scheme(row("K35.8", "47.0100")).content_hash != usual.content_hash
