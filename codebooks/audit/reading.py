"""Read the files of a rule book: card, rules and parameter rows, each refused with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from codebooks.audit.cells import read_cell
from codebooks.audit.forms import FORMS, HEAD, PREFIX, RULES, TAIL, WHOLE, item_columns
from codebooks.errors import CodebookError, Where
from codebooks.policies.yaml_nodes import PolicyError, many, mapping, only, read_tree, words
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from codebooks.audit.cells import Column, Value
    from codebooks.strict_csv import Row

CARD, RULE_FILE, ROWS = "book.yaml", "rules.csv", "rows"
_SUFFIXES = (".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class ItemForm:
    """A form of item codes: its pattern, and whether such a code is only a beginning."""

    pattern: re.Pattern[str]
    match: str


@dataclass(frozen=True, slots=True)
class Card:
    """What a book says of itself."""

    id: str
    names: Mapping[str, str]
    valid_from: date
    source: str
    items: tuple[ItemForm, ...]


@dataclass(frozen=True, slots=True)
class Read:
    """One row: its values by column, and its place."""

    values: dict[str, Value]
    row: Row


def stop(error: CodebookError) -> None:
    """Refuse a file at its first fault: what readers do with one unless they are told otherwise.

    Raises:
        CodebookError: the fault.
    """
    raise error


def read_card(folder: Path) -> Card:
    """The card of a book.

    Raises:
        CodebookError: ``AUDIT_CARD`` with the place and what is wrong; ``AUDIT_DATE``.
    """
    name = f"{folder.name}/{CARD}"
    try:
        tree = read_tree(folder / CARD, name)
        only(tree, ("id", "zh", "en", "valid_from", "source", "items"))
        forms = []
        for one in many(tree.items["items"]).items:
            node = mapping(one)
            only(node, ("pattern", "match"), ("about",))
            forms.append((words(node.items["pattern"]), words(node.items["match"]), node.at))
        told = {key: words(tree.items[key]) for key in ("id", "zh", "en", "valid_from", "source")}
    except PolicyError as cause:
        reason = cause.code
        raise CodebookError("AUDIT_CARD", cause.where, reason=reason) from cause
    if told["id"] != folder.name:
        raise CodebookError("AUDIT_CARD", tree.keys["id"], reason=told["id"])
    try:
        start = date.fromisoformat(told["valid_from"])
    except ValueError as cause:
        where = tree.keys["valid_from"]
        raise CodebookError("AUDIT_DATE", where, found=told["valid_from"]) from cause
    items = tuple(_item_form(*form) for form in forms)
    return Card(told["id"], {"zh": told["zh"], "en": told["en"]}, start, told["source"], items)


def _item_form(pattern: str, match: str, at: Where) -> ItemForm:
    if match not in {WHOLE, PREFIX}:
        raise CodebookError("AUDIT_WORD", at, found=match, known=f"{WHOLE}, {PREFIX}")
    try:
        return ItemForm(re.compile(pattern, re.ASCII), match)
    except re.error as cause:
        raise CodebookError("AUDIT_CARD", at, reason=str(cause)) from cause


def read_rules(
    path: Path, name: str, refuse: Callable[[CodebookError], None] = stop
) -> dict[str, Read]:
    """The rules of ``rules.csv``, by id, in the file's order.

    Args:
        path: of the file.
        name: how errors call it.
        refuse: gets each fault; a row with one is left out where it returns.

    Raises:
        CodebookError: ``TABLE_…`` as :func:`codebooks.strict_csv.read_rows`; ``AUDIT_…`` as
            :func:`codebooks.audit.cells.read_cell`; ``AUDIT_TWICE``, ``AUDIT_PERIOD``,
            ``AUDIT_TEMPLATE`` (a template neither a table of the book nor named ``code.…``).
    """
    return _read(path, name, RULES, "rule", (), refuse)


def tables_in(folder: Path, name: str) -> dict[str, Path]:
    """The files of parameter rows in a folder, by table.

    Raises:
        CodebookError: ``AUDIT_TABLE`` (no such table, or a table in two files).
    """
    found: dict[str, Path] = {}
    if not (folder / ROWS).is_dir():
        return found
    for path in sorted((folder / ROWS).iterdir()):
        suffix = next((one for one in _SUFFIXES if path.name.endswith(one)), None)
        table = path.name.removesuffix(suffix or "")
        if suffix is None or table not in FORMS or table in found:
            where = Where(file=f"{name}/{ROWS}/{path.name}")
            raise CodebookError("AUDIT_TABLE", where, found=table, known=", ".join(FORMS))
        found[table] = path
    return found


def read_table(
    table: str,
    path: Path,
    name: str,
    rules: Mapping[str, Mapping[str, Value]],
    items: Sequence[ItemForm],
    refuse: Callable[[CodebookError], None] = stop,
) -> dict[str, Read]:
    """The rows of one table, by id; empty levels and dates stay empty.

    Args:
        table: its name.
        path: of the file.
        name: how errors call it.
        rules: the rules of the book, by id.
        items: the forms of item codes.
        refuse: gets each fault; a row with one is left out where it returns.

    Raises:
        CodebookError: as :func:`read_rules`, and ``AUDIT_RULE`` (a rule that the book lacks),
            ``AUDIT_ONE_OF`` (none of the columns of which one is needed).
    """
    form = FORMS[table]
    patterns = [one.pattern for one in items]
    rows = _read(path, name, (*HEAD, *form.columns, *TAIL), "row", patterns, refuse)
    single = "item" in item_columns(table)
    kept = {}
    for key, read in rows.items():
        values = read.values
        if values["rule"] not in rules:
            refuse(CodebookError("AUDIT_RULE", read.row.at("rule"), found=values["rule"]))
            continue
        if form.one_of and not any(values[one] not in {None, ()} for one in form.one_of):
            known = ", ".join(form.one_of)
            refuse(CodebookError("AUDIT_ONE_OF", read.row.where, known=known))
            continue
        if single:
            values["match"] = _match(values["item"], items)
        kept[key] = read
    return kept


def _match(item: Value, items: Sequence[ItemForm]) -> str | None:
    if not isinstance(item, str):
        return None
    return next(one.match for one in items if one.pattern.fullmatch(item))


def _read(
    path: Path,
    name: str,
    columns: Sequence[Column],
    key: str,
    patterns: Sequence[re.Pattern[str]],
    refuse: Callable[[CodebookError], None],
) -> dict[str, Read]:
    required = [one.name for one in columns if one.required]
    optional = [one.name for one in columns if not one.required]
    rows: dict[str, Read] = {}
    # Most cells stand in many rows: each is read once.
    known: list[tuple[str, Column, dict[str, Value]]] = [(one.name, one, {}) for one in columns]
    for row in read_rows(path, required, optional, name=name):
        values: dict[str, Value] = {}
        for header, column, seen in known:
            cell = row.cells[header]
            if cell not in seen:
                try:
                    seen[cell] = read_cell(column, cell, patterns, row.at(header))
                except CodebookError as error:
                    refuse(error)
                    continue
            values[header] = seen[cell]
        if len(values) == len(known):
            _keep(rows, Read(values, row), key, refuse)
    return rows


def _keep(
    rows: dict[str, Read], read: Read, key: str, refuse: Callable[[CodebookError], None]
) -> None:
    values, row = read.values, read.row
    start, end = values["valid_from"], values["valid_to"]
    own = str(values[key])
    if isinstance(start, date) and isinstance(end, date) and end <= start:
        refuse(CodebookError("AUDIT_PERIOD", row.at("valid_to"), day=end.isoformat()))
    elif own in rows:
        refuse(CodebookError("AUDIT_TWICE", row.at(key), found=own))
    else:
        rows[own] = read
