"""Which rule of our book an insurer's finding is of, and of which level it is."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from grouper.case.layout import fold_name

if TYPE_CHECKING:
    from codebooks.audit.books import AuditBook
    from grouper.audit.insurer.columns import Columns
    from grouper.audit.insurer.reading import Row

EXTERNAL = "external:"
"""Before the insurer's name of a rule that our book does not have."""
_UNSTATED = "?"
_LONGEST = 64
"""Characters of a rule."""
_DIGEST = 8


class Rules:
    """The rules of a book, to be found by code or by name.

    Args:
        book: our rules.
    """

    def __init__(self, book: AuditBook) -> None:
        self._rules = book.rules
        self._codes = {fold_name(rule): rule for rule in book.rules}
        names: dict[str, str | None] = {}
        for rule in book.rules.values():
            for name in {fold_name(one) for one in rule.names.values()}:
                names[name] = None if name in names else rule.rule
        self._names = {name: rule for name, rule in names.items() if rule is not None}

    def rule_of(self, row: Row) -> str:
        """The rule of a row: of our book by code or by name, else ``external:`` and its name there.

        A code that our book has goes before a name. Both are compared without regard to width,
        case, blanks and brackets; a name that two rules have is not ours.
        """
        code, name = row.text("rule"), row.text("rule_name")
        for said, known in ((code, self._codes), (name, self._names), (code, self._names)):
            found = known.get(fold_name(said)) if said else None
            if found is not None:
                return found
        return external(name or code or row.text("level") or _UNSTATED)

    def level_of(self, row: Row, rule: str, columns: Columns) -> str:
        """The level of a finding: the insurer's word, else that of our rule, else as the data say."""
        word = row.text("level")
        said = columns.levels.get(fold_name(word)) if word else None
        if said is not None:
            return said
        ours = self._rules.get(rule)
        return columns.default_level if ours is None else ours.level


def external(name: str) -> str:
    """A rule that our book does not have; a long name is cut and told apart by its hash."""
    found = EXTERNAL + " ".join(name.split())
    if len(found) <= _LONGEST:
        return found
    digest = hashlib.sha256(found.encode("utf-8", "replace")).hexdigest()[:_DIGEST]
    return f"{found[: _LONGEST - _DIGEST - 1]}#{digest}"


def is_external(rule: str) -> bool:
    """Whether a rule is none of our book."""
    return rule.startswith(EXTERNAL)
