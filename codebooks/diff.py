"""What changed from one scheme to another: groups, rules, sets, CC levels and exclusions."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from codebooks.book import RULE_TABLES
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from codebooks.book import SchemeBook


@dataclass(frozen=True, slots=True)
class Named:
    """A group that only one of the schemes has."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A group both have, with what it was and what it became (a name or rule texts)."""

    code: str
    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """The changes of one rule table.

    Attributes:
        table: ``mdc``, ``adrg`` or ``drg``.
        added, removed: groups of one scheme alone.
        renamed: another name, width of characters and blanks aside.
        rules: another rule; the texts of several rows of one code are joined by line breaks.
        moved: another parent, or tried before or after groups that it stood after or before
            (old and new are ``parent #rank``). A rank that only shifted is no change.
    """

    table: str
    added: tuple[Named, ...]
    removed: tuple[Named, ...]
    renamed: tuple[Changed, ...]
    rules: tuple[Changed, ...]
    moved: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class SetChange:
    """A set of codes that differs; ``status`` is ``added``, ``removed`` or ``changed``.

    The lists ``not_principal`` and ``not_grouping`` appear as sets of that name.
    """

    set_id: str
    status: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LevelChange:
    """A code whose CC level changed; None is no level."""

    code: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class ExclusionChange:
    """Codes of one level or another in both schemes that other principal diagnoses exclude.

    Schemes number their exclusion tables anew, so the contents are compared, code by code: a
    table under another number with the same content is no change.

    Attributes:
        old, new: the tables the codes refer to, empty for none.
        codes: the CC and MCC codes concerned.
        added, removed: principal diagnoses that now exclude them, or no longer do.
    """

    old: str
    new: str
    codes: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemeDiff:
    """All changes from one scheme to another."""

    old: str
    new: str
    groups: tuple[GroupChanges, ...]
    sets: tuple[SetChange, ...]
    levels: tuple[LevelChange, ...]
    exclusions: tuple[ExclusionChange, ...]

    def __bool__(self) -> bool:
        listed = (self.sets, self.levels, self.exclusions)
        grouped = ((g.added, g.removed, g.renamed, g.rules, g.moved) for g in self.groups)
        return any(listed) or any(any(changes) for changes in grouped)


def fold_blanks(rule: str) -> str:
    """A rule's text with every run of white space as one blank."""
    return " ".join(rule.split())


def diff(
    old: SchemeBook, new: SchemeBook, canonical: Callable[[str], str] = fold_blanks
) -> SchemeDiff:
    """Compare two schemes; codes by their folded form, each list sorted.

    Args:
        old: the scheme compared from.
        new: the scheme compared to.
        canonical: rules are alike when this makes one text of both; one that knows the rule
            language can pass over brackets and letter case. The texts shown stay as written.
    """
    return SchemeDiff(
        old.card.id,
        new.card.id,
        tuple(_group_changes(table, old, new, canonical) for table in RULE_TABLES),
        _set_changes(_sets(old), _sets(new)),
        _level_changes(_levels(old), _levels(new)),
        _exclusion_changes(old, new),
    )


@dataclass(frozen=True, slots=True)
class _Group:
    code: str
    name: str
    rules: tuple[str, ...]
    parents: tuple[str, ...]
    rank: int


def _groups(book: SchemeBook, table: str) -> dict[str, _Group]:
    """Groups by folded code, in order of evaluation; the rows of one code taken together."""
    parent = {"mdc": None, "adrg": "mdc", "drg": "adrg"}[table]
    rows: dict[str, list[dict[str, str]]] = {}
    for row in book.rows(table):
        rows.setdefault(fold_code(row[table]), []).append(row)
    groups: dict[str, _Group] = {}
    for folded, same in rows.items():
        rules = dict.fromkeys(fold_blanks(row["rule"] or "") for row in same)
        parents = dict.fromkeys(row[parent] for row in same if parent)
        groups[folded] = _Group(
            same[0][table],
            same[0]["name"] or "",
            tuple(rules),
            tuple(parents),
            int(same[0]["sort"]),
        )
    return groups


