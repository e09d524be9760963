"""What families with a batch engine of our own share: one compiled book, engines built when needed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from codebooks.book import BookCard


class Compiled(Protocol):
    """A book made ready for the engines."""

    @property
    def card(self) -> BookCard:
        """The book's card."""
        ...

    @property
    def content_hash(self) -> str:
        """The book's content hash."""
        ...


class _Engine(Protocol):
    def run(self, batch: pa.RecordBatch, /) -> Any: ...  # noqa: ANN401 -- the family's own answers


class _Dresser(Protocol):
    def dress(self, numbers: Any, /) -> pa.RecordBatch: ...  # noqa: ANN401 -- as above


E = TypeVar("E", bound=_Engine)
D = TypeVar("D", bound=_Dresser)


class EngineScheme(ABC, Generic[E, D]):
    """The batch side of the scheme protocol. Safe to use from several threads at once.

    Args:
        compiled: the book made ready.
    """

    def __init__(self, compiled: Compiled) -> None:
        self._compiled = compiled
        self._lock = Lock()

    @property
    def card(self) -> BookCard:
        """The book's card."""
        return self._compiled.card

    @property
    def id(self) -> str:
        """The scheme's id."""
        return self.card.id

    @property
    def content_hash(self) -> str:
        """The book's content hash."""
        return self._compiled.content_hash

    @abstractmethod
    def _build(self) -> tuple[E, D]:
        """The batch engine and what dresses its answers."""

    @abstractmethod
    def _issues(self, cases: pa.RecordBatch, numbers: Any, first_row: int) -> pa.Table:  # noqa: ANN401 -- the engine's answers
        """The issues of a batch's answers, by row."""

    @cached_property
    def _batch(self) -> tuple[E, D]:
        # Built when first needed: a single case does not wait for the arrays.
        with self._lock:
            return self._build()

    def group_batch(self, cases: pa.RecordBatch) -> pa.RecordBatch:
        """Group cases; one row of ``RESULT_SCHEMA`` for each, in their order."""
        engine, dresser = self._batch
        return dresser.dress(engine.run(cases))

    def group_with_issues(
        self, cases: pa.RecordBatch, first_row: int = 1
    ) -> tuple[pa.RecordBatch, pa.Table]:
        """As :meth:`group_batch`, with the issues of each row; rows count from ``first_row``."""
        engine, dresser = self._batch
        numbers = engine.run(cases)
        return dresser.dress(numbers), self._issues(cases, numbers, first_row)
