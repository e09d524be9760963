"""Set ids in words: ``OP1_AC1`` becomes the first procedure list of the group AC1.

The convention of the official sheets: ``DI`` diagnoses or ``OP`` procedures, a digit that tells
several lists of one group apart, the group's code, in some versions one more digit. ``B00`` stands
for category B (its entry list), ``Z01`` for the first part of category Z. Lists without a group,
such as ``OP_ALL``, have names of their own in the catalogues.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codebooks.messages import catalogue, language, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.book import SchemeBook

_SET_ID = re.compile(r"(?P<kind>DI|OP)(?P<part>\d*)_(?P<code>[^_]+)(?:_(?P<variant>\d+))?")
_CATEGORY = re.compile(r"(?P<letter>[A-Z])0(?P<part>\d)")


class SetNames:
    """The names of a book's groups, by which its sets are named.

    Args:
        categories: letter of each MDC to its code and name.
        groups: ADRG and DRG codes to their names.
    """

    def __init__(
        self, categories: Mapping[str, tuple[str, str]], groups: Mapping[str, str]
    ) -> None:
        self._categories = categories
        self._groups = groups

    @classmethod
    def of(cls, book: SchemeBook) -> SetNames:
        """The names that a book gives."""
        categories = {row["mdc"][-1]: (row["mdc"], row["name"] or "") for row in book.rows("mdc")}
        groups = {
            row[table]: row["name"] or "" for table in ("drg", "adrg") for row in book.rows(table)
        }
        return cls(categories, groups)

    def label(self, set_id: str, lang: str | None = None) -> str:
        """A set in words, its id in brackets."""
        known = f"rule_words.known_set.{set_id}"
        if known in catalogue(lang or language()):
            return text("rule_words.label.plain", lang, list=text(known, lang), set_id=set_id)
        match = _SET_ID.fullmatch(set_id)
        if match is None:
            return text("rule_words.label.unnamed", lang, set_id=set_id)
        list_ = text(f"rule_words.list.{match['kind']}", lang)
        parts = [p for p in (match["part"], match["variant"]) if p]
        code, name = match["code"], self._groups.get(match["code"], "")
        category = _CATEGORY.fullmatch(code)
        if category and not name and category["letter"] in self._categories:
            code, name = self._categories[category["letter"]]
            parts += [category["part"]] if category["part"] != "0" else []
        group = text("rule_words.group", lang, code=code, name=name) if name else code
        key = "rule_words.label.part" if parts else "rule_words.label.group"
        return text(key, lang, list=list_, group=group, part="-".join(parts), set_id=set_id)


def set_label(book: SchemeBook, set_id: str, lang: str | None = None) -> str:
    """One set of a book in words; for many sets keep one :class:`SetNames`."""
    return SetNames.of(book).label(set_id, lang)
