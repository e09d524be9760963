"""Drill: a book, a policy or a model is damaged on the disk. It is refused by name; others go on."""

from __future__ import annotations

from pathlib import Path

import pytest

from codebooks import paths
from codebooks.errors import CodebookError, GrouperError
from codebooks.importers.install import install
from codebooks.policies.policies import policies
from codebooks.registry import registry, reload
from grouper.schemes.load import load_scheme

OWN, OTHER = "own-1.0", "pdpm-jinhua-2021"


def _flipped(path: Path, at: int) -> bytes:
    """The content before one bit was turned."""
    whole = path.read_bytes()
    changed = bytearray(whole)
    changed[at] ^= 1 << (at % 8)
    path.write_bytes(changed)
    return whole


def _places(path: Path, count: int) -> list[int]:
    size = path.stat().st_size
    return sorted({size * at // count for at in range(count)} | {size - 1})


@pytest.mark.slow
def test_a_bit_of_a_scheme_is_turned() -> None:
    book = registry().book(OTHER)
    install(book.with_card(id=OWN))
    folder = paths.installed() / "schemes" / OWN
    reload()
    good, card = registry().book(OWN).content_hash(), registry().card(OWN)
    refused: list[str] = []
    largest = sorted(folder.iterdir(), key=lambda one: one.stat().st_size)[-3:]
    for path in sorted({*largest, folder / "manifest.json", folder / "claim.json"}):
        for at in _places(path, 6):
            whole = _flipped(path, at)
            reload()
            # Whatever is damaged, no other scheme takes its place.
            bound = registry().binding(card.region, card.valid_from, card.kinds[0])
            assert bound.scheme == OWN, (path.name, at)
            try:
                # What no error tells of says nothing that anybody reads.
                assert registry().book(OWN).content_hash() == good, (path.name, at)
            except CodebookError as error:
                refused.append(error.describe("en"))
            load_scheme(OTHER)
            path.write_bytes(whole)
    reload()
    assert registry().book(OWN).content_hash() == good
    assert len(refused) > 5
    assert all(OWN in one or ".parquet" in one or "manifest" in one for one in refused), refused


@pytest.mark.parametrize("damage", [b"\xff\xfe", b"\x00", b"rate: ["])
def test_a_policy_is_damaged(damage: bytes) -> None:
    own = paths.installed() / "policies" / "harbin"
    own.mkdir(parents=True)
    (own / "assignment.yaml").write_bytes(damage)
    policies.cache_clear()
    try:
        with pytest.raises(GrouperError) as refused:
            policies().periods("harbin")
        assert "assignment.yaml" in refused.value.describe("en")
        # Other regions are priced on.
        assert policies().periods("guangxi")
    finally:
        policies.cache_clear()
