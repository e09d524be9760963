"""Errors as the service answers them: ``application/problem+json`` (RFC 9457) in one language.

Every declared error keeps its stable code; ``data/problems.csv`` says with which HTTP status it is
answered, and after how many seconds it is worth trying ``again``. An error that stands in no row is
a fault on our side (500). What the client sent is never echoed, nor is anything of our own insides.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from codebooks.errors import GrouperError
from codebooks.messages import catalogue, text
from codebooks.strict_csv import read_rows
from grouper.service.language import lang_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

MEDIA_TYPE = "application/problem+json"
INTERNAL = 500
_SHOWN = 20
_BY_STATUS = {
    401: "SIGN_IN_NEEDED",
    403: "NOT_ALLOWED",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    413: "BODY_TOO_LARGE",
}


class ServiceError(GrouperError):
    """A request that cannot be answered as asked.

    Attributes:
        more: members of the problem beside the usual ones (``issues``, ``message_id``).
    """

    def __init__(
        self, code: str, /, more: Mapping[str, Any] | None = None, **params: object
    ) -> None:
        super().__init__(code, **params)
        self.more = more or {}


class BodyError(HTTPException):
    """A body that cannot be read: ``BODY_UNREADABLE`` or ``BODY_TOO_LARGE``.

    An ``HTTPException``, because FastAPI lets no other error through while it reads a body.
    """

    def __init__(self, code: str) -> None:
        super().__init__(standing(code).status)
        self.code = code


class Invalid(BaseModel):
    """One part of a request that is not as the OpenAPI document says."""

    model_config = ConfigDict(extra="forbid")

    place: str = Field(description="where: body, query, path or header, and the name in it")
    code: str = Field(description="stable code of the kind of mistake")
    message: str = Field(description="in words")


class Problem(BaseModel):
    """An error; ``code`` is for programs, the texts are for people."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "type": "urn:grouper:problem:SCHEME_UNKNOWN",
                "title": "没有找到",
                "status": 404,
                "code": "SCHEME_UNKNOWN",
                "detail": "没有名为“x”的分组方案",
                "advice": "可用的方案：chs-drg-2.0",
            }
        },
    )

    type: str = Field(description="urn:grouper:problem: and the code")
    title: str = Field(description="the HTTP status in words")
    status: int = Field(ge=400, le=599)
    code: str = Field(description="stable code")
    detail: str = Field(description="what is wrong")
    advice: str = Field(default="", description="what to do")
    place: str | None = Field(default=None, description="where in the message or the data")
    errors: list[Invalid] | None = Field(default=None, description="of a request that is not valid")


class Standing(NamedTuple):
    """How an error is answered: its HTTP status, and the seconds to wait before trying again."""

    status: int
    again: str


@cache
def _standings() -> Mapping[str, Standing]:
    with as_file(files("grouper.service") / "data" / "problems.csv") as path:
        return {
            row.cells["code"]: Standing(int(row.cells["status"]), row.cells["again"])
            for row in read_rows(path, ("code", "status", "again"))
        }


def standing(code: str) -> Standing:
    """How the error of a code is answered."""
    return _standings().get(code, Standing(INTERNAL, ""))


def problem(code: str, lang: str, params: Mapping[str, object], **more: Any) -> Response:  # noqa: ANN401 -- any JSON
    """The answer of an error.

    Args:
        code: of a declared error (words under ``error.`` and ``hint.``) or of a message that was
            not taken (``reason.`` and ``advice.``).
        lang: language of the texts.
        params: what the texts need.
        more: further members; empty ones are left out.
    """
    what, hint = ("error", "hint") if f"error.{code}" in catalogue(lang) else ("reason", "advice")
    found = standing(code)
    body = {
        "type": f"urn:grouper:problem:{code}",
        "title": text(f"service.status.{found.status}", lang),
        "status": found.status,
        "code": code,
        "detail": text(f"{what}.{code}", lang, **params),
        "advice": text(f"{hint}.{code}", lang, **params),
        **{name: value for name, value in more.items() if value not in (None, "", [])},
    }
    headers = {"Content-Language": lang}
    again = params.get("seconds") or found.again
    if again:
        headers["Retry-After"] = str(again)
    if found.status == 401:  # noqa: PLR2004 -- RFC 9110 wants the header with this status
        headers["WWW-Authenticate"] = 'Bearer realm="grouper"'
    content = orjson.dumps(body, default=str)
    return Response(content, found.status, headers, MEDIA_TYPE)


def problem_response(request: Request, error: GrouperError) -> Response:
    """The answer of a declared error, in the language of the request."""
    lang = lang_of(request)
    more = dict(error.more) if isinstance(error, ServiceError) else {}
    place = error.where.describe(lang) or error.params.get("place")
    return problem(error.code, lang, error.params, place=place, **more)


async def _declared(request: Request, error: Exception) -> Response:
    assert isinstance(error, GrouperError)  # noqa: S101 -- registered for this class alone
    return problem_response(request, error)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)  # noqa: S101 -- as above
    code = getattr(error, "code", None) or _BY_STATUS.get(error.status_code, "REQUEST_REFUSED")
    answer = problem(code, lang_of(request), {})
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- as above
    lang = lang_of(request)
    errors = [_part(one, lang) for one in error.errors()[:_SHOWN]]
    return problem("REQUEST_INVALID", lang, {}, errors=errors)


def _part(one: Mapping[str, Any], lang: str) -> dict[str, str]:
    # The last place of a name that is not known is the client's own word.
    loc = one["loc"][:-1] if one["type"] == "extra_forbidden" else one["loc"]
    kind = str(one["type"])
    key = f"service.invalid.{kind}"
    limits = one.get("ctx") or {}
    words = (
        text(key, lang, **limits) if key in catalogue(lang) else text("service.invalid.other", lang)
    )
    return {"place": ".".join(str(part) for part in loc), "code": kind, "message": words}


def install(app: FastAPI) -> None:
    """Let an app answer its errors as problems."""
    app.add_exception_handler(GrouperError, _declared)
    app.add_exception_handler(StarletteHTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
