"""Standings of rules over REST: by hand, by false positives, and of rules on trial."""

from __future__ import annotations

from review_support import AT, RULE, keep, row
from service_findings_support import ask, light, people, post, put, running, step
from service_support import Service

from grouper.audit.planning import on_trial
from grouper.service import finding_rules
from grouper.service.finding_asked import StandingList, StandingOut
from grouper.store.schema import now

__all__ = ["light", "people", "running"]


def test_three_false_positives_send_a_rule_to_review(running: Service) -> None:
    put(running, 5)
    for number in (1, 2, 3):
        step(running, number, "propose", "new", "office", note="正常")
        done = step(
            running, number, "dismiss", "proposed", "second", note="正常", false_positive=True
        )
        assert done.status_code == 200, done.text
    rules = ask(running, "rules/standings").json()
    StandingList.model_validate(rules)
    (one,) = [one for one in rules["rules"] if one["rule"] == RULE]
    assert (one["standing"], one["actor"], one["reason"]) == (
        "review",
        "review",
        "FALSE_POSITIVES",
    )
    assert ("review", "rule_standing_set", f"rule:{RULE}") in running.looks()
    assert ask(running, "findings", "physician").json()["findings"] == []
    held = ask(running, "findings", params={"state": "shadow"}).json()["findings"]
    assert [one["id"] for one in held] == [5, 4]
    body = {"rule": RULE, "standing": "live", "reason": "已改正参数"}
    refused = post(running, "rules/standings", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "PROMOTION_UNJUDGED")
    for number in range(1, 6):
        keep(running.database, [row(f"{number:x}" * 24, shadow=True)], at=now())
        judged = step(running, number + 5, "judge", "shadow", "office", false_positive=number < 2)
        assert judged.json()["state"] == "judged"
    assert post(running, "rules/standings", body).json()["code"] == "PROMOTION_FALSE"
    for number in range(6, 12):
        keep(running.database, [row(f"{number:x}" * 24, shadow=True)], at=now())
        step(running, number + 5, "judge", "shadow", "office", false_positive=False)
    live = post(running, "rules/standings", body)
    assert live.status_code == 200, live.text
    StandingOut.model_validate(live.json())
    assert live.json()["standing"] == "live"


def test_the_standing_of_rules_by_hand(light: Service) -> None:
    body = {"rule": RULE, "standing": "shadow", "reason": "试行"}
    assert post(light, "rules/standings", body).json()["standing"] == "shadow"
    live = body | {"standing": "live"}
    assert post(light, "rules/standings", live).json()["code"] == "SECOND_PERSON"
    assert post(light, "rules/standings", live, "second").json()["standing"] == "live"
    for change, code in (
        ({"rule": "R9"}, "REVIEW_RULE"),
        ({"reason": " "}, "REVIEW_NOTE"),
        ({"standing": "loud"}, "STANDING_WAY"),
        ({"book": "none"}, "AUDIT_BOOK"),
    ):
        assert post(light, "rules/standings", body | change).json()["code"] == code
    assert ask(light, "rules/standings", params={"book": "none"}).status_code == 404
    assert post(light, "rules/standings", body, "manager").status_code == 403


def test_a_mark_on_a_rule_that_no_book_knows_changes_nothing(light: Service) -> None:
    with light.database.writing_store() as connection:
        assert not finding_rules.fall(connection, "national-2025", "R9", AT)
    keep(light.database, [row(rule="R9", book="of old", stay_id=None)])
    shown = ask(light, "findings/1").json()
    assert shown["rule_name"] == "R9"


def test_a_rule_on_trial_begins_in_shadow_and_may_become_live(light: Service) -> None:
    name = min(on_trial())
    rules = {one["rule"]: one for one in ask(light, "rules/standings").json()["rules"]}
    assert (rules[name]["standing"], rules[name]["actor"]) == ("shadow", None)
    body = {"rule": name, "standing": "live", "reason": "阈值已核实"}
    assert post(light, "rules/standings", body).json()["standing"] == "live"
