"""The review's states and steps: who may take which, what has to be said, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from examples import examples
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from grouper.audit.review.deadlines import due_of, end_of
from grouper.audit.review.errors import ReviewError
from grouper.audit.review.steps import Decision, Position, Said, allowed, decide
from grouper.audit.review.tables import SOURCES, automatic, states, steps
from grouper.case.dates import LOCAL
from grouper.store.states import FindingState, Source

AT = datetime(2026, 3, 10, 2, tzinfo=UTC)
BOTH = ("review", "answer")


def place(**values: Any) -> Position:
    made: dict[str, Any] = {
        "state": "new",
        "source": "own",
        "level": "violation",
        "amount": Decimal("100.00"),
        "raised_by": "screening",
    }
    return Position(**(made | values))


def take(
    position: Position, action: str, actor: str = "office1", rights: Any = BOTH, **said: Any
) -> Decision:
    return decide(position, action, Said(**said), actor, rights, AT)


def refused(position: Position, action: str, actor: str = "office1", **said: Any) -> str:
    with pytest.raises(ReviewError) as error:
        take(position, action, actor, **said)
    assert error.value.describe("en")
    return error.value.code


def moved(position: Position, decision: Decision) -> Position:
    """The position after a step."""
    values = {n: v for n, v in decision.values.items() if n in Position.__dataclass_fields__}
    return replace(position, state=decision.after, **values)


def walk(position: Position, *taken: tuple[str, str, dict[str, Any]]) -> Position:
    for action, actor, said in taken:
        position = moved(position, take(position, action, actor, **said))
    return position


def test_an_own_finding_goes_through_two_reviews_to_its_deduction() -> None:
    found = walk(
        place(),
        ("confirm", "office1", {}),
        ("ask", "office1", {"department": "0302"}),
        ("answer", "doctor1", {"note": "查对无误"}),
        ("uphold", "office2", {}),
    )
    assert (found.state, found.opinion_by) == ("upheld", "office1")
    assert refused(found, "deduct", "office1", amount=Decimal(1)) == "SECOND_PERSON"
    done = take(found, "deduct", "office2", amount=Decimal("99.5"))
    assert done.values["deduction"] == Decimal("99.50")
    assert (done.after, done.values["closed_by"], done.values["due"]) == (
        "deducted",
        "office2",
        None,
    )
    assert done.about["amount"] == "99.5"
    closed = moved(found, done)
    again = take(closed, "reopen", "office1", note="新证据")
    assert (again.after, again.values["opinion_by"], again.values["deduction"]) == (
        "new",
        None,
        None,
    )


def test_the_first_opinion_is_given_once() -> None:
    confirmed = walk(place(), ("confirm", "office1", {}))
    assert refused(confirmed, "uphold", "office1") == "SECOND_PERSON"
    assert refused(confirmed, "confirm", "office2") == "FINDING_ACTION"
    answered = walk(confirmed, ("ask", "office2", {}), ("answer", "doctor1", {"note": "见病历"}))
    assert refused(answered, "confirm", "office2") == "OPINION_GIVEN"
    silent = walk(place(), ("ask", "office1", {}), ("go_on", "office1", {"note": "逾期未复"}))
    assert refused(silent, "uphold", "office2") == "OPINION_NEEDED"
    assert walk(silent, ("confirm", "office2", {})).state == "confirmed"


def test_a_dismissal_needs_another_than_who_proposed_it() -> None:
    proposed = walk(place(), ("propose", "office1", {"note": "急诊"}))
    said = {"note": "同意", "verdict": True}
    assert refused(proposed, "dismiss", "office1", **said) == "SECOND_PERSON"
    assert refused(proposed, "dismiss", "office2", note="同意") == "VERDICT_NEEDED"
    assert refused(proposed, "dismiss", "office2", verdict=True) == "REVIEW_NOTE"
    done = take(proposed, "dismiss", "office2", **said)
    assert (done.values["false_positive"], done.values["judged"]) == (True, AT)
    assert done.about["false_positive"] is True


def test_who_raised_a_finding_by_hand_may_not_close_it() -> None:
    raised = place(source="person", raised_by="office1")
    upheld = walk(raised, ("confirm", "office1", {}), ("uphold", "office2", {}))
    assert refused(upheld, "deduct", "office1", amount=Decimal(1)) == "SECOND_PERSON"
    other = walk(raised, ("confirm", "office2", {}))
    assert refused(other, "uphold", "office1") == "SECOND_PERSON"
    # The program's name is nobody's: of own findings it bars no account of the same name.
    own = walk(place(raised_by="office2"), ("confirm", "office1", {}))
    assert walk(own, ("uphold", "office2", {})).state == "upheld"


def test_what_is_gone_may_be_recorded_as_corrected() -> None:
    assert refused(place(), "correct") == "OPINION_NEEDED"
    assert walk(place(gone=True), ("correct", "office1", {})).state == "corrected"
    confirmed = walk(place(), ("confirm", "office1", {}))
    assert refused(confirmed, "correct", "office2") == "REVIEW_NOTE"
    assert walk(confirmed, ("correct", "office2", {"note": "已退费"})).state == "corrected"
    assert refused(replace(confirmed, gone=True), "correct", "office1") == "SECOND_PERSON"


def test_amounts() -> None:
    upheld = place(state="upheld", opinion_by="office1")
    assert refused(upheld, "deduct", "office2") == "AMOUNT_NEEDED"
    assert refused(upheld, "deduct", "office2", amount=Decimal("100.01")) == "AMOUNT_ABOVE"
    for wrong in ("-1", "1.001", "NaN", "Infinity", "1e14"):
        assert refused(upheld, "deduct", "office2", amount=Decimal(wrong)) == "AMOUNT_INVALID"
    more = {"amount": Decimal("100.01"), "note": "另加罚"}
    assert walk(upheld, ("deduct", "office2", more)).state == "deducted"
    assert refused(place(), "confirm", amount=Decimal(1)) == "FINDING_EXTRA"


def test_rights_and_steps_that_are_not_there() -> None:
    asked = place(state="asked")
    assert take(asked, "answer", "doctor1", ("answer",), note="x").after == "answered"
    with pytest.raises(ReviewError) as error:
        take(asked, "go_on", "doctor1", ("answer",), note="x")
    assert error.value.code == "FINDING_RIGHT"
    assert refused(place(), "deduct") == "FINDING_ACTION"
    assert refused(place(), "nothing") == "FINDING_ACTION"
    assert refused(place(source="insurer"), "confirm") == "FINDING_ACTION"
    assert [one.action for one in allowed(asked, "doctor1", ("answer",))] == ["answer"]
    assert [one.action for one in allowed(place(), "office1", BOTH)] == [
        "confirm",
        "propose",
        "ask",
        "assign",
    ]
    gone = [one.action for one in allowed(place(gone=True), "office1", BOTH)]
    assert gone == ["confirm", "propose", "ask", "correct", "assign"]
    assert refused(place(), "propose", note="x" * 2001) == "REVIEW_NOTE"


def test_deadlines_are_local_days() -> None:
    # 2026-03-10 18:00 UTC is the 11th in Shanghai; three days later ends the 14th.
    late = datetime(2026, 3, 10, 18, tzinfo=UTC)
    assert due_of("new", "violation", late) == datetime(2026, 3, 15, tzinfo=LOCAL)
    assert due_of("new", "violation", AT) == datetime(2026, 3, 14, tzinfo=LOCAL)
    assert due_of("objected", "violation", AT) is None
    asked = take(place(due=AT + timedelta(days=9)), "ask", assignee="doctor1")
    assert asked.values["asked_until"] == end_of((AT + timedelta(days=3)).date())
    assert asked.values["due"] == AT + timedelta(days=9)
    assert asked.about["assignee"] == "doctor1"
    given = AT + timedelta(hours=5)
    assert take(place(), "ask", due=given).values["asked_until"] == given
    assert refused(place(), "ask", due=AT) == "DUE_PAST"
    assert take(place(), "confirm").values["due"] == end_of((AT + timedelta(days=3)).date())


def test_assigning_leaves_the_state() -> None:
    done = take(place(due=AT), "assign", assignee="office2")
    assert (done.after, done.values) == ("new", {"due": AT, "assignee": "office2"})
    later = AT + timedelta(days=1)
    assert take(place(), "assign", due=later).values == {"due": later}
    assert refused(place(), "assign", note="x") == "ASSIGN_NOTHING"


def test_the_insurers_findings_are_accepted_or_objected_to() -> None:
    limit = AT + timedelta(days=30)
    found = place(state="notified", source="insurer", raised_by="insurer", due=limit)
    accepted = walk(found, ("accept", "office1", {}))
    assert accepted.due == limit
    assert refused(accepted, "deduct", "office1", amount=Decimal(1)) == "SECOND_PERSON"
    assert walk(accepted, ("deduct", "office2", {"amount": Decimal(1)})).state == "deducted"
    back = walk(accepted, ("send_back", "office2", {"note": "有依据"}))
    assert (back.state, back.opinion_by, back.due) == ("notified", None, limit)
    assert refused(found, "object", note="有依据") == "EVIDENCE_NEEDED"
    proved = replace(found, files=1)
    objecting = walk(proved, ("object", "office1", {"note": "有依据"}))
    assert refused(objecting, "send", "office1") == "SECOND_PERSON"
    objected = walk(objecting, ("send", "office2", {}))
    assert (objected.state, objected.due) == ("objected", None)
    assert walk(objected, ("withdraw", "office2", {"note": "医保通知"})).state == "withdrawn"
    kept = walk(objected, ("maintain", "office2", {"note": "医保通知"}))
    assert kept.due == end_of((AT + timedelta(days=7)).date())
    appealed = walk(kept, ("appeal", "office2", {"note": "申诉"}))
    assert refused(appealed, "reject", "office1", note="x") == "AMOUNT_NEEDED"
    lost = take(appealed, "reject", "office1", note="x", amount=Decimal(30))
    assert (lost.after, lost.values["deduction"]) == ("rejected", Decimal("30.00"))
    won = take(appealed, "grant", "office1", note="x")
    assert (won.after, won.values["deduction"]) == ("granted", None)
    assert walk(moved(appealed, won), ("reopen", "office2", {"note": "x"})).state == "notified"


def test_what_is_tried_out_is_judged_and_not_closed() -> None:
    done = take(place(state="shadow"), "judge", verdict=True)
    assert (done.after, done.values["false_positive"], done.values["judged"]) == (
        "judged",
        True,
        AT,
    )
    assert "closed" not in done.values
    again = take(moved(place(), done), "judge", verdict=False)
    assert again.values["false_positive"] is False


def test_every_state_is_reachable_and_none_is_a_dead_end() -> None:
    reached = {FindingState.NEW, FindingState.SHADOW, FindingState.EXEMPT, FindingState.NOTIFIED}
    ways = [(before, step.to or before) for step in steps() for before in step.before]
    ways += [(one, to) for way in automatic() for one in way.before for to in way.to]
    for _ in states():
        reached |= {to for before, to in ways if before in reached}
    assert reached == set(states())
    for name, state in states().items():
        out = {to for before, to in ways if before == name and to != name}
        assert out or name == "judged", name
        if not state.closed and not state.hidden:
            # From wherever it is, an end can be come to.
            seen = {name}
            for _ in states():
                seen |= {to for before, to in ways if before in seen}
            assert any(states()[one].closed for one in seen), name


def test_the_store_and_the_review_speak_of_the_same() -> None:
    assert set(FindingState) <= set(states())
    assert set(SOURCES) == set(Source)


@dataclass
class Event:
    actor: str
    action: str
    before: str
    after: str
    opinion_by: str | None
    closes: bool = False
    values: dict[str, Any] = field(default_factory=dict)


class Reviewing(RuleBasedStateMachine):
    """Two reviewers and a department do whatever they may, and what they may not."""

    @initialize(source=st.sampled_from(SOURCES), raiser=st.sampled_from(["x", "y"]))
    def begin(self, source: str, raiser: str) -> None:
        state = "notified" if source == "insurer" else "new"
        raised = raiser if source == "person" else "program"
        self.position = place(state=state, source=source, raised_by=raised)
        self.start = state
        self.events: list[Event] = []

    @rule(files=st.integers(0, 2), gone=st.booleans())
    def world(self, files: int, gone: bool) -> None:
        self.position = replace(self.position, files=files, gone=gone)

    @rule(
        actor=st.sampled_from(["x", "y", "d"]),
        place=st.integers(0, 40),
        note=st.sampled_from(["", "because"]),
        amount=st.sampled_from([None, Decimal(1), Decimal(1000)]),
        verdict=st.sampled_from([None, True, False]),
    )
    def step(
        self, actor: str, place: int, note: str, amount: Decimal | None, verdict: bool | None
    ) -> None:
        before = self.position
        step = steps()[place % len(steps())]
        here = [one for one in steps() if before.state in one.before]
        step = here[place % len(here)] if here and place % 4 else step
        rights = ("answer",) if actor == "d" else BOTH
        said = Said(
            note=note,
            amount=amount if "amount" in (*step.needs, *step.takes) else None,
            verdict=verdict if "verdict" in step.needs else None,
            assignee="d" if step.action == "assign" else None,
        )
        open_to = step.action in [one.action for one in allowed(before, actor, rights)]
        try:
            done = decide(before, step.action, said, actor, rights, AT)
        except ReviewError:
            return
        assert open_to
        self.position = moved(before, done)
        self.events.append(
            Event(
                actor,
                step.action,
                before.state,
                done.after,
                before.opinion_by,
                step.closes,
                dict(done.values),
            )
        )

    @invariant()
    def the_chain_leads_to_where_it_stands(self) -> None:
        state = self.start
        for event in self.events:
            assert event.before == state
            state = event.after
        assert state == self.position.state

    @invariant()
    def nobody_closes_alone(self) -> None:
        for place, event in enumerate(self.events):
            if not event.closes:
                continue
            assert event.actor != event.opinion_by
            assert not (self.position.source == "person" and event.actor == self.position.raised_by)
            since = self.events[:place]
            starts = [n for n, one in enumerate(since) if one.action in ("reopen", "take_up")]
            since = since[starts[-1] + 1 :] if starts else since
            if event.action != "correct":
                assert any(one.actor != event.actor and "opinion_by" in one.values for one in since)

    @invariant()
    def closed_is_what_its_state_says(self) -> None:
        closed = None
        for event in self.events:
            closed = event.values.get("closed", closed)
        assert (closed is not None) == (
            states()[self.position.state].closed and self.position.state != "gone"
        )


def test_no_sequence_of_steps_lets_one_account_decide_alone() -> None:
    run_state_machine_as_test(
        Reviewing,
        settings=settings(
            max_examples=examples(60),
            stateful_step_count=30,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def edges(start: Position) -> list[tuple[Position, str, str, Decision]]:
    """Every step that anyone can ever take from a beginning, with all said that it needs or takes."""
    waiting, seen, found = [start], {start}, []
    while waiting:
        here = waiting.pop()
        for gone in (False, True):
            position = replace(here, gone=gone, files=1)
            for actor, rights in (("x", BOTH), ("y", BOTH), ("z", BOTH), ("d", ("answer",))):
                for step in allowed(position, actor, rights):
                    said = Said(
                        note="because" if "note" in (*step.needs, *step.takes) else "",
                        amount=Decimal(1) if "amount" in step.needs else None,
                        verdict=True if "verdict" in step.needs else None,
                        assignee="d" if step.action == "assign" else None,
                    )
                    done = decide(position, step.action, said, actor, rights, AT)
                    found.append((position, actor, step.action, done))
                    after = replace(moved(position, done), due=None, gone=False)
                    if after not in seen:
                        seen.add(after)
                        waiting.append(after)
    return found


@pytest.mark.parametrize(
    ("source", "raised"), [("own", "program"), ("insurer", "insurer"), ("person", "x")]
)
def test_wherever_a_finding_comes_to_two_people_have_looked_at_it(source: str, raised: str) -> None:
    state = "notified" if source == "insurer" else "new"
    found = edges(place(state=state, source=source, raised_by=raised))
    closing = [edge for edge in found if edge[3].step.closes]
    ends = {edge[3].after for edge in closing}
    of_source = [step for step in steps() if source in step.sources]
    assert ends == {step.to for step in of_source if step.closes}
    for position, actor, action, _ in closing:
        assert actor != position.opinion_by
        assert not (source == "person" and actor == raised)
        assert position.opinion_by is not None or (action == "correct" and position.gone)
    second = [edge for edge in found if edge[2] in ("uphold", "send", "send_back")]
    assert all(actor != position.opinion_by for position, actor, _, _ in second)
