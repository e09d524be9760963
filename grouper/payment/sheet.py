"""The arithmetic of a payment, line by line, each with its inputs and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from codebooks.policies.policy import Value
from grouper.payment.exact import plain

if TYPE_CHECKING:
    from grouper.payment.exact import Number, Rounding


@dataclass(frozen=True, slots=True)
class Input:
    """One number or word that a line was reckoned with.

    Attributes:
        name: its text is ``pay.<section>.input.<name>``.
        value: the number or word.
        given: where the policy says it; None: of the case, or of an earlier line.
        row: of a value out of a table: which row, such as the group's code.
    """

    name: str
    value: Decimal | str
    given: Value | None = None
    row: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One line.

    Attributes:
        section: of the texts: the method, or the part of the patient's share.
        name: ``pay.<section>.line.<name>`` says what it is, ``pay.<section>.formula.<name>`` how it
            is reckoned, with the names of the inputs in braces.
        inputs: in the order of the formula.
        value: exact, or rounded where the policy says so; a word of a line that decides something.
        unit: such as ``CNY``; empty for a bare number.
        exact: the value unrounded, for lines after this one; None for a word.
    """

    section: str
    name: str
    inputs: tuple[Input, ...]
    value: Decimal | str
    unit: str = ""
    exact: Fraction | None = None

    @property
    def number(self) -> Fraction:
        """The value for lines after this one."""
        return Fraction(self.value) if self.exact is None else self.exact


@dataclass(slots=True)
class Sheet:
    """The lines of one case so far."""

    section: str
    lines: list[Line] = field(default_factory=list)
    asked: dict[str, Value] = field(default_factory=dict)

    def add(
        self,
        name: str,
        value: Number,
        *,
        unit: str = "CNY",
        rounding: Rounding | None = None,
        **inputs: Any,  # noqa: ANN401 -- numbers, values of the policy, earlier lines, words
    ) -> Line:
        """Add a line.

        Args:
            name: of its texts.
            value: exact.
            unit: of the value.
            rounding: when the policy rounds here; the line's number is then the rounded one.
            inputs: by the names in its formula: a number, a word, a policy's value, a
                :class:`TableCell` or an earlier line.
        """
        shown = rounding.of(value) if rounding else plain(value)
        exact = Fraction(shown) if rounding else Fraction(value)
        found = tuple(_input(key, one) for key, one in inputs.items())
        line = Line(self.section, name, found, shown, unit, exact)
        self.lines.append(line)
        return line

    def say(self, name: str, word: str, **inputs: Any) -> None:  # noqa: ANN401 -- as of add
        """Add a line that decides something in a word (``pay.<section>.word.<word>``)."""
        found = tuple(_input(key, one) for key, one in inputs.items())
        self.lines.append(Line(self.section, name, found, word))


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table of the policy: the table's value, the row's key and the cell."""

    table: Value
    row: str
    value: Any

    @property
    def number(self) -> Decimal:
        """The cell as a number."""
        return Decimal(self.value)


def _input(name: str, one: Any) -> Input:  # noqa: ANN401 -- see Sheet.add
    if isinstance(one, Input):
        return one
    if isinstance(one, Value):
        word = one.value if isinstance(one.value, str) else one.number
        return Input(name, word, one)
    if isinstance(one, TableCell):
        word = one.value if isinstance(one.value, str) else one.number
        return Input(name, word, one.table, one.row)
    if isinstance(one, Line):
        return Input(name, one.value)
    return Input(name, one if isinstance(one, str) else plain(one))
