"""A rule book of the audit: its rules, and the parameter rows of each template as Arrow tables.

Shipped books lie in ``codebooks/data/audit/<book>/``: ``book.yaml``, ``rules.csv``,
``rows/<table>.csv`` (or ``.csv.gz``). A hospital's own folder ``GROUPER_DATA/audit/<book>/`` has
``rules.csv`` and ``rows/`` of the same forms; a rule or a row of its own with the id of a shipped
one takes its place, another is added.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, cast

import pyarrow as pa
import pyarrow.compute as pc

from codebooks import paths
from codebooks.audit.conditions import TABLE as CONDITIONS
from codebooks.audit.conditions import check_conditions
from codebooks.audit.conflicts import check
from codebooks.audit.forms import FORMS, PREFIX, WHOLE, schema
from codebooks.audit.own_rules import TABLE as OWN
from codebooks.audit.own_rules import check_own
from codebooks.audit.reading import (
    CARD,
    ROWS,
    RULE_FILE,
    read_card,
    read_rules,
    read_table,
    stop,
    tables_in,
)
from codebooks.errors import CodebookError
from codebooks.messages import language, text

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date
    from pathlib import Path

    from codebooks.audit.cells import Value
    from codebooks.audit.reading import Card, Read

SHELF = "audit"
NATIONAL = "national-2025"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        rule: its stable id, such as ``GZ10000102012000``.
        names: its name by language.
        class_: ``policy``, ``management``, ``clinical``, ``behaviour`` or ``coding``.
        subclass: the official subclass, in Chinese.
        level: of its findings: ``violation``, ``suspect``, ``verify`` or ``monitor``; a row may
            say otherwise.
        standing: ``official``, ``proposal``, ``check`` (front page) or ``own`` (the hospital's).
        moments: when it can be asked: ``order``, ``stay``, ``upload``.
        template: the table whose rows it judges by, or the name of a check in code; None when it
            cannot run.
        valid_from, valid_to: half-open; ``valid_to`` None: not ended.
        needs: words for the data it needs beyond a case and its lines (texts under
            ``audit.need.<word>``).
        note, source: in words.
    """

    rule: str
    names: Mapping[str, str]
    class_: str
    subclass: str
    level: str
    standing: str
    moments: tuple[str, ...]
    template: str | None
    valid_from: date
    valid_to: date | None
    needs: tuple[str, ...]
    note: str
    source: str

    def name(self, lang: str | None = None) -> str:
        """Its name in one language."""
        return self.names[lang or language()]

    def missing(self, lang: str | None = None) -> str:
        """What it needs beyond a case and its lines, in words; empty when nothing."""
        return text("audit.need.separator", lang).join(
            text(f"audit.need.{one}", lang) for one in self.needs
        )

    def holds(self, day: date) -> bool:
        """Whether it is in force on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class AuditBook:
    """A rule book.

    Attributes:
        id: such as ``national-2025``.
        names: its name by language.
        source: whence it was carried over.
        rules: by id, in the order of the book.
        tables: parameter rows by table, each of the schema
            :func:`codebooks.audit.forms.schema`; every table of the forms is there, maybe empty.
            ``level`` and ``valid_from`` are filled in every row.
        first_day: from when on the book holds.
        own_rules, own_rows: ids of the rules and rows that are the hospital's own, or stand over
            shipped ones.
        items: the forms of whole item codes, each to match whole.
    """

    id: str
    names: Mapping[str, str]
    source: str
    rules: Mapping[str, Rule]
    tables: Mapping[str, pa.Table]
    first_day: date
    own_rules: frozenset[str] = frozenset()
    own_rows: frozenset[str] = frozenset()
    items: tuple[re.Pattern[str], ...] = ()

    def on(self, day: date) -> AuditBook:
        """The book with the rules and rows that hold on a day."""
        rules = {key: rule for key, rule in self.rules.items() if rule.holds(day)}
        known = pa.array(list(rules), pa.string())
        tables = {}
        for name, table in self.tables.items():
            start, end = table.column("valid_from"), table.column("valid_to")
            now = pa.scalar(day)
            holds = pc.and_(
                pc.less_equal(start, now), pc.fill_null(pc.greater(end, now), fill_value=True)
            )
            tables[name] = table.filter(pc.and_(holds, pc.is_in(table.column("rule"), known)))
        return replace(self, rules=rules, tables=tables)

    def resolved(self, table: str, items: Iterable[str]) -> pa.Table:
        """The rows of a table for given items, each with a whole item code.

        A row whose item is the beginning of a code is told once for each of the items that begins
        so. A whole code goes before a beginning: where the rule has a row for the item itself
        (whenever valid), its rows for beginnings of it do not speak. Rows of other items are left
        out.

        Args:
            table: one with a column ``item``.
            items: item codes, such as those of the lines to judge.
        """
        rows = self.tables[table]
        wanted = sorted(set(items))
        whole = rows.filter(
            pc.and_(
                pc.equal(rows.column("match"), WHOLE),
                pc.is_in(rows.column("item"), pa.array(wanted, pa.string())),
            )
        )
        begins = rows.filter(pc.equal(rows.column("match"), PREFIX))
        if not begins.num_rows or not wanted:
            return whole
        own = set(
            zip(whole.column("rule").to_pylist(), whole.column("item").to_pylist(), strict=True)
        )
        rules = begins.column("rule").to_pylist()
        by_start: dict[str, list[int]] = {}
        for place, start in enumerate(begins.column("item").to_pylist()):
            by_start.setdefault(start, []).append(place)
        lengths = sorted({len(start) for start in by_start})
        takes: list[int] = []
        found: list[str] = []
        for item in wanted:
            for length in lengths:
                if length > len(item):
                    break
                for place in by_start.get(item[:length], ()):
                    if (rules[place], item) not in own:
                        takes.append(place)
                        found.append(item)
        column = begins.schema.get_field_index("item")
        more = begins.take(pa.array(takes, pa.int64())).set_column(
            column, "item", pa.array(found, pa.string())
        )
        return pa.concat_tables([whole, more])

    @cached_property
    def content_sha256(self) -> str:
        """Hash of all rules and rows, their order aside."""
        lines = [
            json.dumps([rule.rule, str(rule)], ensure_ascii=False) for rule in self.rules.values()
        ]
        for name in sorted(self.tables):
            lines.extend(
                json.dumps([name, *row.values()], ensure_ascii=False, default=str)
                for row in self.tables[name].to_pylist()
            )
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


def shipped_books() -> list[str]:
    """The names of the shipped books."""
    shelf = paths.shipped() / SHELF
    return sorted(one.name for one in shelf.iterdir() if (one / CARD).is_file())


def audit_book(name: str = NATIONAL) -> AuditBook:
    """A rule book with the hospital's own rules and rows; read once, anew when a file changed.

    Raises:
        CodebookError: ``AUDIT_BOOK`` (no such book); all of :func:`read_book`.
    """
    known = shipped_books()
    if name not in known:
        raise CodebookError("AUDIT_BOOK", found=name, known=", ".join(known))
    own = paths.installed() / SHELF / name
    return _cached(paths.shipped() / SHELF / name, own if own.is_dir() else None, _stamp(own))


def _stamp(folder: Path) -> tuple[tuple[str, int, int], ...]:
    files = [folder / RULE_FILE, *sorted((folder / ROWS).glob("*"))]
    stats = [(one, one.stat()) for one in files if one.is_file()]
    return tuple((str(one), found.st_mtime_ns, found.st_size) for one, found in stats)


@cache
def _cached(folder: Path, own: Path | None, stamp: tuple[tuple[str, int, int], ...]) -> AuditBook:
    del stamp  # only part of the key
    return read_book(folder, own)


def read_book(
    folder: Path, own: Path | None = None, refuse: Callable[[CodebookError], None] = stop
) -> AuditBook:
    """Read a book from its folder, and the hospital's own folder over it.

    Args:
        folder: of the book.
        own: the hospital's own folder; None: it has none.
        refuse: gets each fault of a row; what it refuses is left out where it returns.

    Raises:
        CodebookError: ``AUDIT_CARD``, ``AUDIT_TABLE``, ``AUDIT_TEMPLATE``, ``AUDIT_CONFLICT`` (two
            rows contradict), ``TABLE_…`` and ``AUDIT_…`` of
            :mod:`codebooks.audit.reading`, with file, row and column.
    """
    card = read_card(folder)
    rules = read_rules(folder / RULE_FILE, f"{folder.name}/{RULE_FILE}", refuse)
    own_rules: dict[str, Read] = {}
    if own is not None and (own / RULE_FILE).is_file():
        with _told(refuse):
            own_rules = read_rules(own / RULE_FILE, f"{SHELF}/{folder.name}/{RULE_FILE}", refuse)
    told = {}
    for key, read in (rules | own_rules).items():
        with _told(refuse):
            told[key] = _rule(read, card)
    values = {key: read.values for key, read in (rules | own_rules).items()}
    rows: dict[str, dict[str, Read]] = {name: {} for name in FORMS}
    own_rows: set[str] = set()
    for place, label in ((folder, folder.name), (own, f"{SHELF}/{folder.name}")):
        files: dict[str, Path] = {}
        with _told(refuse):
            files = tables_in(place, label) if place is not None else {}
        for table, path in files.items():
            name = f"{label}/{ROWS}/{path.name}"
            with _told(refuse):
                found = read_table(table, path, name, values, card.items, refuse)
                rows[table] |= found
                own_rows |= set(found) if place is own else set()
    for table, reads in rows.items():
        rows[table] = {key: read for key, read in reads.items() if _filled(read, told, refuse)}
        check(table, list(rows[table].values()), refuse)
    check_conditions(rows[CONDITIONS].values(), refuse)
    rows[OWN] = check_own(rows[OWN], refuse)
    tables = {table: _arrow(table, list(found.values())) for table, found in rows.items()}
    return AuditBook(
        card.id,
        card.names,
        card.source,
        told,
        tables,
        card.valid_from,
        frozenset(own_rules.keys() & told.keys()),
        frozenset(own_rows & {key for found in rows.values() for key in found}),
        tuple(form.pattern for form in card.items if form.match == WHOLE),
    )


@contextmanager
def _told(refuse: Callable[[CodebookError], None]) -> Iterator[None]:
    """Hand what is wrong with a whole file to whoever gathers the faults."""
    try:
        yield
    except CodebookError as error:
        refuse(error)


def _rule(read: Read, card: Card) -> Rule:
    values = read.values
    template = cast("str | None", values["template"])
    if template is not None and template not in FORMS and not template.startswith("code."):
        known = ", ".join(FORMS)
        raise CodebookError("AUDIT_TEMPLATE", read.row.at("template"), found=template, known=known)
    return Rule(
        rule=str(values["rule"]),
        names={"zh": str(values["name_zh"]), "en": str(values["name_en"])},
        class_=str(values["class"]),
        subclass=str(values["subclass"]),
        level=str(values["level"]),
        standing=str(values["standing"]),
        moments=cast("tuple[str, ...]", values["moments"]),
        template=template,
        valid_from=cast("date | None", values["valid_from"]) or card.valid_from,
        valid_to=cast("date | None", values["valid_to"]),
        needs=cast("tuple[str, ...]", values["needs"]),
        note=str(values["note"] or ""),
        source=str(values["source"]),
    )


def _filled(read: Read, rules: Mapping[str, Rule], refuse: Callable[[CodebookError], None]) -> bool:
    """Fill in level and day from the rule; whether the row can be used."""
    rule = rules.get(str(read.values["rule"]))
    if rule is None:
        # The rule itself was refused.
        return False
    read.values["level"] = read.values["level"] or rule.level
    read.values["valid_from"] = read.values["valid_from"] or rule.valid_from
    start, end = (
        cast("date", read.values["valid_from"]),
        cast("date | None", read.values["valid_to"]),
    )
    if end is not None and end <= start:
        refuse(CodebookError("AUDIT_PERIOD", read.row.at("valid_to"), day=end.isoformat()))
        return False
    return True


def _arrow(table: str, rows: list[Read]) -> pa.Table:
    form = schema(table)
    columns: list[pa.Array] = []
    for field in form:
        cells: list[Value] = [read.values[field.name] for read in rows]
        columns.append(pa.array(cells, field.type))
    return pa.table(columns, schema=form)
