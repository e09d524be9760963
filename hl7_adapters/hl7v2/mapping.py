"""Loading a mapping: the shipped tables, and above them those of the hospital.

The tables are ``data/types.toml``, ``data/fields.toml`` and ``data/values.toml``; a hospital's own
file may hold any part of all three. ``docs/HL7V2.md`` describes every key.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from grouper.case.fields import FIELDS
from grouper.intake.event import EventKind
from hl7_adapters.hl7v2.book import (
    AnswerRule,
    Book,
    CodesRule,
    ExtraRule,
    LinesRule,
    Lists,
    Number,
    PatientRule,
    Reads,
    TypeRule,
)
from hl7_adapters.hl7v2.settings_table import SettingsTable, merged, read_toml
from hl7_adapters.hl7v2.sources import READINGS, Source, Table, fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hl7_adapters.hl7v2.places import Place
    from hl7_adapters.hl7v2.settings_table import Document

DATA = Path(__file__).parent / "data"
SHIPPED = ("types.toml", "fields.toml", "values.toml")
STATED = frozenset({"case_id", "person"})
"""Fields of the case that are Grouper's own and never come from a message."""
PERSON = ("name", "given", "id_number", "birth_date", "sex")
PREFIX = "*"
SITE_DEFINED = "Z"


@cache
def _shipped() -> Document:
    found: Document = {}
    for name in SHIPPED:
        found = merged(found, read_toml(DATA / name))
    return found


def load_mapping(path: Path | None = None) -> Book:
    """The mapping: the shipped one, with the hospital's file above it.

    Args:
        path: TOML file of the hospital; tables are merged key by key, arrays are replaced.

    Raises:
        CodebookError: the file cannot be used; the error names file and key: ``HL7_FILE``,
            ``HL7_TOML``, ``HL7_KEY_UNKNOWN``, ``HL7_VALUE``, ``HL7_PLACE``, ``HL7_FIELD`` (no
            field of a case), ``HL7_TABLE`` (no such table of values).
    """
    if path is None:
        return read_mapping(_shipped(), SHIPPED[0])
    own = read_toml(path)
    whole = merged(_shipped(), own)
    # By itself first: an error is then surely the hospital's.
    read_mapping(own, path.name, whole)
    return read_mapping(whole, path.name)


def read_mapping(document: Document, file: str, whole: Document | None = None) -> Book:
    """Make a document ready.

    Args:
        document: the mapping.
        file: where it stands, for errors.
        whole: the document whose tables of values may be named, if not ``document``.

    Raises:
        CodebookError: as :func:`load_mapping`.
    """
    top = SettingsTable(document, file)
    tables = _tables(SettingsTable(whole or document, file).table("values"))
    _tables(top.table("values"))
    sources = _Sources(tables)
    versions = top.table("versions")
    taken = versions.texts("taken")
    facts = {name: sources.read(t) for name, t in _facts(top.table("facts"))}
    person_table = top.table("person")
    person = {name: sources.one(person_table, name) for name in PERSON}
    hospital = sources.one(top, "hospital")
    dx = _codes(top.table("dx"), sources, "DG1")
    px = _codes(top.table("px"), sources, "PR1")
    lines = _lines(top.table("lines"), sources)
    book = Book(
        types={name: _type(name, t) for name, t in top.table("types").tables()},
        versions=frozenset(taken) | ({""} if versions.flag("missing") else set()),
        patient=_patient(top.table("patient")),
        visit=_numbers(top.table("visit")),
        hospital=hospital,
        facts=facts,
        person=person,
        dx=dx,
        px=px,
        lines=lines,
        extra=_extra(top.table("extra"), sources.seen),
        tables=tables,
        answer=_answer(top.table("answer")),
    )
    for table in (versions, person_table, top):
        table.close()
    return book


