"""A card in words as lines for a terminal, as Markdown, as a page that needs nothing else."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from rich.cells import cell_len

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grouper.forecast.registry.card_words import Words


def lines(words: Words) -> Iterator[str]:
    """For a terminal: tables in aligned columns, wide characters counted as two."""
    yield words.title
    for part in words.sections:
        yield ""
        yield f"【{part.title}】"
        yield from part.paragraphs
        if part.rows:
            yield from _aligned([part.headers, *part.rows])


def markdown(words: Words) -> str:
    """As Markdown."""
    found = [f"# {_safe(words.title)}"]
    for part in words.sections:
        found += ["", f"## {_safe(part.title)}"]
        for paragraph in part.paragraphs:
            found += ["", _safe(paragraph)]
        if part.rows:
            found += ["", _row(part.headers), _row(["---"] * len(part.headers))]
            found += [_row([_safe(cell) for cell in row]) for row in part.rows]
    return "\n".join(found) + "\n"


def page(words: Words, lang: str) -> str:
    """As HTML; nothing in it runs or is fetched."""
    return _templates().get_template("card.html").render(words=words, lang=lang)


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("grouper.forecast.registry", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    flat = [[_flat(cell) for cell in row] for row in rows]
    widths = [max(map(cell_len, column)) for column in zip(*flat, strict=True)]
    for row in flat:
        cells = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        yield ("  " + "  ".join(cells)).rstrip()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _flat(text: str) -> str:
    return " ".join(text.split())


def _safe(text: str) -> str:
    """Without what Markdown would take for its own: tags, columns, links."""
    flat = _flat(text).replace("&", "&amp;").replace("<", "&lt;")
    return flat.replace("|", "\\|").replace("[", "\\[").replace("`", "\\`")
