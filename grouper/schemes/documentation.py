"""``docs/REASONS.md``: every reason code with its words, made from the catalogues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.messages import text
from grouper.schemes.reasons import FIELD, Reason

if TYPE_CHECKING:
    from pathlib import Path

_HEAD = """# Reason codes

Generated from the message catalogues by `grouper.schemes.documentation`; a test holds the two equal.

The codes of the column `reason` (why a case is not plainly grouped) and of `warnings` (the group stands), in order of weight: where several apply, the first is the case's reason. Which of them a family gives, and whether one refuses the case or only warns, is told in the family's page: [DIP](DIP.md), [APG](APG.md), [PDPM](PDPM.md), [MS-DRG](MSDRG.md); for CHS-DRG in the README. Reasons that arise in reading a file are in [CASE.md](CASE.md), those of pricing in [PAYMENT.md](PAYMENT.md).

| code | field | 中文 | 处理 | meaning | what to do |
| --- | --- | --- | --- | --- | --- |
"""


def render() -> str:
    """The page as Markdown."""
    rows = [
        (
            f"`{reason}`",
            f"`{FIELD[reason]}`",
            *(
                text(f"{kind}.{reason}", lang)
                for lang in ("zh", "en")
                for kind in ("reason", "advice")
            ),
        )
        for reason in Reason
    ]
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def write(path: Path) -> None:
    """Write the page to a file."""
    path.write_text(render(), "utf-8")
