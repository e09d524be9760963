"""Passwords: Argon2id hashes, and what a new password must be like."""

from __future__ import annotations

import secrets
from contextlib import suppress
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from grouper.service.access.principal import AccessError

_hasher = PasswordHasher()
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without those that are taken for one another when they are read from paper."""
_GROUP = 4
LONGEST = 1024
"""Longer passwords are refused: hashing them would be work for nothing."""


@cache
def _common() -> frozenset[str]:
    text = (files("grouper.service") / "data" / "common_passwords.txt").read_text("utf-8")
    return frozenset(line.strip().lower() for line in text.splitlines() if line.strip())


def check_new(password: str, name: str, shortest: int) -> None:
    """Hold a new password to the rules.

    Raises:
        AccessError: ``PASSWORD_WEAK``, with the rule it breaks.
    """
    folded = password.lower()
    if not shortest <= len(password) <= LONGEST:
        raise AccessError("PASSWORD_WEAK", rule="length", shortest=shortest)
    if len(set(password)) < shortest // 3:
        raise AccessError("PASSWORD_WEAK", rule="repeats", shortest=shortest)
    if name.lower() in folded:
        raise AccessError("PASSWORD_WEAK", rule="name", shortest=shortest)
    if any(word in folded for word in _common() if len(word) * 2 >= len(folded)):
        raise AccessError("PASSWORD_WEAK", rule="common", shortest=shortest)


def fresh(name: str, shortest: int) -> str:
    """A new password by chance, easy to read out: groups of letters and digits.

    Args:
        name: of the account.
        shortest: length that the settings ask for.
    """
    groups = max(-(-shortest // _GROUP), _GROUP)
    while True:
        made = "-".join(
            "".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(groups)
        )
        with suppress(AccessError):
            check_new(made, name, shortest)
            return made


def hashed(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(password)


@cache
def _nobody() -> str:
    return _hasher.hash("nobody has this password")


def right(kept: str | None, password: str) -> bool:
    """Whether a password is the one of a kept hash; takes as long when there is none."""
    if len(password) > LONGEST:
        return False
    try:
        _hasher.verify(kept or _nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def outdated(kept: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(kept)
