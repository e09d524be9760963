"""The payment methods, by the name under which a policy's rules call them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from grouper.payment.asked import Asked
    from grouper.payment.block import Block, Outcomes
    from grouper.payment.result import Outcome


class Method(Protocol):
    """A payment method: scalar with its lines, and vectorised; both give the same figures.

    A method asks the policy for all values it may need before anything depends on the case, in
    both ways, so that both name the same assumptions. A value that the policy does not give is for
    the engine to report (``PolicyError`` passes through).
    """

    @property
    def name(self) -> str:
        """As the policy's rules call it."""
        ...

    @property
    def section(self) -> str:
        """Of its texts: ``pay.<section>.line.<name>`` and so on."""
        ...

    def price(self, asked: Asked) -> Outcome:
        """Price one case and write its lines on ``asked.sheet``.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        ...

    def price_block(self, block: Block) -> Outcomes:
        """Price the cases of a block.

        Raises:
            PolicyError: ``POLICY_VALUE_MISSING``.
        """
        ...


@runtime_checkable
class Listing(Protocol):
    """A method with a list of its own: which cases stand on it (``listed`` in a policy's rule)."""

    def lists(self, asked: Asked) -> bool:
        """Whether one case stands on the method's list."""
        ...

    def lists_block(self, block: Block) -> NDArray[np.bool_]:
        """Whether each case of a block stands on it."""
        ...


@cache
def methods() -> dict[str, Method]:
    """All methods: each module of this package has one as ``METHOD``; those that begin with ``_`` serve others."""
    found: dict[str, Method] = {}
    for module in iter_modules(__path__):
        if not module.name.startswith("_"):
            method: Method = import_module(f"{__name__}.{module.name}").METHOD
            found[method.name] = method
    return found
