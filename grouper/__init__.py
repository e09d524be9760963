"""Grouper: payment groups for hospital cases, with a reason for every answer.

The public surface: :class:`Case`, :func:`load_scheme`, :func:`scheme_for` and the types of their
answers. They are loaded when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from codebooks.messages import register

if TYPE_CHECKING:
    from grouper.case.readers import open_source
    from grouper.case.record import Case
    from grouper.schemes.load import load_scheme, scheme_for
    from grouper.schemes.protocol import PARTS_SCHEMA, RESULT_SCHEMA, Grouping, Part, Scheme
    from grouper.schemes.reasons import Reason, Status

register("grouper.text")

__all__ = [
    "PARTS_SCHEMA",
    "RESULT_SCHEMA",
    "Case",
    "Grouping",
    "Part",
    "Reason",
    "Scheme",
    "Status",
    "load_scheme",
    "open_source",
    "scheme_for",
]

_HOME = {
    "Case": "grouper.case.record",
    "Grouping": "grouper.schemes.protocol",
    "PARTS_SCHEMA": "grouper.schemes.protocol",
    "Part": "grouper.schemes.protocol",
    "RESULT_SCHEMA": "grouper.schemes.protocol",
    "Reason": "grouper.schemes.reasons",
    "Scheme": "grouper.schemes.protocol",
    "Status": "grouper.schemes.reasons",
    "load_scheme": "grouper.schemes.load",
    "open_source": "grouper.case.readers",
    "scheme_for": "grouper.schemes.load",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(name)
    return getattr(import_module(_HOME[name]), name)
