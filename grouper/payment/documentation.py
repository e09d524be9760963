"""The table of reasons in ``docs/PAYMENT.md``: every code of pricing with its words, from the catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import catalogue
from grouper.payment.reasons import PayReason, PayWarning

if TYPE_CHECKING:
    from enum import StrEnum
    from pathlib import Path

START = "<!-- reasons: made by grouper.payment.documentation; a test holds the two equal -->\n"
END = "<!-- end of the reasons -->\n"
_KINDS: tuple[tuple[str, type[StrEnum]], ...] = (("reason", PayReason), ("warning", PayWarning))
_HEAD = """| code | as | 中文 | 处理 | meaning | what to do |
| --- | --- | --- | --- | --- | --- |
"""


def table() -> str:
    """The codes as a Markdown table, in the order of their enumerations; one that is both stands once."""
    stand: dict[str, list[str]] = {}
    for kind, codes in _KINDS:
        for code in codes:
            stand.setdefault(code.value, []).append(kind)
    return _HEAD + "".join(
        f"| `{code}` | {', '.join(kinds)} | {' | '.join(_words(code))} |\n"
        for code, kinds in stand.items()
    )


def render(page: str) -> str:
    """A page with its table of reasons made anew.

    Args:
        page: Markdown that holds :data:`START` and, after it, :data:`END`.

    Raises:
        ValueError: a mark is missing.
    """
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise ValueError(START if not start else END)
    return f"{before}{START}{table()}{END}{after}"


def write(path: Path) -> None:
    """Make the table of a page anew.

    Raises:
        ValueError: as of :func:`render`.
    """
    path.write_text(render(path.read_text("utf-8")), "utf-8")


def _words(code: str) -> list[str]:
    """The words as the catalogues have them; what a text names in braces is filled in a result."""
    return [
        catalogue(lang)[f"{kind}.{code}"] for lang in ("zh", "en") for kind in ("reason", "advice")
    ]
