"""The page of signing in: a form without scripts, before Streamlit is reached."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from anyio import fail_after
from anyio.to_thread import run_sync
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from codebooks.errors import GrouperError
from codebooks.messages import LANGUAGES, text
from dashboards.frame.errors import told
from dashboards.frame.guard import OIDC, OIDC_BACK, SIGN_IN
from grouper.service.access import cookies, oidc, signing_in, tokens
from grouper.service.access.principal import AccessError
from grouper.service.access.rates import Rates, address_of, slow
from grouper.service.problems import standing
from grouper.service.web_limits import web_limits

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from grouper.service.access.signing_in import Signed
    from grouper.service.settings import Settings
    from grouper.store.database import Database

_MOST = 4096
"""Bytes of a form; names and passwords are shorter."""
_SLOW = "BODY_TOO_SLOW"
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    # With none at all a browser would not say that the form is our own (``origins``).
    "referrer-policy": "same-origin",
}
_pages = Environment(loader=PackageLoader("dashboards", "frame"), autoescape=select_autoescape())


class SignIn:
    """The routes of signing in.

    Args:
        settings: of the service.
        database: the store.
        provider: of identities; None: as the settings say.
    """

    def __init__(
        self, settings: Settings, database: Database, provider: oidc.Provider | None = None
    ) -> None:
        self._settings, self._database = settings, database
        self._rates = Rates(settings.access.sign_in_rate)
        self._provider = provider or provider_of(settings)

    def routes(self) -> list[Route]:
        """To be put beside those of Streamlit."""
        return [
            Route(SIGN_IN, self.form, methods=["GET"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route(OIDC, self.go, methods=["GET"]),
            Route(OIDC_BACK, self.back, methods=["GET"]),
        ]

    async def form(self, request: Request) -> Response:
        """The empty form."""
        return self._page(request)

    async def sign_in(self, request: Request) -> Response:
        """Begin a session, or say why not."""
        try:
            slow(self._rates, request)
            signed = await run_sync(self._begin, _where(request), *await _form(request))
        except GrouperError as error:
            return self._page(request, error)
        if signed.account.must_change:
            return self._page(request, AccessError("PASSWORD_MUST_CHANGE"), new=True)
        answer = RedirectResponse("/", 303)
        cookies.keep(answer, self._settings, signed.token, strict=True)
        return answer

    async def go(self, request: Request) -> Response:
        """Send the browser to the identity provider."""
        try:
            slow(self._rates, request)
            away = RedirectResponse(await run_sync(self._known_provider().begin), 303)
        except GrouperError as error:
            return self._page(request, error)
        cookies.bind(away, self._settings)
        return away

    async def back(self, request: Request) -> Response:
        """Where the provider sends the browser back to: begin a session, or say why not."""
        state, code = (request.query_params.get(one, "") for one in ("state", "code"))
        try:
            slow(self._rates, request)
            self._known_provider()
            cookies.check_bound(request, state)
            signed = await run_sync(self._identified, _where(request), state, code)
        except GrouperError as error:
            return self._page(request, error)
        answer = RedirectResponse("/", 303)
        # The browser comes from the provider's page; a strict cookie would not be sent along.
        cookies.keep(answer, self._settings, signed.token, strict=False)
        answer.delete_cookie(cookies.BEGUN, path="/")
        return answer

    def _known_provider(self) -> oidc.Provider:
        if self._provider is None:
            raise AccessError("SIGN_IN_FAILED")
        return self._provider

    def _identified(self, where: tuple[str, str], state: str, code: str) -> Signed:
        found = oidc.account_of(self._database, self._known_provider().finish(state, code))
        with self._database.writing_store() as connection:
            return signing_in.begin(connection, self._settings.access, found, "oidc", *where)

    def _begin(self, where: tuple[str, str], name: str, password: str, new: str) -> Signed:
        access = self._settings.access
        if new:
            signing_in.change_password(
                self._database, access, name, password, new, address=where[0]
            )
            password = new
        return signing_in.by_password(self._database, access, name, password, *where)

    def _page(
        self, request: Request, error: GrouperError | None = None, *, new: bool = False
    ) -> Response:
        asked = request.query_params.get("lang", self._settings.language)
        lang = asked if asked in LANGUAGES else self._settings.language
        said = None if error is None else told(error, lang)
        names = ("title", "name", "password", "new", "button", "other", "where", "oidc")
        page = _pages.get_template("sign_in.html.j2").render(
            lang=lang,
            other=next(one for one in LANGUAGES if one != lang),
            said=said,
            oidc=None if self._provider is None else OIDC,
            new=new or (error is not None and error.code.startswith("PASSWORD_")),
            words={one: text(f"sign_in.{one}", lang) for one in names},
        )
        return HTMLResponse(page, _status(error), _HEADERS)


def _status(error: GrouperError | None) -> int:
    """Whatever else is wrong, the page says only that nobody was let in."""
    if error is None:
        return 200
    return standing(_SLOW).status if error.code == _SLOW else 403


def _where(request: Request) -> tuple[str, str]:
    """The address that a request came from, and the token of the session that the browser has."""
    return address_of(request), request.cookies.get(tokens.COOKIE, "")


def provider_of(settings: Settings) -> oidc.Provider | None:
    """The identity provider as the pages use it: it sends browsers back to their own address."""
    back = settings.pages.oidc_redirect
    if not settings.oidc.issuer or not back:
        return None
    return oidc.Provider(settings.oidc.model_copy(update={"redirect": back}))


async def _form(request: Request) -> tuple[str, str, str]:
    """Name, password and new password of a form.

    Raises:
        AccessError: ``SIGN_IN_FAILED``: it is none; ``BODY_TOO_SLOW``: it did not come in time.
    """
    body = await _body(request)
    try:
        given = parse_qs(body.decode(), max_num_fields=8)
    except ValueError:
        raise AccessError("SIGN_IN_FAILED") from None
    name, password, new = (given.get(one, [""])[0] for one in ("name", "password", "new"))
    if not name or not password or "\x00" in name:
        raise AccessError("SIGN_IN_FAILED")
    return name, password, new


async def _body(request: Request) -> bytes:
    body = bytearray()
    try:
        with fail_after(web_limits().body_seconds):
            async for part in request.stream():
                body += part
                if len(body) > _MOST:
                    raise AccessError("SIGN_IN_FAILED")
    except TimeoutError:
        raise AccessError(_SLOW) from None
    return bytes(body)
