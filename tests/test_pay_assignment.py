"""Which method binds a case: the rules one by one, both ways, and a plain reading."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from pay_quota_support import FACTS, asked, block, grouping, policy

from codebooks.policies.yaml_nodes import PolicyError
from grouper.case.record import Case
from grouper.payment.assignment import Assigned, assign, assign_block
from grouper.payment.columns import Words
from grouper.payment.methods.dialysis_capitation import METHOD as DIALYSIS
from grouper.payment.methods.disease_quota import METHOD as QUOTA
from grouper.payment.methods.drg_rate import METHOD as RATE
from grouper.schemes.reasons import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codebooks.policies.policy import Policy
    from grouper.payment.methods import Method
    from grouper.payment.sheet import Line
    from grouper.schemes.protocol import Grouping

COLUMNS = (
    *("kind", "status", "family", "insurance", "level", "hospital", "visit_type", "department"),
    *("group", "diagnosis", "pathway", "insured", "days_from", "days_to", "listed"),
)
METHODS: dict[str, Method] = {"drg_rate": RATE, "disease_quota": QUOTA, "dialysis": DIALYSIS}


def rule(method: str, rank: int, **conditions: Any) -> dict[str, Any]:
    return {"method": method, "rank": rank, **dict.fromkeys(COLUMNS), **conditions}


def terms(*rules: dict[str, Any], **more: Any) -> Policy:
    diseases = ({"disease": "D1", "name": "阑尾炎", "diagnosis": ("K35",), "procedure": None, "kind": None},)  # fmt: skip
    return policy(
        {
            "assignment.rules": rules,
            "disease_quota.diseases": diseases,
            "dialysis_capitation.diagnosis": ("N18",),
        }
        | {path.replace("__", "."): value for path, value in more.items()}
    )


def families(names: Sequence[str]) -> Words:
    known = tuple(sorted({name for name in names if name}))
    codes = [known.index(name) if name else -1 for name in names]
    return Words(np.array(codes, np.int32), known)


def bound(
    case: Case,
    told: Policy,
    to: Grouping | None = None,
    *,
    family: str = "dip",
    here: bool = True,
    facts: Mapping[str, str | None] = FACTS,
) -> tuple[Assigned, list[Line]]:
    """One case in both ways: what binds it, and its lines."""
    shown = asked(case, told, to=to, family=family, here=here, facts=facts)
    shown.sheet.section = "assignment"
    found = assign(shown, METHODS)
    many = block([case], told, to=[to or grouping()], here=here, facts=facts)
    method, reason = assign_block(many, METHODS, families([family]))
    assert (method[0], reason[0]) == (found.method, found.reason)
    assert type(reason[0]) in {str, type(None)}
    assert set(shown.sheet.asked) == set(many.asked)
    return found, shown.sheet.lines


def test_the_lowest_rank_binds_and_every_rule_answers() -> None:
    told = terms(
        rule("disease_quota", 20),
        rule("drg_rate", 10, kind=("outpatient",)),
        rule("dialysis", 30),
    )
    found, lines = bound(Case(), told)
    assert found == Assigned("disease_quota")
    assert [(line.name, line.value) for line in lines] == [
        ("not_kind", "no"),
        ("holds", "yes"),
        ("later", "later"),
    ]
    told_of = {one.name: one.value for one in lines[0].inputs}
    assert told_of == {
        "rank": "10",
        "rule": "drg_rate",
        "found": "inpatient",
        "wanted": "outpatient",
    }
    assert lines[1].inputs[1].given is not None
    assert lines[1].inputs[1].given.path == "assignment.rules"
    assert lines[2].inputs[0].value == "dialysis"


def test_two_rules_of_one_rank_with_different_methods_are_a_conflict() -> None:
    found, lines = bound(Case(), terms(rule("drg_rate", 10), rule("disease_quota", 10)))
    assert found.reason == "PAY_METHOD_CONFLICT"
    assert found.params == {"methods": "disease_quota, drg_rate"}
    assert [line.name for line in lines] == ["holds", "holds"]
    found, _ = bound(Case(), terms(rule("drg_rate", 10), rule("drg_rate", 10)))
    assert found.method == "drg_rate"
    found, _ = bound(
        Case(), terms(rule("drg_rate", 10), rule("disease_quota", 10, department=("x",)))
    )
    assert found.method == "drg_rate"


def test_no_rule_is_a_reason_and_an_invalid_case_its_own() -> None:
    nothing = terms(rule("drg_rate", 10, status=("grouped",)))
    assert bound(Case(), terms())[0].reason == "PAY_METHOD_NONE"
    assert bound(Case(), nothing, grouping(Status.UNGROUPED))[0].reason == "PAY_METHOD_NONE"
    found, _ = bound(Case(), terms(rule("drg_rate", 10)), grouping(Status.INVALID))
    assert found == Assigned(None, "PAY_CASE_INVALID", {"reason": "-"})


@pytest.mark.parametrize("status", list(Status))
def test_a_rule_without_status_takes_all_but_the_invalid(status: Status) -> None:
    found, _ = bound(Case(), terms(rule("drg_rate", 10)), grouping(status))
    assert (found.method == "drg_rate") is (status is not Status.INVALID)
    found, _ = bound(Case(), terms(rule("drg_rate", 10, status=("invalid",))), grouping(status))
    assert (found.method == "drg_rate") is (status is Status.INVALID)


def test_the_reason_of_an_invalid_case_is_told() -> None:
    to = grouping(Status.INVALID)
    shown = asked(Case(), terms(), to=type(to)(**{**_fields(to), "reason": Reason.SEX_MISSING}))
    assert assign(shown, METHODS).params == {"reason": "SEX_MISSING"}


def _fields(to: Grouping) -> dict[str, Any]:
    return {name: getattr(to, name) for name in to.__dataclass_fields__}


@pytest.mark.parametrize(
    ("conditions", "case", "holds"),
    [
        ({"kind": ("inpatient",)}, Case(), True),
        ({"kind": ("long_stay",)}, Case(), False),
        ({"family": ("dip",)}, Case(), True),
        ({"family": ("drg",)}, Case(), False),
        ({"insurance": ("employee", "resident")}, Case(), True),
        ({"insurance": ("resident",)}, Case(), False),
        ({"level": ("III",)}, Case(), True),
        ({"level": ("I",)}, Case(), False),
        ({"hospital": ("H00000000001",)}, Case(), True),
        ({"hospital": ("H2",)}, Case(), False),
        ({"visit_type": ("26", "28")}, Case(visit_type="28"), True),
        ({"visit_type": ("26",)}, Case(visit_type="2"), False),
        ({"visit_type": ("26",)}, Case(), False),
        ({"department": ("肾内科",)}, Case(department="肾内科"), True),
        ({"department": ("肾内科",)}, Case(department="内科"), False),
        ({"group": ("G",)}, Case(), True),
        ({"group": ("G1A",)}, Case(), False),
        ({"diagnosis": ("N18", "K35")}, Case(dx=("k35.800",)), True),
        ({"diagnosis": ("K35",)}, Case(dx=(" K35.800 ",)), True),
        ({"diagnosis": ("K35",)}, Case(dx=("I10", "K35.800")), False),
        ({"diagnosis": ("K35",)}, Case(dx=(None, "K35.800")), False),
        ({"diagnosis": ("K35",)}, Case(), False),
        ({"pathway": ("followed",)}, Case(pathway="followed"), True),
        ({"pathway": ("followed",)}, Case(pathway="left"), False),
        ({"pathway": ("followed",)}, Case(), False),
        ({"insured": "here"}, Case(), True),
        ({"insured": "elsewhere"}, Case(), False),
        ({"days_from": 60}, Case(los=60), True),
        ({"days_from": 60}, Case(los=59), False),
        ({"days_to": 60}, Case(los=60), True),
        ({"days_to": 60}, Case(los=61), False),
        ({"days_from": 60, "days_to": 60}, Case(los=60), True),
        ({"listed": True}, Case(dx=("K35.9",)), True),
        ({"listed": True}, Case(dx=("I10",)), False),
        ({"listed": True}, Case(dx=("K35.9",), pathway="left"), False),
    ],
)
def test_conditions(conditions: dict[str, Any], case: Case, *, holds: bool) -> None:
    found, lines = bound(case, terms(rule("disease_quota", 10, **conditions)))
    assert found.method == ("disease_quota" if holds else None)
    assert found.reason == (None if holds else "PAY_METHOD_NONE")
    wanted = "holds" if holds else f"not_{next(iter(conditions))}"
    assert lines[0].name == wanted or len(conditions) > 1


def test_the_place_of_insurance() -> None:
    told = terms(rule("drg_rate", 10, insured="elsewhere"), rule("disease_quota", 20))
    assert bound(Case(), told)[0].method == "disease_quota"
    assert bound(Case(), told, here=False)[0].method == "drg_rate"


@pytest.mark.parametrize(
    ("conditions", "case", "facts", "reason"),
    [
        ({"days_from": 60}, Case(), FACTS, "PAY_DAYS_MISSING"),
        ({"days_to": 60}, Case(), FACTS, "PAY_DAYS_MISSING"),
        (
            {"insurance": ("employee",)},
            Case(),
            {**FACTS, "insurance": None},
            "PAY_INSURANCE_MISSING",
        ),
        (
            {"insurance": ("employee",), "days_to": 9},
            Case(),
            {**FACTS, "insurance": None},
            "PAY_INSURANCE_MISSING",
        ),
    ],
)
def test_what_cannot_be_answered_leaves_no_method(
    conditions: dict[str, Any], case: Case, facts: dict[str, str | None], reason: str
) -> None:
    told = terms(rule("drg_rate", 10, **conditions), rule("disease_quota", 20))
    found, lines = bound(case, told, facts=facts)
    assert (found.method, found.reason) == (None, reason)
    assert found.params == {"method": "drg_rate"}
    assert [line.name for line in lines] == ["open", "later"]
    # A rule that fails for another reason is no open question.
    other = terms(rule("drg_rate", 10, department=("x",), **conditions), rule("disease_quota", 20))
    assert bound(case, other, facts=facts)[0].method == "disease_quota"


def test_a_method_that_nobody_knows() -> None:
    told = terms(rule("by_magic", 10, department=("x",)), rule("drg_rate", 20))
    assert bound(Case(), told)[0].method == "drg_rate"
    found, _ = bound(Case(department="x"), told)
    assert found == Assigned(None, "PAY_METHOD_UNKNOWN", {"method": "by_magic"})
    found, _ = bound(Case(), terms(rule("by_magic", 10, listed=True)))
    assert found.reason == "PAY_METHOD_UNKNOWN"
    # Before a conflict of the same rank, and with an unanswered condition.
    found, _ = bound(Case(), terms(rule("drg_rate", 10), rule("disease_quota", 10), rule("by_magic", 10)))  # fmt: skip
    assert found.reason == "PAY_METHOD_UNKNOWN"
    assert bound(Case(), terms(rule("by_magic", 10, days_to=5)))[0].reason == "PAY_METHOD_UNKNOWN"


def test_a_list_that_is_not_there() -> None:
    assert (
        bound(Case(), terms(rule("drg_rate", 10, listed=True)))[0].reason == "PAY_POLICY_UNUSABLE"
    )
    without = policy({"assignment.rules": (rule("disease_quota", 10, listed=True),)})
    assert bound(Case(), without)[0].reason == "POLICY_VALUE_MISSING"
    other = policy(
        {
            "assignment.rules": (
                rule("disease_quota", 10, listed=True, department=("x",)),
                rule("drg_rate", 20),
            )
        }
    )
    assert bound(Case(), other)[0].method == "drg_rate"


def test_a_list_is_asked_only_where_the_facts_leave_it_open() -> None:
    told = terms(rule("disease_quota", 10, kind=("inpatient",), listed=True), rule("drg_rate", 20))
    for kind, asks in (("inpatient", True), ("outpatient", False), (None, True)):
        facts = {**FACTS, "kind": kind}
        shown = asked(Case(kind=kind or "inpatient"), told, facts=facts)
        assert assign(shown, METHODS).method == "drg_rate"
        assert ("disease_quota.diseases" in shown.sheet.asked) is asks
        many = block([Case(kind=kind or "inpatient")], told, facts=facts)
        assign_block(many, METHODS, families(["dip"]))
        assert set(many.asked) == set(shown.sheet.asked)


def test_a_policy_without_rules_is_an_error() -> None:
    for ask in (
        lambda: assign(asked(Case(), policy({})), METHODS),
        lambda: assign_block(block([Case()], policy({})), METHODS, families([""])),
    ):
        with pytest.raises(PolicyError, match="assignment"):
            ask()


# --- random rules and cases --------------------------------------------------------------------


def _maybe(*values: str) -> st.SearchStrategy[tuple[str, ...] | None]:
    return st.one_of(
        st.none(), st.none(), st.lists(st.sampled_from(values), min_size=1, max_size=2).map(tuple)
    )


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "method": st.sampled_from(["drg_rate", "disease_quota", "dialysis", "by_magic"]),
            "rank": st.integers(1, 3),
            "kind": _maybe("inpatient", "outpatient", "long_stay"),
            "status": _maybe(*(str(one) for one in Status)),
            "family": _maybe("dip", "apg"),
            "insurance": _maybe("employee", "resident"),
            "level": _maybe("I", "III"),
            "hospital": _maybe("H00000000001", "H2"),
            "visit_type": _maybe("14", "26"),
            "department": _maybe("a", "b"),
            "group": _maybe("G", "G1", "H"),
            "diagnosis": _maybe("K35", "N18"),
            "pathway": _maybe("followed", "left"),
            "insured": st.sampled_from([None, None, "here", "elsewhere"]),
            "days_from": st.sampled_from([None, None, 10]),
            "days_to": st.sampled_from([None, None, 20]),
            "listed": st.sampled_from([None, None, True]),
        }
    ),
    max_size=6,
)
CASES = st.lists(
    st.tuples(
        st.builds(
            Case,
            kind=st.sampled_from(["inpatient", "outpatient"]),
            visit_type=st.sampled_from([None, "14", "26", "1"]),
            department=st.sampled_from([None, "a", "c"]),
            pathway=st.sampled_from([None, "followed", "left"]),
            dx=st.sampled_from([(), (None, "K35"), ("k35.8",), ("N18",), ("I10", "K35")]),
            los=st.sampled_from([None, 5, 15, 25]),
        ),
        st.builds(
            grouping, st.sampled_from(list(Status)), st.sampled_from([None, "G1", "g2", "Q"])
        ),
        st.sampled_from(["dip", "apg", ""]),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=examples(200), deadline=None)
@given(
    RULES,
    CASES,
    st.booleans(),
    st.sampled_from([None, "employee", "resident"]),
    st.sampled_from([None, "III"]),
    st.booleans(),
)
def test_both_ways_agree_with_a_plain_reading(
    rules: list[dict[str, Any]],
    cases: list[tuple[Case, Grouping, str]],
    here: bool,
    insurance: str | None,
    level: str | None,
    lists: bool,
) -> None:
    told = terms(*rules)
    if not lists:
        told = policy({"assignment.rules": tuple(rules)})
    facts = {**FACTS, "insurance": insurance, "level": level}
    many = block(
        [one[0] for one in cases], told, to=[one[1] for one in cases], here=here, facts=facts
    )
    method, reason = assign_block(many, METHODS, families([one[2] for one in cases]))
    for number, (case, to, family) in enumerate(cases):
        shown = asked(case, told, to=to, family=family, here=here, facts=facts)
        found = assign(shown, METHODS)
        assert (method[number], reason[number]) == (found.method, found.reason)
        assert (found.method is None) is (found.reason is not None)
        told_lines = [line for line in shown.sheet.lines if line.name != "later"]
        assert len(told_lines) <= len(rules)
        assert ("holds" in {line.name for line in told_lines}) >= (found.method is not None)
        if "by_magic" not in {one["method"] for one in rules}:
            told_of = {**facts, "here": "here" if here else "elsewhere", "family": family, "lists": lists}  # fmt: skip
            assert _plainly(rules, case, to, told_of) == (found.method, found.reason)


def _plainly(
    rules: list[dict[str, Any]], case: Case, to: Grouping, told: dict[str, Any]
) -> tuple[str | None, str | None]:
    """What the rules say, read in another way: all of them, then the least rank."""
    answers = [(one["rank"], one["method"], _holds(one, case, to, told)) for one in rules]
    live = [one for one in answers if one[2] is not False]
    if not live:
        return None, "PAY_CASE_INVALID" if to.status == "invalid" else "PAY_METHOD_NONE"
    first = [one for one in live if one[0] == min(each[0] for each in live)]
    open_ones = [one[2] for one in first if one[2] is not True]
    names = {one[1] for one in first}
    if open_ones:
        return None, open_ones[0]
    return (names.pop(), None) if len(names) == 1 else (None, "PAY_METHOD_CONFLICT")


def _holds(one: dict[str, Any], case: Case, to: Grouping, told: dict[str, Any]) -> bool | str:
    principal = (case.dx[0] or "").upper() if case.dx else ""
    status = one["status"] or ("grouped", "ambiguous", "ungrouped")
    checks = [
        to.status in status,
        *(
            one[name] is None or value in one[name]
            for name, value in (
                ("kind", case.kind), ("family", told["family"]), ("level", told["level"]),
                ("hospital", told["hospital"]), ("visit_type", case.visit_type),
                ("department", case.department), ("pathway", case.pathway),
            )
        ),
        one["insured"] in {None, told["here"]},
        one["group"] is None or (to.group or "").upper().startswith(one["group"]),
        one["diagnosis"] is None or principal.startswith(one["diagnosis"]),
        one["insurance"] is None or told["insurance"] in (None, *one["insurance"]),
        one["days_from"] is None or case.los is None or case.los >= one["days_from"],
        one["days_to"] is None or case.los is None or case.los <= one["days_to"],
    ]  # fmt: skip
    if one["listed"] and one["method"] == "disease_quota" and told["lists"]:
        checks.append(principal.startswith("K35") and case.pathway != "left")
    if one["listed"] and one["method"] == "dialysis" and told["lists"]:
        checks.append(principal.startswith("N18"))
    if not all(checks):
        return False
    if one["insurance"] is not None and told["insurance"] is None:
        return "PAY_INSURANCE_MISSING"
    if case.los is None and (one["days_from"], one["days_to"]) != (None, None):
        return "PAY_DAYS_MISSING"
    if one["listed"] and one["method"] == "drg_rate":
        return "PAY_POLICY_UNUSABLE"
    return "POLICY_VALUE_MISSING" if one["listed"] and not told["lists"] else True
