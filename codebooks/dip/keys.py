"""Diagnosis keys of a DIP catalogue and the folded codes that they match.

Source: the DIP 3.0 grouping scheme (医保发〔2026〕22号) and city catalogues of DIP 2.0: categories
(``A40``), subcategories (``A09.0``, ``A46.x``), ranges of them (``C00-C75``), and keys that keep a
plus (``M47.0+``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A diagnosis key, folded (capitals, no blanks).

    A key matches by prefix: ``A40`` takes ``A40.000`` and ``A40.100X001``. A range compares the
    code cut to each bound's length, both bounds inclusive: ``C00-C75`` takes ``C75.900``. The
    key without bounds (:data:`ANY`) takes every diagnosis.

    A plus asks for the dual form of the code set, which holds the dagger and the asterisk in one
    code (``M47.000+G99.2*``): ``M47.0+`` takes the codes that begin with ``M47.0`` and carry a
    plus, ``M47.0+G99.2*`` those whose asterisk part begins with ``G99.2``. A key without a plus
    takes both forms.

    Attributes:
        first: lower bound, or the prefix.
        last: upper bound, equal to ``first`` for a single key.
        asterisk: None when no plus was written; else the prefix of the asterisk part, maybe empty.
    """

    first: str
    last: str
    asterisk: str | None = None

    def matches(self, code: str) -> bool:
        """Whether a folded code meets the key."""
        if not code:
            return False
        if not self.first <= code[: len(self.first)]:
            return False
        if not code[: len(self.last)] <= self.last:
            return False
        if self.asterisk is None:
            return True
        _, plus, asterisk = code.partition("+")
        return bool(plus) and asterisk.startswith(self.asterisk)

    @property
    def is_any(self) -> bool:
        """Whether it takes every diagnosis."""
        return not self.last

    def __str__(self) -> str:
        """The key as a catalogue writes it, in capitals; empty for :data:`ANY`."""
        text = self.first if self.first == self.last else f"{self.first}-{self.last}"
        if self.asterisk is None:
            return text
        return f"{text}+{self.asterisk}*" if self.asterisk else f"{text}+"


ANY = Key("", "")
"""Takes every diagnosis (所有诊断)."""


def matches_any(keys: tuple[Key, ...], code: str) -> bool:
    """Whether a folded code meets one of the alternatives."""
    return any(key.matches(code) for key in keys)
