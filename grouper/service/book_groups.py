"""A group of a scheme: found by code or words, with its official rule, its place and its weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.lookup import group_rows
from codebooks.policies.forms import Kind
from codebooks.policies.policies import policies
from codebooks.registry import registry
from codebooks.search import search
from codebooks.tabular import about, group_table, groups_of
from grouper.rules.parser import parse
from grouper.rules.set_names import SetNames
from grouper.rules.words import describe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from codebooks.book import SchemeBook
    from codebooks.lookup import GroupRow
    from codebooks.policies.forms import Form
    from codebooks.policies.policy import Given
    from codebooks.search import Hit

_DRG = "drg"
_ABOVE = {"mdc": (), "adrg": ("mdc",), "drg": ("mdc", "adrg")}
_BELOW = {"mdc": "adrg", "adrg": "drg"}
_GROUP = "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A group that stands above or below another: its table, code and name."""

    table: str
    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCard:
    """One rule row of a CHS-DRG scheme.

    Attributes:
        table: ``mdc``, ``adrg`` or ``drg``.
        code, name: of the group; a fallback has no name.
        rule: in the official words; empty: it always holds.
        words: the rule in plain words, or why it cannot be read.
        rank: its place in the order of evaluation within its parent.
        source_row: row of the official sheet; None: not kept.
        above: its parents, the highest first.
        below: what is tried within it, in order.
    """

    table: str
    code: str
    name: str
    rule: str
    words: str
    rank: int
    source_row: int | None
    above: Sequence[Named]
    below: Sequence[Named]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCard:
    """What a scheme says of a group.

    Attributes:
        scheme: its id.
        code, name: of the group.
        rules: of a CHS-DRG scheme, one a row.
        rows: of another family: table and the cells that say something, the group's own row first.
        more: rows of other tables that are not listed.
    """

    scheme: str
    code: str
    name: str
    rules: Sequence[RuleCard] = ()
    rows: Sequence[tuple[str, Mapping[str, str]]] = ()
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRow:
    """What the policy of a day says of a group.

    Attributes:
        form: of the table.
        keys: of its dimensions; empty where it holds for all.
        cells: by column, as the policy writes them.
        given: where it stands: source, days, whether it is an assumption.
    """

    form: Form
    keys: tuple[str, ...]
    cells: Mapping[str, Any]
    given: Given


@dataclass(frozen=True, slots=True)
class _Kept:
    book: SchemeBook
    names: SetNames | None = field(default=None)


def find(scheme: str, query: str, limit: int) -> list[Hit]:
    """Groups of a scheme by code, words or pinyin initials, best first.

    Raises:
        CodebookError: ``SEARCH_UNKNOWN``.
    """
    return search(query, [scheme], limit)


def card_of(scheme: str, code: str, lang: str, most: int) -> GroupCard | None:
    """What a scheme says of a group; None: it has none of this code.

    Args:
        scheme: its id.
        code: in any spelling.
        lang: ``zh`` or ``en``.
        most: rows of tables that are listed.

    Raises:
        CodebookError: ``SCHEME_UNKNOWN``, or its book is broken.
    """
    folder = registry().folders.get(scheme)
    kept = _kept(scheme, str(folder), _stamp(scheme))
    book = kept.book
    if book.card.family == _DRG:
        rows = group_rows(book, code)
        if not rows:
            return None
        last = rows[-1]
        return GroupCard(
            scheme=scheme,
            code=str(last.row[last.table]),
            name=str(last.row["name"] or ""),
            rules=[_rule_card(kept, row, lang) for row in rows],
        )
    return _table_card(book, code, most)


def policy_rows(region: str, day: date, group: str) -> list[PolicyRow]:
    """What the policy of a region says of a group on a day: weight, points, factors, means.

    Only tables whose key is the group alone are asked. A region without a policy has none.

    Raises:
        CodebookError: ``REGION_UNKNOWN``, or why a policy file cannot be used.
    """
    periods = policies().periods(region)
    held = next((one for one in periods if one.valid_from <= day < one.valid_to), None)
    found: list[PolicyRow] = []
    for _, given in sorted(held.values.items()) if held is not None else ():
        if given.form.kind is not Kind.TABLE or given.form.key != (_GROUP,):
            continue
        for keys, rows in given.by_keys():
            found += [
                PolicyRow(form=given.form, keys=keys, cells=row, given=given)
                for row in rows or ()
                if row[_GROUP] == group
            ]
    return found


def _stamp(scheme: str) -> int:
    """When the book was installed: one of the same id may take its place."""
    folder = registry().folders.get(scheme)
    return 0 if folder is None else folder.stat().st_mtime_ns


@lru_cache(maxsize=4)
def _kept(scheme: str, folder: str, stamp: int) -> _Kept:
    # Reading a book takes a third of a second, naming its sets as long again.
    del folder, stamp
    book = registry().book(scheme)
    return _Kept(book, SetNames.of(book) if book.card.family == _DRG else None)


def _rule_card(kept: _Kept, found: GroupRow, lang: str) -> RuleCard:
    row = found.row
    below = _BELOW.get(found.table, "")
    return RuleCard(
        table=found.table,
        code=str(row[found.table]),
        name=str(row["name"] or ""),
        rule=str(row["rule"] or ""),
        words=_words(str(row["rule"] or ""), kept.names, lang),
        rank=int(row["sort"]),
        source_row=row.get("source_row"),
        above=[_named(kept.book, table, str(row[table])) for table in _ABOVE[found.table]],
        below=[
            Named(table=below, code=str(one[below]), name=str(one["name"] or ""))
            for one in found.below
        ],
    )


def _named(book: SchemeBook, table: str, code: str) -> Named:
    name = next((str(r["name"] or "") for r in book.rows(table) if r[table] == code), "")
    return Named(table=table, code=code, name=name)


def _words(rule: str, names: SetNames | None, lang: str) -> str:
    try:
        return describe(parse(rule), lang, names)
    except GrouperError as error:
        return error.describe(lang)


def _table_card(book: SchemeBook, code: str, most: int) -> GroupCard | None:
    found = about(book, code)
    place = group_table(book)
    if not found:
        return None
    names = groups_of(book)
    own = next((one for one in names if one.upper() == code.strip().upper()), None)
    if own is None or place is None:
        return None
    shown = [
        (
            one.table,
            {name: str(value) for name, value in one.row.items() if value not in (None, "")},
        )
        for one in found[:most]
    ]
    return GroupCard(
        scheme=book.card.id,
        code=own,
        name=names[own],
        rows=shown,
        more=max(len(found) - most, 0),
    )