class _Sources:
    """Reads sources, and notes the places that they read."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self._tables = tables
        self.seen: list[Place] = []

    def one(self, table: SettingsTable, name: str) -> Source:
        return self.read(table.table(name))

    def read(self, table: SettingsTable) -> Source:
        places = table.places("from")
        reading = table.choice("as", tuple(READINGS), "text")
        named = table.text("values")
        if named and named not in self._tables:
            table.fail("HL7_TABLE", "values", found=named, known=", ".join(sorted(self._tables)))
        unit = table.text("unit")
        source = Source(
            places,
            reading,
            # An empty table translates nothing and knows nothing to report.
            self._tables[named] if named and self._tables[named].meanings else None,
            table.place("unit", unit) if unit else None,
        )
        table.close()
        self.seen += [*places, *([source.unit] if source.unit else [])]
        return source


def _tables(values: SettingsTable) -> dict[str, Table]:
    return {
        name: Table(name, {fold(said): meaning for said, meaning in table.words().items()})
        for name, table in values.tables()
    }


def _facts(table: SettingsTable) -> Iterable[tuple[str, SettingsTable]]:
    for name, source in table.tables():
        _hold_field(table, name, name)
        yield name, source


def _hold_field(table: SettingsTable, key: str, name: str) -> None:
    field = FIELDS.get(name)
    if field is None or field.nested or name in STATED:
        known = (n for n, f in FIELDS.items() if not f.nested and n not in STATED)
        table.fail("HL7_FIELD", key, found=name, known=", ".join(known))


def _type(name: str, table: SettingsTable) -> TypeRule:
    facts = table.table("facts")
    places: dict[str, tuple[Place, ...]] = {}
    for field in facts.names():
        _hold_field(facts, field, field)
        places[field] = facts.places(field)
    clears = table.texts("clears")
    for field in clears:
        _hold_field(table, "clears", field)
    rule = TypeRule(
        name=name,
        meaning=table.text("meaning"),
        events=table.members("events", EventKind, ()),
        cancelled=table.flag("cancelled"),
        reads=frozenset(table.members("reads", Reads, tuple(Reads))),
        dx=table.member("dx", Lists, Lists.WHOLE),
        px=table.member("px", Lists, Lists.WHOLE),
        clears=clears,
        facts=places,
        visit=_numbers(table, "visit"),
        renumbers=bool(table.flag("renumbers")),
        same_is_nothing=bool(table.flag("same_is_nothing")),
    )
    table.close()
    return rule


def _numbers(table: SettingsTable, name: str = "numbers") -> tuple[Number, ...]:
    numbers = tuple(Number(place, prior) for place, prior in table.pairs(name))
    if name == "numbers":
        table.close()
    return numbers


def _patient(table: SettingsTable) -> PatientRule:
    rule = PatientRule(
        numbers=tuple(Number(place, prior) for place, prior in table.pairs("numbers")),
        types={value: rank for rank, value in enumerate(table.texts("types"))},
        authorities={value: rank for rank, value in enumerate(table.texts("authorities"))},
        never=frozenset(table.texts("never")),
    )
    table.close()
    return rule


def _about(table: SettingsTable, sources: _Sources) -> dict[str, Source]:
    return {name: sources.read(source) for name, source in table.table("about").tables()}


def _own(segment: str, places: Iterable[Place]) -> frozenset[str]:
    found = {part.segment for place in places for part in place.parts}
    return frozenset(name for name in found if name.startswith(SITE_DEFINED)) - {segment}


def _codes(table: SettingsTable, sources: _Sources, segment: str) -> CodesRule:
    before = len(sources.seen)
    segment = table.text("segment", segment)
    rule = CodesRule(
        segment=segment,
        code=sources.one(table, "code"),
        key=sources.one(table, "key"),
        action=sources.one(table, "action"),
        rank=sources.one(table, "rank"),
        principal=frozenset(table.texts("principal")),
        otherwise=table.choice("otherwise", ("first", "none"), "none"),
        kind=sources.one(table, "kind"),
        kinds=table.texts("kinds"),
        admission=table.text("admission"),
        system=sources.one(table, "system"),
        about=_about(table, sources),
        own=_own(segment, sources.seen[before:]),
    )
    table.close()
    return rule


def _lines(table: SettingsTable, sources: _Sources) -> LinesRule:
    before = len(sources.seen)
    segment = table.text("segment", "FT1")
    rule = LinesRule(
        segment=segment,
        key=sources.one(table, "key"),
        action=sources.one(table, "action"),
        kind=sources.one(table, "kind"),
        procedure=sources.one(table, "procedure"),
        procedure_date=sources.one(table, "procedure_date"),
        about=_about(table, sources),
        own=_own(segment, sources.seen[before:]),
    )
    table.close()
    return rule


def _extra(table: SettingsTable, mapped: Iterable[Place]) -> ExtraRule:
    segments: set[str] = set()
    prefixes: list[str] = []
    places: list[Place] = []
    for text in table.texts("keep"):
        if text.endswith(PREFIX):
            prefixes.append(text[:-1])
        elif "-" in text:
            places.append(table.place("keep", text))
        else:
            segments.add(text)
    table.close()
    return ExtraRule(
        frozenset(segments),
        tuple(prefixes),
        tuple(places),
        frozenset((part.segment, part.field) for place in mapped for part in place.parts),
    )


def _answer(table: SettingsTable) -> AnswerRule:
    codes = table.table("codes")
    rule = AnswerRule(
        version=table.text("version"),
        error_since=table.text("error_since"),
        codes=codes.words(),
        otherwise=table.text("otherwise"),
    )
    table.close()
    return rule
