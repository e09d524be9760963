"""``docs/AUDIT_RULES.md``, made from the shipped rule book."""

from __future__ import annotations

import tomllib
from collections import Counter
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2

from codebooks import paths
from codebooks.audit.books import NATIONAL, SHELF, read_book
from codebooks.audit.forms import FORMS, LEVELS
from codebooks.audit.own_rules import ANYTHING, own_facts
from codebooks.messages import text

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.audit.books import AuditBook, Rule
    from codebooks.audit.cells import Column
    from codebooks.audit.own_rules import OwnFact

_KEPT = "kept"
_TEXTS = ("audit_book.toml", "audit_condition.toml", "audit_own.toml")


def render() -> str:
    """The page as Markdown."""
    book = read_book(paths.shipped() / SHELF / NATIONAL)
    template = (files("codebooks.audit") / "AUDIT_RULES.md.j2").read_text("utf-8")
    environment = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 -- Markdown of our own tables, no HTML
    rows = _rows(book)
    page = environment.from_string(template).render(
        book=book,
        counts=_counts(book),
        tables=[_table(book, name) for name in FORMS],
        rules=[_rule(rule, rows.get(rule.rule, Counter())) for rule in book.rules.values()],
        kept=_kept(book),
        facts=[_fact(one) for one in own_facts().values()],
        errors=_errors(),
    )
    return page.rstrip("\n") + "\n"


def write(path: Path) -> None:
    """Write the page to a file."""
    path.write_text(render(), "utf-8")


def _rows(book: AuditBook) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for name, table in book.tables.items():
        if name != _KEPT:
            for rule, level in zip(
                table.column("rule").to_pylist(), table.column("level").to_pylist(), strict=True
            ):
                found.setdefault(rule, Counter())[level] += 1
    return found


def _counts(book: AuditBook) -> dict[str, int]:
    standing = Counter(rule.standing for rule in book.rules.values())
    runnable = sum(rule.template is not None for rule in book.rules.values())
    allowed = book.tables["indication"].column("allowed").to_pylist()
    return {
        "rules": len(book.rules),
        "official": standing["official"],
        "proposal": standing["proposal"],
        "runnable": runnable,
        "without": len(book.rules) - runnable,
        "rows": sum(table.num_rows for table in book.tables.values()),
        "kept": book.tables[_KEPT].num_rows,
        "read": sum(bool(one) for one in allowed),
        "texts": sum(not one for one in allowed),
    }


def _table(book: AuditBook, name: str) -> dict[str, Any]:
    levels = Counter(book.tables[name].column("level").to_pylist())
    form = FORMS[name]
    return {
        "name": name,
        "columns": ", ".join(_column(one) for one in form.columns),
        "key": ", ".join(f"`{one}`" for one in form.key) or "none",
        "rows": book.tables[name].num_rows,
        "suspect": levels["suspect"],
        "verify": levels["verify"],
    }


def _column(column: Column) -> str:
    words = f" ({', '.join(column.words)})" if column.words else ""
    return f"`{column.name}`{'' if column.required else '?'}{words}"


def _rule(rule: Rule, rows: Counter[str]) -> dict[str, Any]:
    counts = ", ".join(f"{rows[level]} {level}" for level in LEVELS if rows[level])
    return {
        "rule": rule.rule,
        "zh": rule.names["zh"],
        "en": rule.names["en"],
        "class_": rule.class_,
        "level": rule.level,
        "standing": rule.standing,
        "moments": " ".join(rule.moments),
        "template": f"`{rule.template}`" if rule.template else "none",
        "rows": counts,
        "missing": rule.missing("en"),
    }


def _kept(book: AuditBook) -> list[dict[str, Any]]:
    table = book.tables[_KEPT]
    pairs = zip(table.column("limit").to_pylist(), table.column("reason").to_pylist(), strict=True)
    return [
        {"limit": limit, "reason": text(f"audit.kept.{reason}", "en"), "rows": count}
        for (limit, reason), count in sorted(Counter(pairs).items())
    ]


def _errors() -> list[dict[str, str]]:
    found = []
    for name in _TEXTS:
        own = tomllib.loads((files("codebooks.text") / "en" / name).read_text("utf-8"))
        found += [
            {"code": code, "what": what, "hint": own["hint"][code]}
            for code, what in own["error"].items()
        ]
    return sorted(found, key=lambda one: one["code"])


def _fact(fact: OwnFact) -> dict[str, str]:
    names = {lang: fact.says(lang) for lang in ("zh", "en")}
    # A bar would end the cell.
    written = fact.pattern.pattern.replace("|", "\\|")
    pattern = "" if written == ANYTHING else f"`{written}`"
    return {"fact": fact.name, "type": fact.type, "scope": fact.scope, "pattern": pattern, **names}
