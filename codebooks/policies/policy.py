"""The policy of a region on a day: dated values with unit, source and standing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

from codebooks.policies.kinds import ANY
from codebooks.policies.yaml_nodes import PolicyError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from codebooks.errors import Where
    from codebooks.policies.forms import Form


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value of one parameter for some time, as a file gives it.

    Attributes:
        region: the region whose file it is; a parent's holds where the region says nothing.
        topic: such as ``drg_rate``.
        form: of its parameter.
        value: as :func:`codebooks.policies.kinds.read_value` gives it.
        valid_from, valid_to: half-open; None: not ended.
        source: the document or paragraph it rests on.
        note: what else is to be said of it.
        about: what the file says of all its values.
        assumption: whether the source leaves it open and it is this software's reading or guess.
        own: whether it is the hospital's own file.
        where: file and line.
    """

    region: str
    topic: str
    form: Form
    value: Any
    valid_from: date
    valid_to: date | None
    source: str
    note: str = ""
    about: str = ""
    assumption: bool = False
    own: bool = False
    where: Where

    @property
    def path(self) -> str:
        """``topic.parameter``."""
        return f"{self.topic}.{self.form.name}"

    def covers(self, day: date) -> bool:
        """Whether it holds on a day."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)

    def by_keys(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Each single value with the keys of its dimensions; one without keys where it has none."""
        return _leaves(self.value, ())


def _leaves(value: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 -- by its kind
    if not isinstance(value, dict):
        yield keys, value
        return
    for key, below in value.items():
        yield from _leaves(below, (*keys, key))


@dataclass(frozen=True, slots=True)
class Value:
    """A value for one case: what was given, for which keys of its dimensions.

    Attributes:
        given: where it stands.
        value: for these keys; never None.
        keys: the keys that were met, such as ``("employee", "I")`` or ``("*",)``.
    """

    given: Given
    value: Any
    keys: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Such as ``drg_rate.rate[employee][I]``."""
        return self.given.path + "".join(f"[{key}]" for key in self.keys)

    @property
    def assumption(self) -> bool:
        """Whether it is an assumption."""
        return self.given.assumption

    @property
    def number(self) -> Decimal:
        """The value as a number."""
        return Decimal(self.value)


@dataclass(frozen=True)
class Policy:
    """What holds in one region from ``valid_from`` to the day before ``valid_to``.

    Attributes:
        region: its id.
        valid_from, valid_to: half-open; nothing changes within.
        values: what is given, by ``topic.parameter``.
    """

    region: str
    valid_from: date
    valid_to: date
    values: Mapping[str, Given]

    @cached_property
    def content_hash(self) -> str:
        """Hash of all that holds, stored with results so that they can be recomputed."""
        told = [
            repr((path, given.value, given.assumption))
            for path, given in sorted(self.values.items())
        ]
        return hashlib.sha256("\n".join(told).encode()).hexdigest()

    @property
    def id(self) -> str:
        """Such as ``harbin@2024-01-01#1a2b3c4d``: region, since when, and what it says."""
        return f"{self.region}@{self.valid_from.isoformat()}#{self.content_hash[:8]}"

    def find(self, path: str, **facts: str | None) -> Value | None:
        """The value of ``topic.parameter`` for the facts of a case; None where nothing is given.

        A dimension whose fact is unknown, or has no key of its own, is answered by ``*`` alone.
        """
        given = self.values.get(path)
        if given is None or given.value is None:
            return None
        value, keys = given.value, []
        for dimension in given.form.by:
            if not isinstance(value, dict):
                break
            key = facts.get(dimension) or ANY
            key = key if key in value else ANY
            if key not in value:
                return None
            keys.append(key)
            value = value[key]
        return None if value is None else Value(given, value, tuple(keys))

    def value(self, path: str, **facts: str | None) -> Value:
        """As :meth:`find`, where it must be given.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        found = self.find(path, **facts)
        if found is None:
            given = self.values.get(path)
            asked = given.form.by if given else ()
            keys = ", ".join(f"{one}={facts.get(one) or '?'}" for one in asked)
            day = self.valid_from.isoformat()
            raise PolicyError(
                "POLICY_VALUE_MISSING", path=path, region=self.region, day=day, keys=keys or "-"
            )
        return found

    def changed(self, values: Mapping[str, Any], source: str) -> Policy:
        """The same policy with other values, each marked as an assumption (a simulation).

        Args:
            values: by ``topic.parameter``; typed as the parameter's kind.
            source: what is said of where they come from.

        Raises:
            PolicyError: ``POLICY_PATH``: nothing of this name is given here.
        """
        found = dict(self.values)
        for path, value in values.items():
            if path not in found:
                raise PolicyError("POLICY_PATH", path=path, region=self.region)
            found[path] = replace(found[path], value=value, source=source, note="", assumption=True)
        return replace(self, values=found)
