"""The rows of a DIP catalogue as uniform records: what each asks of a case.

One record serves both editions: a national row of any section, a city's core, comprehensive or
primary-care row. Diagnoses stay keys (:class:`codebooks.dip.keys.Key`); procedures are code
numbers, prefixes resolved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from codebooks.dip.grammar import parse_diagnoses, parse_keys, parse_procedures
from codebooks.errors import GrouperError, Where
from grouper.schemes.dip.policy import PRE, Treatment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from decimal import Decimal

    from codebooks.dip.keys import Key
    from grouper.schemes.dip.policy import Policy

ANY_PLACE = "any"
"""Value of ``diagnosis_position`` and ``procedure_position``: not the principal or main one alone."""

MOST_PARTS = 64
"""How many parts of related procedures a row may have: the batch engine keeps a bit for each."""

_TREATMENTS = {
    "surgery": Treatment.SURGERY,
    "therapeutic": Treatment.THERAPEUTIC,
    "diagnostic": Treatment.DIAGNOSTIC,
    "conservative": Treatment.CONSERVATIVE,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """A range of whole numbers, both bounds included; None is no bound."""

    least: int | None
    most: int | None

    def __bool__(self) -> bool:
        return self.least is not None or self.most is not None

    def hold(self, value: int) -> bool:
        """Whether a value lies inside."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        return (
            f"{'' if self.least is None else self.least}–{'' if self.most is None else self.most}"
        )


