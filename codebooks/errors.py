"""The errors a user can meet, each with a stable code and a place.

The words stand in the message catalogues under ``error.<CODE>`` (what is wrong) and
``hint.<CODE>`` (what to do).
"""

from __future__ import annotations

from dataclasses import dataclass

from codebooks.messages import text


@dataclass(frozen=True, slots=True)
class Where:
    """A place in data: file, sheet, row (1-based, as a spreadsheet shows it), column, position."""

    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    position: int | None = None

    def describe(self, lang: str | None = None) -> str:
        """The place in words; empty when nothing is known."""
        parts = [
            text(f"where.{name}", lang, value=value)
            for name in ("file", "sheet", "row", "column", "position")
            if (value := getattr(self, name)) is not None
        ]
        return text("where.separator", lang).join(parts)


class GrouperError(Exception):
    """Base of every error we declare.

    Attributes:
        code: stable upper-case code, also the key of its text.
        where: the place in the user's data.
        params: the values the text needs.
    """

    def __init__(self, code: str, where: Where | None = None, /, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.where = where or Where()
        self.params = params

    def describe(self, lang: str | None = None) -> str:
        """Code, place, what is wrong and what to do, in one language."""
        place = self.where.describe(lang)
        what = text(f"error.{self.code}", lang, **self.params)
        hint = text(f"hint.{self.code}", lang, **self.params)
        layout = "error.layout" if place else "error.placeless"
        return text(layout, lang, code=self.code, place=place, what=what, hint=hint)

    def __str__(self) -> str:
        return self.describe()


class CodebookError(GrouperError):
    """A codebook, a manifest or an official file that cannot be used as it is."""
