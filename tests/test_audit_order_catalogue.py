"""What the catalogues say of the items of one case: the scalar engine and DuckDB alike."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from audit_order_support import both
from audit_support import World, book, rule
from catalogue_support import WESTERN, drug, own_data, put
from test_catalogue_audit import World as Listed
from test_catalogue_audit import line

from codebooks.catalogues.catalogue import Catalogues
from grouper.audit.engine import Context
from grouper.audit.order.catalogue import SaidOf
from grouper.audit.order.engine import compiled

__all__ = ["own_data"]
RULE = "LOC-CATALOG"
SMALL = book({}, [rule(RULE)])
SLOW = pytest.mark.slow


@pytest.mark.parametrize("seed", [*range(4), *(pytest.param(n, marks=SLOW) for n in range(4, 80))])
def test_both_engines_hold_lines_against_the_catalogues_alike(own_data: Path, seed: int) -> None:
    made = Listed(seed)
    made.put(own_data)
    context = Context(moment="order", catalogue=Catalogues())
    lines = [one for one in made.lines if one.case_id == "C0"]
    wanted, mine = both(SMALL, World({}, [{"case_id": "C0"}], lines), context)
    assert mine == wanted
    assert mine


def test_without_a_catalogue_nothing_is_said(own_data: Path) -> None:
    made = World({}, [{"case_id": "C0"}], [line(WESTERN[0])])
    for none in (None, Catalogues()):
        wanted, mine = both(SMALL, made, Context(moment="order", catalogue=none))
        assert wanted == mine == []
    put(own_data, "drugs", [drug(WESTERN[1])])
    wanted, mine = both(SMALL, made, Context(moment="order", catalogue=Catalogues()))
    assert mine == wanted
    assert [row["rule"] for row in mine] == [RULE]


def test_an_item_is_looked_up_once(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    said = SaidOf(Catalogues())
    first = said.of(WESTERN[:2])
    assert [item for item, _ in first] == list(WESTERN[:2])
    # Nothing is left to ask with.
    monkeypatch.setattr(said, "_at_hand", object())
    assert said.of(WESTERN[:2]) == first
    with pytest.raises(AttributeError):
        said.of(WESTERN[:3])


def test_the_catalogues_are_read_once_for_a_book(own_data: Path) -> None:
    put(own_data, "drugs", [drug(WESTERN[0])])
    context = Context(catalogue=Catalogues())
    ready = compiled(SMALL, context=context)
    ready.warm()
    some = compiled(SMALL, context=replace(context, rules=frozenset({RULE})))
    assert some._said is ready._said
    other = compiled(SMALL, context=replace(context, catalogue=Catalogues()))
    assert other._said is not ready._said
