"""Groups and ranks of array elements, as the batch engine needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def runs(*keys: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """An order that brings equal keys together, and where in it a new key begins.

    Args:
        keys: the first one is the coarsest. Elements with equal keys keep their order.
    """
    order = np.lexsort(keys[::-1])
    begins = np.zeros(len(order), np.bool_)
    if len(order):
        begins[0] = True
        for key in keys:
            sorted_key = key[order]
            begins[1:] |= sorted_key[1:] != sorted_key[:-1]
    return order, begins


def numbers_of_groups(*keys: NDArray[Any]) -> NDArray[np.int64]:
    """A number for each element, the same for equal keys."""
    order, begins = runs(*keys)
    found = np.empty(len(order), np.int64)
    found[order] = np.cumsum(begins) - 1
    return found


def ranks(*keys: NDArray[Any]) -> NDArray[np.int64]:
    """How many elements with equal keys stand before each element."""
    order, begins = runs(*keys)
    places = np.arange(len(order))
    starts = np.maximum.accumulate(np.where(begins, places, 0))
    found = np.empty(len(order), np.int64)
    found[order] = places - starts
    return found


def leaders(order_by: NDArray[np.int64], *keys: NDArray[Any]) -> NDArray[np.int64]:
    """For each element the place of the one with equal keys that comes first.

    Args:
        order_by: the least comes first; of equal ones the first element.
        keys: what is one group.
    """
    order, finer = runs(*keys, order_by)
    begins = finer.copy()
    begins[1:] = False
    for key in keys:
        begins[1:] |= key[order][1:] != key[order][:-1]
    found = np.empty(len(order), np.int64)
    found[order] = order[begins][np.cumsum(begins) - 1]
    return found


def sums_before(values: NDArray[np.int64], *keys: NDArray[Any]) -> NDArray[np.int64]:
    """The sum of the values with equal keys that stand before each element."""
    order, begins = runs(*keys)
    found = np.empty(len(order), np.int64)
    if not len(order):
        return found
    running = np.cumsum(values[order])
    before = running - values[order]
    starts = np.flatnonzero(begins)
    found[order] = before - np.repeat(before[starts], np.diff(np.append(starts, len(order))))
    return found


def segment_sums(values: NDArray[np.int64], start: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums of ``values[start[i] : start[i + 1]]``."""
    running = np.concatenate((np.zeros(1, np.int64), np.cumsum(values)))
    found: NDArray[np.int64] = running[start[1:]] - running[start[:-1]]
    return found


def marked(places: NDArray[np.int64], count: int) -> NDArray[np.bool_]:
    """A mask of ``count`` elements that is true at some places."""
    found = np.zeros(count, np.bool_)
    found[places] = True
    return found
