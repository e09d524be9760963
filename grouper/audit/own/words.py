"""What findings of the hospital's own rules say beyond the words of every finding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from codebooks.audit.own_rules import TABLE, own_facts
from codebooks.messages import language, text
from grouper.audit.own.queries import EVIDENCE, UNIT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.audit.books import AuditBook


def wrong(finding: Mapping[str, Any], book: AuditBook, lang: str | None = None) -> str:
    """What is wrong, as the row of the hospital's own rule says it; empty for other findings."""
    rows = book.tables[TABLE]
    if not rows.num_rows or finding["row"] is None:
        return ""
    own = pc.and_(pc.equal(rows["row"], finding["row"]), pc.equal(rows["rule"], finding["rule"]))
    told = rows.filter(own)[lang or language()].to_pylist()
    return str(told[0]) if told else ""


def measured(unit: str, observed: str, allowed: str, lang: str | None = None) -> str | None:
    """A fact that was measured, in words; None: the unit is not one of own rules."""
    fact = own_facts().get(unit.removeprefix(UNIT)) if unit.startswith(UNIT) else None
    if fact is None:
        return None
    name = fact.says(lang)
    return text("audit_own.measured", lang, name=name, observed=observed, allowed=allowed)


def shown(key: str, value: str, lang: str | None = None) -> str | None:
    """A fact of the evidence in words; None: the key is not one of own rules."""
    fact = own_facts().get(key.removeprefix(EVIDENCE)) if key.startswith(EVIDENCE) else None
    return (
        None
        if fact is None
        else text("audit_own.evidence", lang, name=fact.says(lang), value=value)
    )
