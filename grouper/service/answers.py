"""Answers written by hand: JSON by ``orjson`` and pages, in the language of the request."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response

MEDIA_TYPES = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}


def _plain(value: Any) -> str:  # noqa: ANN401 -- what orjson does not know
    return format(value, "f") if hasattr(value, "as_tuple") else str(value)


def json_answer(content: Any, lang: str, status: int = 200, **headers: str) -> Response:  # noqa: ANN401 -- any JSON
    """A JSON document; decimals are texts, exactly as they are."""
    told = {"Content-Language": lang} | {n.replace("_", "-"): v for n, v in headers.items()}
    body = orjson.dumps(content, default=_plain)
    return Response(body, status, told, MEDIA_TYPES["json"])


def page(content: str, form: str, lang: str) -> Response:
    """A text or an HTML page."""
    return Response(content, 200, {"Content-Language": lang}, MEDIA_TYPES[form])


def pages(model: type, *forms: str) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry of an answer that comes as JSON of a model or in other forms."""
    content: dict[str, Any] = {"application/json": {}}
    for form in forms:
        content[MEDIA_TYPES[form].partition(";")[0]] = {"schema": {"type": "string"}}
    return {200: {"model": model, "content": content, "description": "OK"}}
