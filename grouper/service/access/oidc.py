"""Sign-in by the hospital's identity provider: OpenID Connect, code flow with PKCE.

Between the two requests of a sign-in its secrets (state, nonce, verifier) stay in this process, for
a few minutes and a bounded number of sign-ins.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from grouper.service.access.principal import AccessError
from grouper.store import accounts, audit, sessions
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from grouper.service.settings import Oidc
    from grouper.store.accounts import Account
    from grouper.store.database import Database

_LASTING = 300.0
_PENDING = 1000
_TIMEOUT = 10.0
_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""Signatures by keys of the provider alone; never ``none`` or a shared secret."""


@dataclass(frozen=True, slots=True)
class _Begun:
    nonce: str
    verifier: str
    until: float


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is."""

    subject: str
    name: str
    role: Role
    departments: tuple[str, ...]


class Provider:
    """The identity provider of the settings.

    Args:
        settings: section ``oidc``.
        client: for requests to the provider.
        clock: seconds.
    """

    def __init__(
        self,
        settings: Oidc,
        client: httpx.Client | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._client = client or httpx.Client(timeout=_TIMEOUT)
        self._clock = clock
        self._begun: OrderedDict[str, _Begun] = OrderedDict()
        self._discovered: dict[str, Any] | None = None

    def close(self) -> None:
        """Close the connections to the provider."""
        self._client.close()

    def begin(self) -> str:
        """Begin a sign-in; returns the address to send the browser to.

        Raises:
            AccessError: ``OIDC_UNREACHABLE`` or ``OIDC_ANSWER``.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        digest = hashlib.sha256(verifier.encode()).digest()
        self._begun[state] = _Begun(nonce, verifier, self._clock() + _LASTING)
        while len(self._begun) > _PENDING:
            self._begun.popitem(last=False)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": self._settings.redirect,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{self._discovery()['authorization_endpoint']}?{urlencode(asked)}"

    def finish(self, state: str, code: str) -> Identity:
        """Trade the code of a sign-in for the person's identity.

        Raises:
            AccessError: ``OIDC_STATE`` (not begun here, or too long ago), ``OIDC_UNREACHABLE``,
                ``OIDC_ANSWER`` (its token does not hold) or ``OIDC_ROLE`` (no role here).
        """
        begun = self._begun.pop(state, None)
        if begun is None or begun.until < self._clock():
            raise AccessError("OIDC_STATE")
        secret = self._settings.client_secret
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._settings.redirect,
            "client_id": self._settings.client_id,
            "code_verifier": begun.verifier,
        }
        if secret is not None:
            sent["client_secret"] = secret.get_secret_value()
        answer = self._ask("POST", str(self._discovery()["token_endpoint"]), sent)
        return self._identity(self._claims(answer.get("id_token"), begun.nonce))

    def _claims(self, written: object, nonce: str) -> Mapping[str, Any]:
        keys = self._ask("GET", str(self._discovery()["jwks_uri"]))
        try:
            known = KeySet.import_key_set({"keys": keys["keys"]})
            token = jwt.decode(str(written), known, algorithms=_ALGORITHMS)
            registry = jwt.JWTClaimsRegistry(
                now=lambda: int(self._clock()),
                leeway=60,
                iss={"essential": True, "value": self._settings.issuer},
                aud={"essential": True, "value": self._settings.client_id},
                sub={"essential": True},
                exp={"essential": True},
                nonce={"essential": True, "value": nonce},
            )
            registry.validate(token.claims)
        except (JoseError, ValueError, TypeError, KeyError):
            raise AccessError("OIDC_ANSWER") from None
        return token.claims

    def _identity(self, claims: Mapping[str, Any]) -> Identity:
        said = claims.get(self._settings.role_claim)
        values = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        # The order of the settings decides where the provider names several of our roles.
        role = next((ours for theirs, ours in self._settings.roles.items() if theirs in values), "")
        if role not in set(Role):
            raise AccessError("OIDC_ROLE")
        held = claims.get(self._settings.department_claim)
        departments = [held] if isinstance(held, str) else held if isinstance(held, list) else []
        subject = str(claims["sub"])
        name = str(claims.get("preferred_username") or subject)[:64]
        return Identity(subject[:256], name, Role(role), tuple(str(d) for d in departments))

    def _discovery(self) -> dict[str, Any]:
        if self._discovered is None:
            base = self._settings.issuer.rstrip("/")
            found = self._ask("GET", f"{base}/.well-known/openid-configuration")
            wanted = {"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"}
            if wanted - set(found) or found["issuer"] != self._settings.issuer:
                raise AccessError("OIDC_ANSWER")
            self._discovered = found
        return self._discovered

    def _ask(self, method: str, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
        try:
            answer = self._client.request(method, url, data=form)
        except httpx.HTTPError:
            raise AccessError("OIDC_UNREACHABLE") from None
        try:
            found = answer.json()
        except ValueError:
            found = None
        if answer.is_error or not isinstance(found, dict):
            raise AccessError("OIDC_ANSWER")
        return found


def account_of(database: Database, identity: Identity) -> Account:
    """The account of an identity, made at its first sign-in and kept to what the provider says.

    Raises:
        AccessError: ``SIGN_IN_FAILED``: the account was switched off here.
        StoreError: ``ACCOUNT_EXISTS``: another account has that name.
    """
    with database.writing_store() as connection:
        found = accounts.by_subject(connection, identity.subject)
        if found is None:
            accounts.create(
                connection,
                identity.name,
                identity.role,
                departments=identity.departments,
                subject=identity.subject,
            )
            about = {"role": identity.role.value, "by": "oidc"}
            audit.append(connection, identity.name, "account_made", identity.name, about)
        elif (found.role, found.departments) != (identity.role, identity.departments):
            values = {"role": identity.role.value, "departments": list(identity.departments)}
            accounts.change(connection, found.id, **values)
            sessions.end_all(connection, found.id)
            about = {"role": identity.role.value, "by": "oidc"}
            audit.append(connection, found.name, "account_changed", found.name, about)
        now_known = accounts.by_subject(connection, identity.subject)
    if now_known is None or not now_known.active:
        raise AccessError("SIGN_IN_FAILED")
    return now_known
