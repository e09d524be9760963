"""A PDPM book read, checked and put in order, for both engines."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from codebooks.errors import CodebookError, Where
from grouper.schemes.pdpm.names import hold_names
from grouper.schemes.pdpm.pricing import components_of, rates_of
from grouper.schemes.pdpm.reading import BookReader, label_of
from grouper.schemes.pdpm.records import (
    CATEGORY,
    AssessmentType,
    Axis,
    Category,
    Condition,
    Group,
    Item,
    Measure,
    Options,
    Score,
    ScorePart,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.book import BookCard, SchemeBook

POSITIONS = ("first", "any", "last")
KINDS = frozenset(
    {"pdpm_joint_spine", "pdpm_orthopaedic", "pdpm_medical", "pdpm_surgery_neurologic"}
)
"""Kinds of clinical category that the catalogues have words for (``group_kind``)."""


class CompiledPdpm:
    """The tables of one book, every name in them resolved.

    Args:
        book: the scheme book.

    Raises:
        CodebookError: ``PDPM_VALUE``, ``PDPM_REFERENCE``, ``PDPM_NAME_TWICE`` or ``PDPM_CYCLE``.
    """

    def __init__(self, book: SchemeBook) -> None:
        reader = BookReader(book)
        self._reader = reader
        self.card: BookCard = book.card
        self.content_hash = book.content_hash()
        self.options = _options(book.card)
        self.items: Mapping[str, Item] = reader.items()
        self.spellings: Mapping[str, str] = reader.spellings()
        self.requirements = reader.requirements()
        self.conditions: Mapping[str, Condition] = reader.conditions()
        self.lists = {str(r["list"]): label_of(r) for _, r in reader.rows("lists")}
        self.any_place = {r["list"] for _, r in reader.rows("lists") if r["place"] == "any"}
        self.scores = self._scores()
        self.measures = self._measures()
        self.categories = self._categories()
        self.axes = self._axes()
        self.groups = [group for axis in self.axes for group in axis.groups]
        self.types = self._types()
        hold_names(
            reader,
            self.card.id,
            items=self.items,
            scores=self.scores,
            measures=self.measures,
            conditions=self.conditions,
            lists=self.lists,
        )
        self.order = self._order()
        self.components = components_of(reader, self.axes)
        self.rates = rates_of(reader, {c.name for c in self.components})

    def _scores(self) -> dict[str, Score]:
        scales: dict[str, dict[int, int]] = {}
        for number, row in self._reader.rows("scales"):
            if row["value"] is None or row["points"] is None or row["points"] < 0:
                self._reader.fail("scales", number, "points", row["points"])
            scales.setdefault(row["scale"], {})[row["value"]] = row["points"]
        found: dict[str, Score] = {}
        for number, row in self._reader.rows("scores"):
            name, scale = str(row["score"]), row["scale"] or None
            if scale is not None and scale not in scales:
                self._unknown("scores", number, "scale", scale)
            if not row["denominator"] or row["denominator"] < 1 or (row["numerator"] or 0) < 0:
                self._reader.fail("scores", number, "denominator", row["denominator"])
            part = ScorePart(
                item=str(row["item"]),
                points=scales[scale] if scale else None,
                numerator=row["numerator"],
                denominator=row["denominator"],
                zero_if=row["zero_if"] or None,
            )
            if part.item not in self.items:
                self._unknown("scores", number, "item", part.item)
            before = found[name].parts if name in found else ()
            found[name] = Score(name, label_of(row), (*before, part))
        return found

    def _measures(self) -> dict[str, Measure]:
        found: dict[str, Measure] = {}
        for number, row in self._reader.rows("measures"):
            name = str(row["measure"])
            if row["points"] is None or row["points"] < 0:
                self._reader.fail("measures", number, "points", row["points"])
            before = found[name].points if name in found else ()
            points = (*before, (str(row["subject"]), row["points"]))
            found[name] = Measure(name, label_of(row), points)
        return found

    def _categories(self) -> tuple[Category, ...]:
        found: list[Category] = []
        for place, (number, row) in enumerate(self._reader.rows("categories")):
            text = str(row["category"])
            if not (text.isascii() and text.isdigit()):
                self._reader.fail("categories", number, "category", text)
            if row["kind"] not in KINDS:
                self._reader.fail("categories", number, "kind", row["kind"])
            condition = self._condition("categories", number, row["condition"])
            found.append(Category(int(text), row["kind"], label_of(row), condition, place))
        return tuple(found)

    def _axes(self) -> tuple[Axis, ...]:
        groups: dict[str, list[Group]] = {str(r["axis"]): [] for _, r in self._reader.rows("axes")}
        seen: set[str] = set()
        for number, row in self._reader.rows("groups"):
            name, axis = str(row["group"]), str(row["axis"])
            if axis not in groups:
                self._unknown("groups", number, "axis", axis)
            if name in seen or not row["letter"]:
                self._reader.fail("groups", number, "group", name)
            seen.add(name)
            condition = self._condition("groups", number, row["condition"])
            groups[axis].append(Group(name, axis, row["letter"], label_of(row), condition, 0))
        axes: list[Axis] = []
        place = 0
        for number, row in self._reader.rows("axes"):
            members = groups[str(row["axis"])]
            if not members:
                self._reader.fail("axes", number, "axis", row["axis"])
            numbered = tuple(
                Group(g.name, g.axis, g.letter, g.label, g.condition, place + i)
                for i, g in enumerate(members)
            )
            place += len(members)
            axes.append(Axis(str(row["axis"]), label_of(row), numbered))
        return tuple(axes)

    def _types(self) -> dict[str, AssessmentType]:
        found: dict[str, AssessmentType] = {}
        for place, (number, row) in enumerate(self._reader.rows("assessment_types")):
            if row["position"] not in POSITIONS:
                self._reader.fail("assessment_types", number, "position", row["position"])
            # The first assessment of a stay has to group it.
            if row["position"] == "first" and not row["regroups"]:
                self._reader.fail("assessment_types", number, "regroups", row["regroups"])
            name = str(row["type"])
            indicator, regroups = row["indicator"] or "", bool(row["regroups"])
            label = label_of(row)
            found[name] = AssessmentType(name, label, row["position"], regroups, indicator, place)
        return found

    def _condition(self, table: str, number: int, name: str | None) -> str | None:
        if name and name not in self.conditions:
            self._unknown(table, number, "condition", name)
        return name or None

    def _unknown(self, table: str, row: int, column: str, found: object) -> None:
        where = Where(self.card.id, table, row, column)
        raise CodebookError("PDPM_REFERENCE", where, found=found)

    def _order(self) -> tuple[str, ...]:
        """Derived subjects, each after those that it asks."""
        asks: dict[str, set[str]] = {}
        for condition in self.conditions.values():
            terms = (t.subject for terms in condition.alternatives for t in terms)
            asks[condition.name] = set(terms)
        for score in self.scores.values():
            asks[score.name] = {p.zero_if for p in score.parts if p.zero_if}
        for measure in self.measures.values():
            asks[measure.name] = {subject for subject, _ in measure.points}
        asks[CATEGORY] = {c.condition for c in self.categories if c.condition}
        try:
            ordered = tuple(TopologicalSorter(asks).static_order())
        except CycleError as cause:
            circle = " → ".join(map(str, cause.args[1]))
            raise CodebookError("PDPM_CYCLE", Where(self.card.id), found=circle) from cause
        return tuple(name for name in ordered if name in asks)


def _options(card: BookCard) -> Options:
    def number(name: str) -> int:
        value = card.options.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _DAYS:
            raise CodebookError("PDPM_VALUE", Where(card.id, "options", column=name), found=value)
        return value

    return Options(
        letters=card.options.get("code") == "letters",
        code_system=str(card.options.get("code_system", "nhsa")),
        late_after=number("late_after_days"),
        interval=number("interval_days"),
        day_places=min(number("day_places"), _PLACES),
    )


_DAYS = 36_500
_PLACES = 6
