"""Many cases priced at once: cut into cells in which every value of the policy is one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.policies.yaml_nodes import PolicyError
from codebooks.registry import registry
from grouper.payment.assembly import Results
from grouper.payment.assignment import assign_block
from grouper.payment.block import Block, Outcomes, lacking, no_reasons
from grouper.payment.checks import cost_checks
from grouper.payment.columns import Columns, Words
from grouper.payment.fixed import Fixed
from grouper.payment.methods import methods
from grouper.payment.place import (
    PEOPLE,
    PEOPLE_FIELDS,
    NoPlaceError,
    Terms,
    is_here,
    level_of,
    people,
    region_id,
)
from grouper.payment.reasons import PayReason
from grouper.payment.share import share_block

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from codebooks.policies.policy import Policy
    from grouper.payment.share import Shares

_EPOCH = date(1970, 1, 1)
_FACT_WORDS = ("hospital", "kind", "visit_type")


def price_batch(batch: pa.RecordBatch, terms: Terms | None = None) -> pa.RecordBatch:
    """Price cases; one row of ``PAYMENT_SCHEMA`` for each, in their order.

    Args:
        batch: columns of ``CASE_SCHEMA`` (those that are missing are empty) and of
            ``RESULT_SCHEMA``.
        terms: as for :func:`grouper.payment.engine.price`, with the same figures.
    """
    terms = terms or Terms()
    columns = Columns(batch)
    results = Results(len(columns))
    for rows, policy in _policies(columns, terms, results):
        for cell, facts, here in _cells(columns, rows, policy):
            _price_cell(columns, cell, policy, facts, here, results)
    return results.batch()


def _policies(
    columns: Columns, terms: Terms, results: Results
) -> Iterator[tuple[NDArray[np.int64], Policy]]:
    """The cases of each policy; those that none prices have their reason already."""
    regions, days, stated = columns.words("region"), *columns.day("discharge_time")
    if terms.today is not None:
        days = np.where(stated, days, (terms.today - _EPOCH).days)
        stated = np.ones(len(stated), np.bool_)
    results.refuse(np.flatnonzero(~stated), PayReason.DAY_MISSING)
    for code in np.unique(regions.codes).tolist():
        rows = np.flatnonzero((regions.codes == code) & stated)
        name = terms.region if code < 0 or not regions.words[code] else regions.words[code]
        for some, day in _by_period(rows, days[rows], name, terms):
            try:
                policy = terms.policy(name, day)
            except NoPlaceError as error:
                results.refuse(some, error.reason)
            else:
                yield some, policy


def _by_period(
    rows: NDArray[np.int64], days: NDArray[np.int64], region: str, terms: Terms
) -> Iterator[tuple[NDArray[np.int64], date]]:
    """The rows of each period in which nothing changes in a region, with a day of it."""
    if not len(rows):
        return
    starts = np.array([], np.int64)
    if region_id(region) is not None:
        try:
            periods = terms.policies.periods(region)
        except PolicyError:
            periods = ()
        starts = np.array([(one.valid_from - _EPOCH).days for one in periods], np.int64)
    at = np.searchsorted(starts, days, side="right")
    for number in np.unique(at).tolist():
        some = np.flatnonzero(at == number)
        yield rows[some], _EPOCH + timedelta(days=int(days[some[0]]))


def _cells(
    columns: Columns, rows: NDArray[np.int64], policy: Policy
) -> Iterator[tuple[NDArray[np.int64], dict[str, str | None], bool]]:
    """The cases that are alike in all facts that the policy's values depend on."""
    found: dict[str, Words] = {}
    for name in PEOPLE:
        written = columns.words(PEOPLE_FIELDS[name]).take(rows)
        known = {word: people(policy, name, word) for word in written.words}
        found[name] = written.mapped({w: to for w, to in known.items() if to is not None})
    for name in _FACT_WORDS:
        found[name] = columns.words(name).take(rows)
    places = columns.words("insured_region").take(rows)
    here = np.array([*(is_here(policy.region, word) for word in places.words), True])[places.codes]
    key = here.astype(np.int64)
    for words in found.values():
        key = key * (len(words.words) + 1) + words.codes + 1
    # Equal keys are put side by side once; looking for each key would cost a pass for each.
    order = np.argsort(key, kind="stable")
    cuts = np.flatnonzero(np.diff(key[order])) + 1
    for some in np.split(order, cuts):
        one = int(some[0])
        facts: dict[str, str | None] = {
            name: None if words.codes[one] < 0 else words.words[words.codes[one]]
            for name, words in found.items()
        }
        facts["level"] = level_of(policy, facts["hospital"])
        yield rows[some], facts, bool(here[one])


def _price_cell(
    columns: Columns,
    rows: NDArray[np.int64],
    policy: Policy,
    facts: dict[str, str | None],
    here: bool,
    results: Results,
) -> None:
    block = Block(columns=columns.some(rows), policy=policy, here=here, facts=facts)
    negative, warnings = cost_checks(block)
    results.policy(rows, policy.id)
    results.warn(rows, warnings)
    results.refuse(rows[negative], PayReason.COST_NEGATIVE)
    results.assume(rows[negative], block.asked)
    rows = rows[~negative]
    if not len(rows):
        return
    block = Block(
        columns=columns.some(rows), policy=policy, here=here, facts=facts, asked=block.asked
    )
    before = dict(block.asked)
    method, reasons = _assigned(block)
    shares, share_asked = _shares(block, before)
    for name in sorted({one for one in method if one is not None}):
        some = np.flatnonzero(method == name)
        part = Block(
            columns=columns.some(rows[some]),
            policy=policy,
            here=here,
            facts=facts,
            asked=dict(block.asked),
        )
        outcomes = _outcomes(part, name)
        results.paid(rows[some], name, part, outcomes, shares, some)
        results.assume(rows[some], part.asked | share_asked)
    none = np.flatnonzero(lacking(method))
    results.unpaid(rows[none], reasons[none], shares, none)
    results.assume(rows[none], block.asked | share_asked)


def _assigned(block: Block) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    try:
        return assign_block(block, methods(), families(block))
    except PolicyError as error:
        reasons = no_reasons(len(block))
        reasons[:] = error.code
        return no_reasons(len(block)), reasons


def families(block: Block) -> Words:
    """The family of the scheme of each case; missing where none grouped it."""
    cards = registry().cards
    schemes = block.columns.words("scheme")
    return schemes.mapped({w: cards[w].family for w in schemes.words if w in cards})


def _outcomes(block: Block, name: str) -> Outcomes:
    try:
        return methods()[name].price_block(block)
    except PolicyError as error:
        reasons = no_reasons(len(block))
        reasons[:] = error.code
        return Outcomes(amount=Fixed(np.zeros(len(block), np.int64), 2), reasons=reasons)


def _shares(block: Block, asked: dict[str, Any]) -> tuple[Shares | str, dict[str, Any]]:
    """The shares of a block, or the one reason why there are none; and what was asked for them."""
    own = Block(
        columns=block.columns,
        policy=block.policy,
        here=block.here,
        facts=block.facts,
        asked=dict(asked),
    )
    try:
        return share_block(own), own.asked
    except PolicyError as error:
        return error.code, own.asked
