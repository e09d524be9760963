"""Kinds of cases that are calibrated by themselves: a family of schemes and a span of days."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from codebooks.registry import registry
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.forecast.frame import Frame


def kinds_of(frame: Frame) -> tuple[NDArray[Any], NDArray[Any]]:
    """The kinds of rows, from the narrowest: ``family|first day of the span``, ``family``.

    Rows without a scheme have the family ``?``.
    """
    encoded = pc.dictionary_encode(frame.results["scheme"].cast(pa.string()).combine_chunks())
    cards = registry().cards
    names = [
        cards[word].family if word in cards else "?" for word in encoded.dictionary.to_pylist()
    ]
    at = np.asarray(pc.fill_null(encoded.indices, -1))
    family = np.array([*names, "?"], object)[at]
    begins = np.array(toml("amounts.toml")["calibration"]["days"])
    bucket = begins[np.clip(np.searchsorted(begins, frame.day, side="right") - 1, 0, None)]
    narrow = np.array([f"{one}|{day}" for one, day in zip(family, bucket, strict=True)], object)
    return narrow, family
