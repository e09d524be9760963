"""A finding as the JSON document that is kept of it, and back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from grouper.audit.finding import FINDING_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

_DECIMALS = tuple(one.name for one in FINDING_SCHEMA if pa.types.is_decimal(one.type))
_LISTS = tuple(one.name for one in FINDING_SCHEMA if pa.types.is_list(one.type))


def plain(finding: Mapping[str, Any]) -> dict[str, Any]:
    """A row of ``FINDING_SCHEMA`` (Python values) as JSON: decimals and days are texts."""
    return {name: _plain(finding[name]) for name in FINDING_SCHEMA.names}


def typed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of :func:`plain` as a row of ``FINDING_SCHEMA``; what is not there is None.

    Lists that are not there are empty; other names are left out.
    """
    found: dict[str, Any] = {name: document.get(name) for name in FINDING_SCHEMA.names}
    for name in _DECIMALS:
        if found[name] is not None:
            found[name] = Decimal(found[name])
    for name in _LISTS:
        found[name] = found[name] or []
    if found["day"] is not None:
        found["day"] = date.fromisoformat(found["day"])
    return found


def _plain(value: Any) -> Any:  # noqa: ANN401 -- any value of a finding
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return value
