"""JSON, TOML and Arrow files from outside: which errors mean that a file is broken.

The readers of the standard library say so of most faults by a ``ValueError``. But of a text that is
nested too deeply they raise ``RecursionError``, and ``Decimal`` of a number beyond its range raises an
``ArithmeticError``: neither is caught where a broken file is expected.
"""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pyarrow as pa

ARROW_FAULTS = (pa.ArrowException, OSError, ValueError, KeyError)
"""Whatever reading a broken Parquet or Arrow file raises: beside Arrow's own errors those of names that
are no UTF-8, of columns that stand twice or are lists, and of columns of other names."""
_DEEP = "nested too deeply"


def json_of(text: str | bytes, **options: Any) -> Any:  # noqa: ANN401 -- whatever JSON holds
    """A JSON document.

    Args:
        text: UTF-8, UTF-16 or UTF-32 where it is bytes.
        options: of :func:`json.loads`.

    Raises:
        ValueError: it is none, is nested too deeply, or holds a number beyond what ``parse_float``
            can read.
    """
    try:
        return json.loads(text, **options)
    except RecursionError:
        raise ValueError(_DEEP) from None
    except ArithmeticError as error:
        # The words of such an error are the names of the decimal module's signals.
        raise ValueError(type(error).__name__) from None


def toml_of(text: str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        ValueError: it is none, or is nested too deeply.
    """
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError(_DEEP) from None
