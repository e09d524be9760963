"""The coding and settlement-list checks of a book over a table of cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from codebooks.audit.conditions import TABLE, checks_of
from codebooks.audit.expression import facts_of
from codebooks.messages import LANGUAGES, language, text
from grouper.audit.coding import front_page
from grouper.audit.coding.facts import Facts
from grouper.audit.coding.findings import UPLOAD, once, table_of
from grouper.audit.coding.templates import TEMPLATES
from grouper.audit.coding.upcoding import watch
from grouper.run.choose import Chooser

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from decimal import Decimal

    import pyarrow as pa

    from codebooks.audit.books import AuditBook
    from codebooks.audit.conditions import Check
    from grouper.audit.coding.findings import Found

UPCODING = "LOC-UPCODE"
"""The rule that the upcoding watch answers."""


@dataclass(frozen=True, slots=True)
class NotRun:
    """A rule, or one row of it, that could not be asked.

    Attributes:
        rule: the rule.
        row: the row of the book; None: the whole rule.
        needs: what is missing, by language.
    """

    rule: str
    row: str | None
    needs: Mapping[str, str]

    def missing(self, lang: str | None = None) -> str:
        """What is missing, in one language."""
        return self.needs[lang or language()]


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks said.

    Attributes:
        findings: rows of :data:`grouper.audit.finding.FINDING_SCHEMA`, by case, rule, first line.
        not_run: what could not be asked.
        counts: findings by rule.
    """

    findings: pa.Table
    not_run: tuple[NotRun, ...]
    counts: Mapping[str, int]


def check_coding(
    cases: pa.Table,
    charges: pa.Table | None,
    book: AuditBook,
    *,
    chooser: Chooser | None = None,
    price: Decimal | None = None,
    rules: Collection[str] | None = None,
    moment: str = UPLOAD,
) -> Checked:
    """Ask every check on codes and front page of cases.

    Each case is judged by itself: the findings do not depend on which other cases stand beside it,
    nor on the order of cases and lines.

    Args:
        cases: columns of ``CASE_SCHEMA``; those that are missing are empty.
        charges: their lines (``case_id``, ``line_…``, and ``line`` where lines have numbers);
            None: they stand in the cases, or there are none.
        book: the rule book, as it holds on the day.
        chooser: how the scheme of a case is chosen, for the upcoding watch; by default region, kind
            and discharge date of the case decide.
        price: what a stay costs for one unit of weight, in yuan, such as last year's mean; with it
            the upcoding watch asks which group the cost lies nearer to.
        rules: only these rules.
        moment: when the checks are asked.

    Raises:
        CodebookError: a condition of the book is not of the form.
    """
    facts = Facts(cases, charges)
    found: list[Found] = []
    not_run: list[NotRun] = []
    for name, template in TEMPLATES.items():
        rows = book.tables[name]
        found += [one for one in template(rows, facts) if _wanted(one.rule, rules)]
    for one in checks_of(book.tables[TABLE]):
        if not _wanted(one.rule, rules):
            continue
        needs = _needs(one, facts)
        if needs:
            not_run.append(NotRun(one.rule, one.row, needs))
        else:
            found += front_page.check(one, facts)
    if _wanted(UPCODING, rules) and UPCODING in book.rules:
        if facts.charges is None:
            not_run.append(NotRun(UPCODING, None, _charges_needed()))
        else:
            found += watch(book, facts, chooser or Chooser(), price)
    table = table_of(once(found), facts, book.id, moment)
    return Checked(table, tuple(not_run), _counts(table.column("rule").to_pylist()))


def _wanted(rule: str, rules: Collection[str] | None) -> bool:
    return rules is None or rule in rules


def _needs(one: Check, facts: Facts) -> Mapping[str, str]:
    """What a check lacks, by language; empty where it can run."""
    if one.condition is None:
        return one.needs
    if facts.lacking.isdisjoint(facts_of(one.condition)):
        return {}
    return _charges_needed()


def _charges_needed() -> Mapping[str, str]:
    return {lang: text("audit_coding.needs_charges", lang) for lang in LANGUAGES}


def _counts(rules: Sequence[str]) -> Mapping[str, int]:
    return dict(sorted(Counter(rules).items()))
