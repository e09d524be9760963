"""The trace of one grouping: a document for people and programs, the same in every family."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from codebooks.messages import language, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from codebooks.registry import Binding


_LISTS = (
    "path",
    "steps",
    "complications",
    "not_grouping",
    "warnings",
    "arithmetic",
    "parts",
)
"""Parts of a document that a family may leave out."""


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("grouper.schemes", "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Trace:
    """What was asked of a case, of which facts, with which answer, and what was passed over.

    The document is put into words only when someone reads it.

    Args:
        build: makes the document in one language; its parts are listed in ``docs/TRACE.md``.
    """

    def __init__(self, build: Callable[[str], dict[str, Any]]) -> None:
        self._build = build
        self.binding: Binding | None = None

    def document(self, lang: str | None = None) -> dict[str, Any]:
        """The trace as plain values: dictionaries, lists, texts, numbers and truth values."""
        lang = lang or language()
        document = {name: [] for name in _LISTS} | self._build(lang)
        document["language"] = lang
        document["binding"] = None
        if self.binding is not None:
            end = self.binding.valid_to
            document["binding"] = {
                "region": self.binding.region,
                "valid_from": self.binding.valid_from.isoformat(),
                "valid_to": end.isoformat() if end else None,
                "source": self.binding.source,
                "installed": self.binding.installed,
            }
        return document

    def json(self, lang: str | None = None) -> str:
        """The document as JSON text."""
        return json.dumps(self.document(lang), ensure_ascii=False, indent=1)

    def text(self, lang: str | None = None) -> str:
        """The document as plain text."""
        return self._render("trace.txt", lang)

    def html(self, lang: str | None = None) -> str:
        """The document as one HTML page that needs nothing else."""
        return self._render("trace.html", lang)

    def _render(self, template: str, lang: str | None) -> str:
        document = self.document(lang)

        def word(key: str, **params: object) -> str:
            return text(f"trace.{key}", document["language"], **params)

        return _templates().get_template(template).render(t=word, **document)
