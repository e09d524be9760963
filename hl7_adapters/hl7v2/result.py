"""The message that takes a result back to the hospital's systems, by a template that is data.

A template (``data/result.toml``, or the hospital's own file) states segments and the texts of
their fields. ``{name}`` stands for a value of the result, ``^`` divides components; a value is
escaped and never divides anything. ``docs/HL7V2.md`` lists the placeholders.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.case.fields import FIELDS, ZONE
from grouper.intake.forms import IntakeError
from hl7_adapters.hl7v2.charsets import charsets
from hl7_adapters.hl7v2.codec import build
from hl7_adapters.hl7v2.escapes import syntax_of
from hl7_adapters.hl7v2.settings_table import SettingsTable, read_toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.intake.result import CaseResult
    from hl7_adapters.hl7v2.codec import Field, Repetition

TEMPLATE = Path(__file__).parent / "data" / "result.toml"
_LISTS = frozenset({"warnings", "dx", "px"})
"""Placeholders of several values; they make repetitions and stand alone in their field."""
_OF_GROUPED = (
    "scheme",
    "content_hash",
    "status",
    "mdc",
    "adrg",
    "group",
    "group_name",
    "cc_level",
    "group_kind",
    "weight",
)
_OF_RESULT = ("hospital", "patient", "visit", "at")
_OWN = (
    "control_id",
    "case_version",
    "reason",
    "warnings",
    "class",
    "policy",
    "amount",
    "fund",
    "patient_pays",
    "dx",
    "px",
)
_CASE = tuple(
    name for name, f in FIELDS.items() if not f.nested and name not in ("hospital", "person")
)
PLACEHOLDERS = (*_OF_RESULT, *_OF_GROUPED, *_OWN, *_CASE)
"""Names that a template may use beside its own constants."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_SEGMENT = re.compile(r"[A-Z][A-Z0-9]{2}")
_HEADER = "MSH"
_MOST = 200
"""The highest number of a field."""


@dataclass(frozen=True, slots=True)
class _Text:
    """A text between placeholders: ``parts`` are texts and, at odd places, names."""

    parts: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        return "".join(values[part] if n % 2 else part for n, part in enumerate(self.parts))


@dataclass(frozen=True, slots=True)
class _Slot:
    """What stands in one field: components, or the name of a list that repeats."""

    components: tuple[_Text, ...] = ()
    repeated: str = ""

    def fill(self, values: Mapping[str, str], lists: Mapping[str, list[str]]) -> Field:
        if self.repeated:
            return lists[self.repeated]
        found: Repetition = tuple(component.fill(values) for component in self.components)
        return found if len(found) > 1 else str(found[0])


