"""Parts of a table of stays, alike in cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def folds(count: int, parts: int, seed: int) -> NDArray[np.int64]:
    """The part of each stay, 0 to ``parts`` - 1; [stays].

    Args:
        count: stays, in the order of their cost: of each ``parts`` neighbours, one goes to each part.
        parts: how many.
        seed: of the draw.
    """
    draw = np.random.default_rng(seed)
    rows = -(-count // parts)
    found = draw.permuted(np.tile(np.arange(parts), (rows, 1)), axis=1)
    return found.ravel()[:count]