@dataclass(frozen=True, slots=True)
class Resistance:
    """A condition on drug resistance (tuberculosis).

    Attributes:
        wanted: whether the case must be resistant or must not be.
        listed: a principal diagnosis of the book's list makes it so.
        others: other diagnoses that do.
    """

    wanted: bool
    listed: bool
    others: tuple[Key, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a catalogue.

    Attributes:
        number: place among the scheme's rows, which is also their order of last resort.
        group: the group's code.
        name: the group's name.
        section: of the catalogue.
        stage: which stage of the policy tries it; -1 when none does.
        text: the row in the catalogue's grammar, ``DIAG:MAIN_REL+REL``.
        principal: alternatives of the principal diagnosis.
        diagnosis_any: whether any diagnosis may meet ``principal``.
        others: each must be met by an other diagnosis.
        resistance: condition on drug resistance.
        main: alternatives of the main procedure, as code numbers; empty when none is asked for.
            Where the row's procedure is several parts (``a+b``), one of any of them.
        procedure_any: whether any procedure may be the main one.
        related: parts that procedures beside the main one meet, each a set of alternatives.
        required: how many of these, from the first, are the several parts of the procedure: all of
            them must be met, and the main procedure may meet its own.
        treatment: of a comprehensive row.
        conservative: whether it asks for a case without treatment.
        age_days: condition on the age in days.
        weight_g: condition on the birth weight in grams.
        score: of the group, or None.
        mean_cost: of the group in yuan, or None.
        source_row: row of the official sheet or file.
    """

    number: int
    group: str
    name: str
    section: str
    stage: int
    text: str
    principal: tuple[Key, ...]
    diagnosis_any: bool
    others: tuple[tuple[Key, ...], ...]
    resistance: Resistance | None
    main: frozenset[int]
    procedure_any: bool
    related: tuple[frozenset[int], ...]
    required: int
    treatment: Treatment | None
    conservative: bool
    age_days: Limits
    weight_g: Limits
    score: Decimal | None
    mean_cost: Decimal | None
    source_row: int | None

    @property
    def lists(self) -> frozenset[int]:
        """Every procedure that the row names."""
        return self.main.union(*self.related)


class RowReader:
    """Reads the rows of one book.

    Args:
        book: id of the book, for errors.
        policy: the readings of its card.
        numbers_of: the code numbers that a folded procedure code of the catalogue stands for.
    """

    def __init__(
        self, book: str, policy: Policy, numbers_of: Callable[[str], frozenset[int]]
    ) -> None:
        self._book = book
        self._policy = policy
        self._numbers_of = numbers_of

    def row(self, number: int, plain: Mapping[str, Any]) -> Row:
        """One row of the table ``groups`` (or of ``primary_care``, whose columns are fewer).

        Raises:
            CodebookError: an expression is not in the grammar.
            GrouperError: ``DIP_ROW``, a row that asks for no diagnosis, or for related procedures
                without a main one; ``DIP_PARTS``; ``DIP_TREATMENT_WORD``.
        """
        where = Where(file=self._book, sheet="groups", row=plain.get("source_row"))
        diagnoses = parse_diagnoses(plain["diagnosis"] or "", where)
        parts = self._parts(plain["procedure"], where)
        related = self._parts(plain.get("related"), where)
        if not diagnoses or (related and not parts):
            raise GrouperError("DIP_ROW", where, group=plain["group"])
        second = parse_keys(plain.get("second_diagnosis") or "", where)
        section = plain.get("section") or ""
        treatment = self._treatment(plain.get("treatment") or "", where)
        conservative = treatment is Treatment.CONSERVATIVE or (
            treatment is None and not parts and section != PRE
        )
        if self._policy.every_related:
            related = tuple((code,) for part in related for code in part)
        several = parts if len(parts) > 1 else ()
        if len(several) + len(related) > MOST_PARTS:
            raise GrouperError("DIP_PARTS", where, group=plain["group"], limit=MOST_PARTS)
        return Row(
            number=number,
            group=plain["group"],
            name=plain.get("name") or "",
            section=section,
            stage=self._stage(section, conservative=conservative),
            text=text_of(plain),
            principal=diagnoses[0],
            diagnosis_any=plain.get("diagnosis_position") == ANY_PLACE
            and self._policy.diagnosis_any,
            others=(*diagnoses[1:], second) if second else diagnoses[1:],
            resistance=_resistance(plain, where),
            main=frozenset().union(*map(self._numbers, parts)),
            procedure_any=self._any_procedure(plain, section),
            related=tuple(map(self._numbers, (*several, *related))),
            required=len(several),
            treatment=treatment,
            conservative=conservative,
            age_days=Limits(plain.get("age_days_min"), plain.get("age_days_max")),
            weight_g=Limits(plain.get("weight_g_min"), plain.get("weight_g_max")),
            score=plain.get("score"),
            mean_cost=plain.get("mean_cost"),
            source_row=plain.get("source_row"),
        )

    def _parts(self, cell: str | None, where: Where) -> tuple[tuple[str, ...], ...]:
        return parse_procedures(cell or "", where, self._policy.mixed).parts

    def _numbers(self, part: Sequence[str]) -> frozenset[int]:
        return frozenset().union(*map(self._numbers_of, part))

    def _stage(self, section: str, *, conservative: bool) -> int:
        for number, stage in enumerate(self._policy.stages):
            if section in stage.sections and stage.conservative == conservative:
                return number
        return -1

    def _any_procedure(self, plain: Mapping[str, Any], section: str) -> bool:
        noted = plain.get("procedure_position") == ANY_PLACE
        if section == PRE:
            if noted:
                return self._policy.noted_procedure_any
            return self._policy.other_procedure_any
        return noted or not self._policy.main_decides

    @staticmethod
    def _treatment(word: str, where: Where) -> Treatment | None:
        if not word:
            return None
        if word not in _TREATMENTS:
            known = ", ".join(_TREATMENTS)
            raise GrouperError("DIP_TREATMENT_WORD", where, found=word, known=known)
        return _TREATMENTS[word]


def _resistance(plain: Mapping[str, Any], where: Where) -> Resistance | None:
    if not plain.get("resistant"):
        return None
    return Resistance(
        wanted=plain["resistant"] == "yes",
        listed=plain.get("resistant_list") == "yes",
        others=parse_keys(plain.get("resistant_other") or "", where),
    )


def text_of(plain: Mapping[str, Any]) -> str:
    """A row in the catalogue's grammar: ``DIAG:MAIN_REL+REL``, as its cells have it."""
    text = str(plain["diagnosis"])
    if plain.get("second_diagnosis"):
        text += f" [{plain['second_diagnosis']}]"
    if plain.get("treatment"):
        return f"{text}:{plain['treatment']}"
    if plain["procedure"]:
        text += f":{plain['procedure']}"
    return f"{text}_{plain['related']}" if plain.get("related") else text