@dataclass(frozen=True, slots=True)
class _Segment:
    name: str
    slots: Mapping[int, _Slot]
    when: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A template that was checked.

    Attributes:
        charset: name of the character set of the message.
        constants: placeholders that the template sets itself.
        classes: PV1-2 by kind of case.
        segments: in their order.
    """

    charset: str
    constants: Mapping[str, str]
    classes: Mapping[str, str]
    segments: tuple[_Segment, ...]


class ResultEncoder:
    """Writes results by a template."""

    def __init__(self, template: Template) -> None:
        self._template = template

    def encode(self, result: CaseResult, control_id: str) -> bytes:
        """The message of one result.

        Raises:
            IntakeError: ``CHARSET_BROKEN``: the template's character set lacks a character.
        """
        template = self._template
        values, lists = _values(result)
        values |= {
            **template.constants,
            "control_id": control_id,
            "class": template.classes.get(result.case.kind, ""),
        }
        segments: list[tuple[str, Sequence[Field]]] = []
        for segment in template.segments:
            if not all(values.get(name) or lists.get(name) for name in segment.when):
                continue
            row: list[Field] = [""] * max(segment.slots, default=0)
            for number, slot in segment.slots.items():
                row[number - 1] = slot.fill(values, lists)
            segments.append((segment.name, row))
        return build(segments, template.charset)


def encoder(options: Mapping[str, Any]) -> ResultEncoder:
    """The encoder of a table of settings (entry point ``grouper.encoders``).

    Args:
        options: ``template``, a TOML file instead of the shipped one; ``charset``; and any
            constant of the template by its name.

    Raises:
        GrouperError: ``SETTING_INVALID``; ``CodebookError``: the template is refused.
    """
    given = dict(options)
    path = given.pop("template", None)
    if path is not None and not isinstance(path, str | Path):
        raise _invalid("template", "path")
    template = load_template(Path(path) if path else TEMPLATE)
    charset = given.pop("charset", template.charset)
    if not isinstance(charset, str) or charsets().get(charset) is None:
        raise _invalid("charset", "charset")
    for name, value in given.items():
        if name not in template.constants:
            known = ", ".join(("template", "charset", *template.constants))
            raise _invalid(name, "unknown", known=known)
        if not isinstance(value, str):
            raise _invalid(name, "text")
    constants = {**template.constants, **given}
    return ResultEncoder(Template(charset, constants, template.classes, template.segments))


def load_template(path: Path) -> Template:
    """Read and check a template.

    Raises:
        CodebookError: with file and key: ``HL7_FILE``, ``HL7_TOML``, ``HL7_KEY_UNKNOWN``,
            ``HL7_VALUE``, ``HL7_PLACEHOLDER`` (a name that is no placeholder).
    """
    table = SettingsTable(read_toml(path), path.name)
    charset = table.text("charset")
    if charsets().get(charset) is None:
        table.fail("HL7_VALUE", "charset", wanted=", ".join(s.name for s in charsets().order))
    constants = table.table("constants").words()
    for name in constants:
        if name in PLACEHOLDERS:
            table.fail("HL7_VALUE", f"constants.{name}", wanted="constant")
    classes = table.table("classes").words()
    names = (*PLACEHOLDERS, *constants)
    segments = tuple(_segment(entry, names) for entry in table.list_of_tables("segments"))
    if not segments or segments[0].name != _HEADER:
        table.fail("HL7_VALUE", "segments", wanted=_HEADER)
    table.close()
    return Template(charset, constants, classes, segments)


def _segment(table: SettingsTable, names: Sequence[str]) -> _Segment:
    name = table.text("name")
    if not _SEGMENT.fullmatch(name):
        table.fail("HL7_VALUE", "name", wanted="ABC")
    when = table.texts("when")
    for placeholder in when:
        _known(table, "when", placeholder, names)
    slots: dict[int, _Slot] = {}
    cells = table.table("fields")
    for number in cells.names():
        # No longer than the greatest, for thousands of digits are read by no int.
        plain = number.isascii() and number.isdigit() and len(number) <= len(str(_MOST))
        if not plain or not 0 < int(number) <= _MOST:
            cells.fail("HL7_VALUE", number, wanted=f"1-{_MOST}")
        slots[int(number)] = _slot(cells, number, names)
    if name == _HEADER:
        slots |= _separators(cells)
    table.close()
    return _Segment(name, slots, when)


def _separators(cells: SettingsTable) -> dict[int, _Slot]:
    """MSH-1 and MSH-2 as they are written; they divide and are not divided."""
    try:
        syntax_of(cells.text("1"), cells.text("2"), "utf-8")
    except IntakeError as error:
        number = str(error.params["place"]).removeprefix(f"{_HEADER}-")
        cells.fail("HL7_VALUE", number, wanted="|  ^~\\&")
    return {n: _Slot((_Text((cells.text(str(n)),)),)) for n in (1, 2)}


def _slot(table: SettingsTable, number: str, names: Sequence[str]) -> _Slot:
    written = table.text(number)
    for name in _PLACEHOLDER.findall(written):
        _known(table, number, name, names)
    whole = _PLACEHOLDER.fullmatch(written)
    if whole and whole[1] in _LISTS:
        return _Slot(repeated=whole[1])
    for name in _PLACEHOLDER.findall(written):
        if name in _LISTS:
            table.fail("HL7_VALUE", number, wanted=f"{{{name}}}")
    return _Slot(tuple(_Text(tuple(_PLACEHOLDER.split(part))) for part in written.split("^")))


def _known(table: SettingsTable, key: str, name: str, names: Sequence[str]) -> None:
    if name not in names:
        table.fail("HL7_PLACEHOLDER", key, found=name, known=", ".join(names))


def _values(result: CaseResult) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The values of all placeholders but those of the template."""
    grouped, priced, case = result.grouped, result.priced, result.case
    found: dict[str, Any] = {name: getattr(case, name) for name in _CASE}
    found |= {name: getattr(result, name) for name in _OF_RESULT}
    found |= {name: getattr(grouped, name, None) for name in _OF_GROUPED}
    found["reason"] = (grouped.reason if grouped else None) or result.reason
    found["case_version"] = result.version
    found["policy"] = priced.policy if priced else None
    found["amount"] = priced.amount if priced else None
    found["fund"] = priced.fund if priced else None
    found["patient_pays"] = priced.patient if priced else None
    lists = {
        "warnings": list(grouped.warnings) if grouped else [],
        "dx": [code or "" for code in case.dx],
        "px": [code or "" for code in case.px],
    }
    return {name: _written(value) for name, value in found.items()}, lists


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(ZoneInfo(ZONE)).strftime("%Y%m%d%H%M%S%z")
    if isinstance(value, date):
        return value.strftime("%Y%m%d")
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        return format(value, "g")
    return str(value)


def _invalid(option: str, why: str, **params: object) -> GrouperError:
    reason = text(f"hl7v2.why.{why}", **params)
    return GrouperError("SETTING_INVALID", setting=f"encoding.{option}", why=reason)
