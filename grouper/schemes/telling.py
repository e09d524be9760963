"""The parts of a trace document that look alike in every family (``docs/TRACE.md``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from codebooks.book import BookCard
    from grouper.schemes.protocol import Warned
    from grouper.schemes.reasons import Reason, Status


def scheme_part(card: BookCard, content_hash: str) -> dict[str, Any]:
    """What the scheme is and where its tables come from."""
    return {
        "id": card.id,
        "family": card.family,
        "region": card.region,
        "standing": card.standing,
        "source": card.source,
        "content_sha256": content_hash,
    }


def named(code: str, name: str | None) -> dict[str, str]:
    """A code with its name; empty when nobody names it."""
    return {"code": code, "name": name or ""}


def result_part(
    lang: str,
    status: Status,
    reason: Reason | None,
    *,
    group: dict[str, str] | None = None,
    mdc: dict[str, str] | None = None,
    adrg: dict[str, str] | None = None,
    group_kind: str | None = None,
    weight: Decimal | None = None,
) -> dict[str, Any]:
    """The answer; its words are those of status, reason and advice.

    ``group_kind`` is put into words under ``group_kind.<kind>`` of the catalogues.
    """
    return {
        "status": status.value,
        "status_text": text(f"status.{status}", lang),
        "reason": reason.value if reason else None,
        "reason_text": text(f"reason.{reason}", lang) if reason else None,
        "advice": text(f"advice.{reason}", lang) if reason else None,
        "mdc": mdc,
        "adrg": adrg,
        "group": group,
        "group_kind": group_kind,
        "group_kind_text": text(f"group_kind.{group_kind}", lang) if group_kind else None,
        "weight": None if weight is None else plain_number(weight),
    }


def case_part(
    dx: Iterable[str | None],
    px: Iterable[str | None],
    name_of: Callable[[str], str],
    values: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """The facts of the case that the scheme can ask about."""

    def written(code: str | None) -> dict[str, str]:
        return named(code or "", name_of(code) if code else "")

    return {
        "diagnoses": [written(code) for code in dx],
        "procedures": [written(code) for code in px],
        "values": list(values),
    }


def value_part(name: str, label: str, value: object, shown: str) -> dict[str, Any]:
    """One single value of the case: the field's name, its label and how a person reads it."""
    return {"name": name, "label": label, "value": value, "shown": shown}


def evidence(asked: str, found: str | None, *, holds: bool) -> dict[str, Any]:
    """A part of a rule with its answer, and the code or value that gave it."""
    return {"asked": asked, "holds": holds, "found": found}


def step(
    level: str,
    code: str,
    name: str,
    *,
    holds: bool,
    rule: str = "",
    words: str = "",
    asked: Sequence[dict[str, Any]] = (),
    sheet: str = "",
    source_row: int | None = None,
) -> dict[str, Any]:
    """One rule or row that was asked.

    Args:
        level: key of ``trace.level_<level>`` in the catalogues.
        code: of the row.
        name: of the row.
        holds: the answer.
        rule: the row as its book has it.
        words: the same in words.
        asked: evidence: of a step that holds what made it hold, else what kept it from holding.
        sheet: table or sheet of the source.
        source_row: row in it.
    """
    held = {"rule": rule, "words": words, "evidence": list(asked)}
    return {
        "level": level,
        **named(code, name),
        "holds": holds,
        "rule": rule,
        "words": words,
        "held_by": held if holds else None,
        "failed_by": [] if holds else list(asked),
        "sheet": sheet,
        "source_row": source_row,
        "tried_procedure": None,
    }


def warnings_part(warnings: Iterable[Warned], lang: str) -> list[dict[str, Any]]:
    """Warnings beside the result."""
    return [
        {"reason": w.reason.value, "text": text(f"reason.{w.reason}", lang), "codes": list(w.codes)}
        for w in warnings
    ]


def sum_line(label: str, formula: str, value: Decimal) -> dict[str, str]:
    """One line of arithmetic: what is computed, from which figures, and the value."""
    return {"label": label, "formula": formula, "value": plain_number(value)}


def part_line(
    number: int,
    code: str,
    name: str,
    *,
    group: str = "",
    group_name: str = "",
    action: str = "",
    why: str = "",
    share: Decimal | None = None,
    weight: Decimal | None = None,
) -> dict[str, Any]:
    """One part of the case (a line, a period) in words: its group and what was done with it."""
    return {
        "number": number,
        **named(code, name),
        "group": named(group, group_name) if group else None,
        "action": action,
        "why": why,
        "share": None if share is None else plain_number(share),
        "weight": None if weight is None else plain_number(weight),
    }


def plain_number(value: Decimal) -> str:
    """A number without useless zeros: ``385.357870`` becomes ``385.35787``."""
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown
