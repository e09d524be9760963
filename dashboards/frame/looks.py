"""Looks of the pages in the audit log: on disk before anything is shown.

Streamlit runs a page anew with every click. One look at one object in a session is written once an
hour, as the REST routes write it (:mod:`grouper.service.stored`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import streamlit as st

from grouper.service.audit_queue import Entry
from grouper.service.problems import ServiceError
from grouper.service.stored import write_looks
from grouper.store.database import StoreError
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from dashboards.frame.view import View

_KEY = "looks_written"
_SECONDS = 3600.0
"""A look at the same within so long is the same look."""


def looked(
    view: View,
    action: str,
    object: str,  # noqa: A002 -- as the log calls it
    about: Mapping[str, Any] | None = None,
    *,
    again: bool = False,
) -> None:
    """Log a look before what was looked at is shown.

    Args:
        view: who looks.
        action: stable word, as the REST route of the same look writes it.
        object: by Grouper's own id (``case:…``); never a name or a patient's number.
        about: plain JSON; the same holds. Another ``about`` is another look.
        again: log it also when the same was logged within the hour (for what is *done*).

    Raises:
        ServiceError: ``AUDIT_UNAVAILABLE``; nothing is to be shown.
    """
    written: dict[tuple[str, str, str, bytes], datetime] = st.session_state.setdefault(_KEY, {})
    said = orjson.dumps(dict(about or {}), option=orjson.OPT_SORT_KEYS, default=str)
    look = (view.principal.name, action, object, said)
    at, before = now(), written.get(look)
    if not again and before is not None and (at - before).total_seconds() < _SECONDS:
        return
    try:
        write_looks(
            view.parts.database, [Entry(view.principal.name, action, object, orjson.loads(said))]
        )
    except StoreError as error:
        raise ServiceError("AUDIT_UNAVAILABLE") from error
    for old in [one for one, when in written.items() if (at - when).total_seconds() >= _SECONDS]:
        del written[old]
    written[look] = at
