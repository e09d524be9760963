"""Which rules run, by which template; and why the others do not."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from grouper.audit.templates import Template, templates, toml

if TYPE_CHECKING:
    from codebooks.audit.books import AuditBook, Rule

NO_TEMPLATE, NO_ROWS, NEEDS, PARAMETERS, FIELDS, MOMENT = (
    *("NO_TEMPLATE", "NO_ROWS", "NEEDS", "PARAMETERS", "FIELDS", "MOMENT"),
)
CODING, COVERED, SHADOW, OWN, TRIAL, MONITOR = (
    *("CODING", "COVERED", "SHADOW", "OWN", "TRIAL", "MONITOR"),
)
"""Why a rule did not run; keys of the words ``audit_not_run.…``."""
COMPILED = "own"
"""Scope of the template whose SQL is made from the rows themselves."""
_STANDING = "own"
"""Standing of a rule of the hospital."""


@dataclass(frozen=True, slots=True)
class NotRun:
    """A rule that was not asked, or could find nothing for lack of data.

    Attributes:
        rule: of the book.
        reason: key of the words (``audit_not_run.…``).
        missing: what is missing: needs of the book, parameters, or fields of cases and lines; the
            moments that the rule is for; the rule that covers it; the number of rows in shadow.
        template: the one of its templates that it concerns; None: all.
    """

    rule: str
    reason: str
    missing: tuple[str, ...] = ()
    template: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked.

    Attributes:
        asked: template, rule and level.
        absent: rules that are not asked at all.
    """

    asked: tuple[tuple[Template, Rule], ...]
    absent: tuple[NotRun, ...]

    @property
    def rules(self) -> frozenset[str]:
        """The rules that are asked."""
        return frozenset(rule.rule for _, rule in self.asked)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The templates with an SQL text that are asked, each text once, in the table's order."""
        files: dict[str, Template] = {}
        for template in templates():
            if template.scope != COMPILED and any(template is one for one, _ in self.asked):
                files.setdefault(template.file, template)
        return tuple(files.values())

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the book whose rows are asked."""
        return tuple(one.table for one in self.templates if one.table is not None)

    def table(self) -> pa.Table:
        """The view ``rules``: what each template asks for that goes without rows."""
        rows = [(one.name, rule) for one, rule in self.asked if one.table is None]
        return pa.table(
            {
                "sql": pa.array([name for name, _ in rows], pa.string()),
                "rule": pa.array([rule.rule for _, rule in rows], pa.string()),
                "level": pa.array([rule.level for _, rule in rows], pa.string()),
            }
        )

    def lacking(self, stated: set[str]) -> tuple[NotRun, ...]:
        """The rules that did not run, in the order of their ids.

        Args:
            stated: fields that some case or line states.
        """
        found = list(self.absent)
        for template, rule in self.asked:
            missing = tuple(name for name in template.fields if name not in stated)
            if missing:
                found.append(NotRun(rule.rule, FIELDS, missing, template.name))
        return tuple(sorted(found, key=lambda one: (one.rule, one.template or "")))


def without_shadow(book: AuditBook) -> tuple[AuditBook, tuple[NotRun, ...]]:
    """The book without the rows that are asked on request alone, and how many those are by rule."""
    tables = {}
    left: Counter[str] = Counter()
    for name, table in book.tables.items():
        shadow = pa.array(np.zeros(table.num_rows, bool))
        for source in toml("engine.toml")["shadow"]:
            shadow = pc.or_(shadow, pc.starts_with(table["source"].combine_chunks(), source))
        if any(template.table == name for template in templates()):
            left.update(table["rule"].filter(shadow).to_pylist())
            table = table.filter(pc.invert(shadow))  # noqa: PLW2901 -- what is left of it
        tables[name] = table
    absent = tuple(NotRun(rule, SHADOW, (str(count),)) for rule, count in sorted(left.items()))
    return replace(book, tables=tables), absent


def on_trial() -> frozenset[str]:
    """The rules that are asked on request alone, whole: too often wrong as they stand."""
    return frozenset(toml("engine.toml")["trial"])


def plan(
    book: AuditBook,
    moment: str,
    only: frozenset[str] | None = None,
    *,
    hospital: bool = False,
    shadow: bool = False,
) -> Plan:
    """See which rules can be asked.

    Args:
        book: the book.
        moment: when it is asked; rules that are not for it are not run.
        only: the rules wanted; None: all.
        hospital: whether the hospital's own rules are wanted, too; those that ``only`` names are.
        shadow: whether rules on trial are asked, too.
    """
    trial = frozenset() if shadow else on_trial()
    given = {name: set(pc.unique(table["rule"]).to_pylist()) for name, table in book.tables.items()}
    thresholds = book.tables["behaviour"]
    known = set(
        zip(thresholds["rule"].to_pylist(), thresholds["parameter"].to_pylist(), strict=True)
    )
    asked: list[tuple[Template, Rule]] = []
    absent: list[NotRun] = []
    for key, rule in book.rules.items():
        if only is not None and key not in only:
            continue
        own = [one for one in templates() if key in one.rules]
        own += [one for one in templates() if one.table and key in given[one.table]]
        if rule.moments and moment not in rule.moments:
            absent.append(NotRun(key, MOMENT, rule.moments))
        elif rule.standing == _STANDING and not hospital and only is None:
            absent.append(NotRun(key, OWN))
        elif not own:
            absent.append(_absent(rule))
        elif key in trial:
            absent.append(NotRun(key, TRIAL))
        else:
            for one in own:
                lack = tuple(p for p in one.parameters if (key, p) not in known)
                if lack:
                    absent.append(NotRun(key, PARAMETERS, lack, one.name))
                else:
                    asked.append((one, rule))
    return Plan(tuple(asked), tuple(absent))


def _absent(rule: Rule) -> NotRun:
    settings = toml("engine.toml")
    if rule.template in settings["coding"]:
        return NotRun(rule.rule, CODING)
    if rule.template == settings["monitor"]:
        return NotRun(rule.rule, MONITOR)
    if rule.rule in settings["covered"]:
        return NotRun(rule.rule, COVERED, (settings["covered"][rule.rule],))
    if rule.needs:
        return NotRun(rule.rule, NEEDS, rule.needs)
    if any(one.table == rule.template for one in templates() if one.table):
        return NotRun(rule.rule, NO_ROWS)
    return NotRun(rule.rule, NO_TEMPLATE)
