"""What a PDPM book is made of, as plain records; :mod:`.compiled` reads and checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

CATEGORY = "CATEGORY"
"""Subject: the clinical category that table ``categories`` arrives at."""
DX_FACTS = ("DX_CATEGORY", "DX_NEUROLOGIC", "DX_SURGERY")
"""Subjects: what the principal diagnosis says, in the order of the columns of ``diagnoses``."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name in both languages."""

    zh: str
    en: str

    def of(self, lang: str) -> str:
        """The name in a language; the Chinese one where there is no other."""
        return self.en if lang == "en" and self.en else self.zh


@dataclass(frozen=True, slots=True)
class Item:
    """An item of an assessment.

    ``low`` and ``high`` bound what it can be when nothing is known of it; ``absent`` stands in for
    a value that is not stated (None: nothing does).
    """

    name: str
    label: Label
    allowed: frozenset[int]
    void: frozenset[int]
    absent: int | None
    warns: bool

    @property
    def low(self) -> int:
        """The least value."""
        return min(self.allowed)

    @property
    def high(self) -> int:
        """The greatest value."""
        return max(self.allowed)


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must be stated: of one alternative every item, some of them with a given value.

    ``items`` are those that are unknown when no alternative is met.
    """

    name: str
    label: Label
    alternatives: tuple[tuple[tuple[str, int | None], ...], ...]
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A question about one subject: ``in`` some numbers, ``ge``, ``le`` one, or ``holds``."""

    subject: str
    test: str
    values: frozenset[int]

    @property
    def value(self) -> int:
        """The number of ``ge`` and ``le``."""
        return next(iter(self.values))

    @property
    def text(self) -> str:
        """As the short form writes it: ``C0500 <= 12``."""
        if self.test == "holds":
            return self.subject
        if self.test == "in":
            return f"{self.subject} in {'|'.join(map(str, sorted(self.values)))}"
        return f"{self.subject} {'>=' if self.test == 'ge' else '<='} {self.value}"


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds when all terms of one alternative hold."""

    name: str
    label: Label
    alternatives: tuple[tuple[Term, ...], ...]

    @property
    def text(self) -> str:
        """The whole condition in the short form."""
        return " | ".join(" & ".join(t.text for t in terms) for terms in self.alternatives)


@dataclass(frozen=True, slots=True)
class ScorePart:
    """One item's share in a score; ``points`` is None where the value itself counts."""

    item: str
    points: Mapping[int, int] | None
    numerator: int
    denominator: int
    zero_if: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """A sum of shares, rounded half up."""

    name: str
    label: Label
    parts: tuple[ScorePart, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A sum of points of the subjects that hold."""

    name: str
    label: Label
    points: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of an axis; ``number`` is its place in the book."""

    name: str
    axis: str
    letter: str
    label: Label
    condition: str | None
    number: int


@dataclass(frozen=True, slots=True)
class Axis:
    """What a stay is classified by, with its groups in the order in which they are asked."""

    name: str
    label: Label
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Category:
    """A row of the clinical categories; ``row`` counts them in the order in which they are asked."""

    category: int
    kind: str
    label: Label
    condition: str | None
    row: int


@dataclass(frozen=True, slots=True)
class Share:
    """Days of the stay and the share of a component that they are paid; ``last`` None: no end."""

    first: int
    last: int | None
    share: Decimal


@dataclass(frozen=True, slots=True)
class Component:
    """What is paid for a day; ``points`` is its base, ``factors`` by group (empty: always 1)."""

    name: str
    label: Label
    axis: str | None
    points: Decimal
    curve: tuple[Share, ...]
    factors: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Rate:
    """Money a day for factor 1; None where it is not at hand."""

    component: str
    area: str
    valid_from: date
    valid_to: date | None
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class AssessmentType:
    """A kind of assessment; ``number`` is its place in the order of one day."""

    name: str
    label: Label
    position: str
    regroups: bool
    indicator: str
    number: int


@dataclass(frozen=True, slots=True)
class Options:
    """The readings that a book's card chooses.

    Attributes:
        letters: whether the code of a stay is made of letters and the indicator (HIPPS), else of
            the groups themselves joined by ``-``.
        code_system: the code system of its cases.
        late_after: day of the stay after which the first assessment is late (0: never).
        interval: days between two assessments above which a gap is told (0: never).
        day_places: decimal places to which the money of a day is rounded, half up.
    """

    letters: bool
    code_system: str
    late_after: int
    interval: int
    day_places: int
