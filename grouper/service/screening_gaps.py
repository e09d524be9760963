"""What a screening could not ask, over all its pages.

A page says of a rule that it lacks a field where no case of the page states it. Of the whole run that
holds only where every page says so: what is left here does not depend on how the stays were paged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.audit.coding.engine import NotRun as RowNotRun
from grouper.audit.planning import FIELDS, SHADOW, NotRun
from grouper.case.fields import CASE_SCHEMA
from grouper.service.screening_choice import screening_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OFF = "OFF"
"""Why a rule was not asked that is switched off here; key of the words ``audit_not_run.…``."""
_Key = tuple[str, str, str | None]


class Gaps:
    """What no page could ask.

    Args:
        document: what :meth:`document` gave of the pages before; empty: there are none.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._rules: dict[_Key, tuple[str, ...]] | None = None
        self._rows: dict[tuple[str, str | None], Mapping[str, str]] | None = None
        if document:
            self._rules = {
                (one["rule"], one["reason"], one["template"]): tuple(one["missing"])
                for one in document["rules"]
            }
            self._rows = {(one["rule"], one["row"]): one["needs"] for one in document["rows"]}

    def add(
        self, absent: Iterable[NotRun], unasked: Iterable[RowNotRun], off: Iterable[str] = ()
    ) -> None:
        """Take in a page.

        Args:
            absent: the rules of charges that did not run.
            unasked: the checks on codes and front pages that could not be asked.
            off: the rules that are switched off here.
        """
        rules = {(one.rule, one.reason, one.template): one.missing for one in absent}
        rules |= {(rule, OFF, None): () for rule in off}
        rows = {(one.rule, one.row): one.needs for one in unasked}
        if self._rules is None or self._rows is None:
            self._rules, self._rows = dict(rules), dict(rows)
            return
        both: dict[_Key, tuple[str, ...]] = {}
        for key, missing in self._rules.items():
            if key in rules:
                common = tuple(one for one in missing if one in rules[key])
                if common or key[1] != FIELDS:
                    both[key] = common
        self._rules = both
        self._rows = {key: needs for key, needs in self._rows.items() if key in rows}

    def document(self) -> dict[str, Any]:
        """As JSON, in the order of rules and rows; empty: no page was taken in."""
        if self._rules is None or self._rows is None:
            return {}
        return {
            "rules": [
                {"rule": rule, "reason": reason, "template": template, "missing": list(missing)}
                for (rule, reason, template), missing in sorted(
                    self._rules.items(), key=lambda one: tuple(part or "" for part in one[0])
                )
            ],
            "rows": [
                {"rule": rule, "row": row, "needs": dict(needs)}
                for (rule, row), needs in sorted(
                    self._rows.items(), key=lambda one: tuple(part or "" for part in one[0])
                )
            ],
        }


def not_run(document: Mapping[str, Any]) -> tuple[tuple[NotRun, ...], tuple[RowNotRun, ...]]:
    """The rules, and the rows of checks, that a run could not ask, out of its JSON."""
    if not document:
        return (), ()
    rules = tuple(
        NotRun(one["rule"], one["reason"], tuple(one["missing"]), one["template"])
        for one in document["rules"]
    )
    return rules, tuple(
        RowNotRun(one["rule"], one["row"], one["needs"]) for one in document["rows"]
    )


def unknown_rules(absent: Iterable[NotRun]) -> frozenset[str]:
    """The rules of which a page knows nothing: what they found before may still stand.

    A rule that only lacks what its cases could state themselves has been asked: of these cases it
    holds no longer. So has one of which only the rows in shadow were left out.
    """
    stated = {*CASE_SCHEMA.names, *screening_data()["stated"]}
    return frozenset(
        one.rule
        for one in absent
        if one.reason != SHADOW and (one.reason != FIELDS or not stated.issuperset(one.missing))
    )
