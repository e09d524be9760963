"""A finding in words: what, where, why, and what to do. And why a rule did not run."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, language, register, text
from grouper.audit.coding import words as coding_words
from grouper.audit.own import words as own_words
from grouper.audit.templates import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.audit.books import AuditBook
    from grouper.audit.planning import NotRun

register("grouper.text")

_MOST_LINES = 20
LEVELS = ("violation", "suspect", "verify", "monitor")


@dataclass(frozen=True, slots=True)
class Parts:
    """A finding in words: what was found, where, why, and what to do; a part may be empty."""

    what: str
    where: str
    why: str
    advice: str


def parts(finding: Mapping[str, Any], book: AuditBook, lang: str | None = None) -> Parts:
    """A finding in words, part by part.

    Args:
        finding: a row of ``FINDING_SCHEMA`` as Python values.
        book: the rule book that it is of.
        lang: language; None: that of the process.
    """
    where = _where(finding, lang)
    if is_coding(finding, book):
        return Parts(coding_words.describe(finding, book, lang), where, "", "")
    rule = book.rules.get(finding["rule"])
    name = rule.name(lang) if rule else finding["rule"]
    level = level_words(finding["level"], lang)
    what = _say("what", lang, level=level, name=name, **_plain(finding))
    advice = _say(f"advice_{finding['level']}", lang)
    why = [one for one in (own_words.wrong(finding, book, lang), *_why(finding, lang)) if one]
    return Parts(what, where, text("audit_words.separator", lang).join(why), advice)


def lines(finding: Mapping[str, Any], book: AuditBook, lang: str | None = None) -> list[str]:
    """A finding as lines of text; the arguments are those of :func:`parts`."""
    told = parts(finding, book, lang)
    return [line for line in (told.what, told.where, told.why, told.advice) if line]


def is_coding(finding: Mapping[str, Any], book: AuditBook) -> bool:
    """Whether a finding is one of codes or the front page, and not of charge lines."""
    rule = book.rules.get(finding["rule"])
    of_row = coding_words.knows(finding["row"], book)
    return of_row or (rule is not None and rule.template in toml("engine.toml")["coding"])


def document(
    finding: Mapping[str, Any], book: AuditBook, lang: str | None = None
) -> dict[str, Any]:
    """A finding for JSON: its values, and its words."""
    told = {key: _shown(value) for key, value in finding.items()}
    told["evidence"] = {one["key"]: one["value"] for one in finding["evidence"]}
    told["words"] = lines(finding, book, lang)
    return told


def not_run_words(one: NotRun, book: AuditBook, lang: str | None = None) -> str:
    """Why a rule did not run, with what is missing."""
    separator = text("audit_words.separator", lang)
    missing = separator.join(_missing(one.reason, word, lang) for word in one.missing)
    rule = book.rules.get(one.rule)
    name = rule.name(lang) if rule else one.rule
    why = text(f"audit_not_run.{one.reason}", lang, missing=missing)
    return _say("not_run", lang, rule=one.rule, name=name, why=why)


def level_words(level: str, lang: str | None = None) -> str:
    """A level in words."""
    return text(f"audit_level.{level}", lang)


def _missing(reason: str, word: str, lang: str | None) -> str:
    prefix = {"NEEDS": "audit.need", "FIELDS": "audit_field", "MOMENT": "audit_moment"}.get(reason)
    return word if prefix is None else _or(f"{prefix}.{word}", lang, word)


def _where(finding: Mapping[str, Any], lang: str | None) -> str:
    parts = [_say("case", lang, case_id=finding["case_id"])]
    if finding["department"]:
        parts.append(_say("department", lang, department=finding["department"]))
    if finding["day"]:
        parts.append(_say("day", lang, day=finding["day"].isoformat()))
    if finding["items"]:
        parts.append(_say("items", lang, items=_list(finding["items"], lang)))
    if finding["lines"]:
        told = _list([str(line) for line in finding["lines"]], lang)
        parts.append(_say("lines", lang, lines=told, count=len(finding["lines"])))
    return text("audit_words.separator", lang).join(parts)


def _list(words: list[str], lang: str | None) -> str:
    shown = " ".join(words[:_MOST_LINES])
    return shown if len(words) <= _MOST_LINES else _say("and_more", lang, shown=shown)


def _why(finding: Mapping[str, Any], lang: str | None) -> list[str]:
    found = []
    unit = finding["unit"]
    if unit and finding["observed"] is not None and finding["allowed"] is not None:
        observed, allowed = _number(finding["observed"]), _number(finding["allowed"])
        found.append(
            own_words.measured(unit, observed, allowed, lang)
            or _or(f"audit_unit.{unit}", lang, unit, observed=observed, allowed=allowed)
        )
    for one in finding["evidence"]:
        if one["value"]:
            value = _or(f"audit_value.{one['key']}.{one['value']}", lang, one["value"])
            fallback = f"{one['key']}: {value}"
            found.append(
                own_words.shown(one["key"], value, lang)
                or _or(f"audit_evidence.{one['key']}", lang, fallback, value=value)
            )
    if finding["amount"]:
        found.append(_say("amount", lang, amount=finding["amount"]))
    return [text("audit_words.separator", lang).join(found)]


def _or(key: str, lang: str | None, fallback: str, /, **params: object) -> str:
    """The text of a key; what stands for itself where the catalogue has none."""
    found = catalogue(lang or language()).get(key)
    return fallback if found is None else found.format(**params)


def _say(key: str, lang: str | None, /, **params: object) -> str:
    return text(f"audit_words.{key}", lang, **params)


def _plain(finding: Mapping[str, Any]) -> dict[str, str]:
    return {"rule": finding["rule"]}


def _number(value: Decimal) -> str:
    return f"{value.normalize():f}"


def _shown(value: object) -> object:
    if isinstance(value, Decimal):
        return _number(value)
    return value.isoformat() if hasattr(value, "isoformat") else value