def _plain(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


def _group_changes(
    table: str, old: SchemeBook, new: SchemeBook, canonical: Callable[[str], str]
) -> GroupChanges:
    before, after = _groups(old, table), _groups(new, table)
    both = [(before[code], after[code]) for code in sorted(before.keys() & after.keys())]
    moved = _moved(before, after)
    return GroupChanges(
        table,
        tuple(Named(after[c].code, after[c].name) for c in sorted(after.keys() - before.keys())),
        tuple(Named(before[c].code, before[c].name) for c in sorted(before.keys() - after.keys())),
        tuple(
            Changed(b.code, b.name, a.name, b.name)
            for a, b in both
            if _plain(a.name) != _plain(b.name)
        ),
        tuple(
            Changed(b.code, b.name, "\n".join(a.rules), "\n".join(b.rules))
            for a, b in both
            if a.rules != b.rules and set(map(canonical, a.rules)) != set(map(canonical, b.rules))
        ),
        tuple(
            Changed(after[c].code, after[c].name, _place(before[c]), _place(after[c]))
            for c in moved
        ),
    )


def _place(group: _Group) -> str:
    return f"{' '.join(group.parents)} #{group.rank}".strip()


def _moved(before: Mapping[str, _Group], after: Mapping[str, _Group]) -> list[str]:
    """Codes under another parent, or out of their old order among the common ones of a scope."""
    moved = {c for c in before.keys() & after.keys() if before[c].parents != after[c].parents}
    scopes: dict[tuple[str, ...], tuple[list[str], list[str]]] = {}
    for index, groups in enumerate((before, after)):
        for code, group in groups.items():
            if code in before and code in after and code not in moved:
                scopes.setdefault(group.parents, ([], []))[index].append(code)
    for first, second in scopes.values():
        blocks = SequenceMatcher(None, first, second, autojunk=False).get_matching_blocks()
        kept = {code for block in blocks for code in first[block.a : block.a + block.size]}
        moved |= set(first) - kept
    return sorted(moved)


_CodesByFold = dict[str, str]


def _by_fold(codes: Iterable[str]) -> _CodesByFold:
    return {fold_code(code): code for code in codes}


def _gather(book: SchemeBook, table: str, owner: str, code: str) -> dict[str, _CodesByFold]:
    owners = book.tables[table].column(owner).to_pylist()
    codes = book.tables[table].column(code).to_pylist()
    found: dict[str, _CodesByFold] = {}
    for name, value in zip(owners, codes, strict=True):
        found.setdefault(name, {})[fold_code(value)] = value
    return found


def _sets(book: SchemeBook) -> dict[str, _CodesByFold]:
    sets = _gather(book, "sets", "set_id", "code")
    for name in ("not_principal", "not_grouping"):
        if book.tables[name].num_rows:
            sets[name] = _by_fold(book.tables[name].column("code").to_pylist())
    return sets


def _only(first: _CodesByFold, second: _CodesByFold) -> tuple[str, ...]:
    return tuple(first[code] for code in sorted(first.keys() - second.keys()))


def _set_changes(
    old: Mapping[str, _CodesByFold], new: Mapping[str, _CodesByFold]
) -> tuple[SetChange, ...]:
    changes: list[SetChange] = []
    for set_id in sorted(old.keys() | new.keys()):
        before, after = old.get(set_id, {}), new.get(set_id, {})
        if before.keys() != after.keys():
            status = "added" if set_id not in old else "removed" if set_id not in new else "changed"
            changes.append(SetChange(set_id, status, _only(after, before), _only(before, after)))
    return tuple(changes)


def _levels(book: SchemeBook) -> dict[str, tuple[str, str, str]]:
    """Folded code to its spelling, its level and its exclusion table."""
    return {
        fold_code(row["code"]): (row["code"], row["level"], row["exclusion"] or "")
        for row in book.rows("cc")
    }


def _level_changes(
    old: Mapping[str, tuple[str, str, str]], new: Mapping[str, tuple[str, str, str]]
) -> tuple[LevelChange, ...]:
    nothing = ("", None, "")
    changes: list[LevelChange] = []
    for folded in sorted(old.keys() | new.keys()):
        before, after = old.get(folded, nothing), new.get(folded, nothing)
        if before[1] != after[1]:
            changes.append(LevelChange(after[0] or before[0], before[1], after[1]))
    return tuple(changes)


def _exclusion_changes(old: SchemeBook, new: SchemeBook) -> tuple[ExclusionChange, ...]:
    before, after = _levels(old), _levels(new)
    tables_before = _gather(old, "exclusions", "exclusion", "principal_code")
    tables_after = _gather(new, "exclusions", "exclusion", "principal_code")
    pairs: dict[tuple[str, str], list[str]] = {}
    for folded in sorted(before.keys() & after.keys()):
        pairs.setdefault((before[folded][2], after[folded][2]), []).append(after[folded][0])
    changes: list[ExclusionChange] = []
    for (first, second), codes in sorted(pairs.items()):
        was, now = tables_before.get(first, {}), tables_after.get(second, {})
        if was.keys() != now.keys():
            added, removed = _only(now, was), _only(was, now)
            changes.append(ExclusionChange(first, second, tuple(codes), added, removed))
    return tuple(changes)
