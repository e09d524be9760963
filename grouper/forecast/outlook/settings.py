"""What an outlook is reckoned with: ``grouper/forecast/data/outlook.toml``, and its hash."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

_FILE = "outlook.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """The table, with the number of draws that is asked for.

    Attributes:
        table: as the file has it.
        draws: of the simulation.
    """

    table: Mapping[str, Any]
    draws: int

    @classmethod
    def shipped(cls) -> Settings:
        """As the package has them."""
        table = toml(_FILE)
        return cls(table, int(table["simulation"]["draws"]))

    def drawing(self, draws: int) -> Settings:
        """The same with another number of draws."""
        return replace(self, draws=draws)

    def __getitem__(self, section: str) -> Mapping[str, Any]:
        return self.table[section]  # type: ignore[no-any-return]  # a table of TOML

    @property
    def levels(self) -> tuple[float, ...]:
        """The shares of outcomes that intervals are to hold."""
        return tuple(self["simulation"]["levels"])

    @property
    def hash(self) -> str:
        """SHA-256 of the table and the draws, kept with every forecast."""
        told = json.dumps([self.table, self.draws], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    def chance(self, *words: object) -> np.random.Generator:
        """A source of chance for one purpose; it does not depend on what else is drawn."""
        seed = int(self["simulation"]["seed"])
        named = "\0".join(map(str, words))
        return np.random.default_rng([seed, zlib.crc32(named.encode())])
