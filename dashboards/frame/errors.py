"""An error on a page: what we declare in its own words, all else by a number that the log has too."""

from __future__ import annotations

from uuid import uuid4

import streamlit as st
import structlog

from codebooks.errors import GrouperError
from codebooks.messages import text
from dashboards.frame.language import lang
from grouper.service.logs import fault_of

_log = structlog.get_logger("dashboards")


def show_error(error: Exception) -> bool:
    """Say what went wrong; True: it is said.

    Nothing of an error that we did not declare is shown: its words may hold values of a case.
    """
    if isinstance(error, GrouperError):
        st.error(error.describe(lang()), icon=":material/error:")
        return True
    number = uuid4().hex[:8]
    _log.error("page", number=number, fault=fault_of(error))
    st.error(text("page.fault", lang(), number=number), icon=":material/error:")
    return True
