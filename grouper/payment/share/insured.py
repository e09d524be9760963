"""Whose benefit rules hold for a case: of the place of treatment, or where the patient is insured.

The topic ``cross_region`` of the place of treatment says it. Of a patient insured elsewhere the place
of insurance, its policy on the day, and what that policy makes of the record's own words are looked
up anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.periods import EPOCH, days_of, period_numbers
from grouper.payment.place import PEOPLE, PEOPLE_FIELDS, NoPlaceError, Terms, people, region_id
from grouper.payment.reasons import PayReason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import date

    from numpy.typing import NDArray

    from codebooks.policies.policy import Policy
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block
    from grouper.payment.share.rules import Source

_ELSEWHERE = {"place": "elsewhere"}


def _own_lines(source: Source) -> tuple[bool, bool]:
    """Whether the insured place's benefit rules hold; whether the catalogue of the hospital does."""
    rules = source.value("cross_region.benefit_rules_of").value
    catalogues = source.value("cross_region.catalogues").value
    return rules == "insured_place", catalogues == "treatment_place"


def _policy(name: str | None, day: date, terms: Terms | None) -> Policy | None:
    if name is None or region_id(name) is None:
        return None
    try:
        return (terms or Terms()).policy(name, day)
    except NoPlaceError:
        return None


def _facts(
    facts: Mapping[str, str | None], policy: Policy, written: Mapping[str, str | None]
) -> dict[str, str | None]:
    """The facts of a case as the insured place's policy reads them; the level stays the hospital's."""
    known = {name: people(policy, name, written[name]) for name in PEOPLE}
    return {**facts, **known, **_ELSEWHERE}


def insured(asked: Asked) -> tuple[Asked | str, bool]:
    """For one case: who answers on benefits, or a reason; and whether the hospital's catalogue holds.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    if asked.here:
        return asked, True
    theirs, lines = _own_lines(asked)
    if not theirs:
        return replace(asked, facts={**asked.facts, **_ELSEWHERE}), lines
    policy = _policy(asked.case.insured_region, asked.day, asked.terms)
    if policy is None:
        return PayReason.INSURED_ELSEWHERE, lines
    written = {name: getattr(asked.case, PEOPLE_FIELDS[name]) for name in PEOPLE}
    facts = _facts(asked.facts, policy, written)
    return replace(asked, policy=policy, facts=facts), lines


def insured_blocks(
    block: Block,
) -> Iterator[tuple[NDArray[np.int64], Block, Block | str, bool]]:
    """A block cut so that each piece has one answer, as :func:`insured` gives it.

    Yields:
        The places in the block, the piece, who answers on benefits, whether the catalogue holds.

    Raises:
        PolicyError: ``POLICY_VALUE_MISSING``.
    """
    places = np.arange(len(block))
    if block.here:
        yield places, block, block, True
        return
    theirs, lines = _own_lines(block)
    if not theirs:
        yield places, block, replace(block, facts={**block.facts, **_ELSEWHERE}), lines
        return
    whole = places if block.columns.rows is None else block.columns.rows
    for rows, name, day, written in insured_cells(block):
        columns = block.columns.some(whole[rows])
        piece = replace(block, columns=columns)
        policy = _policy(name, day, block.terms)
        if policy is None:
            yield rows, piece, PayReason.INSURED_ELSEWHERE, lines
        else:
            facts = _facts(block.facts, policy, written)
            yield rows, piece, replace(piece, policy=policy, facts=facts), lines


def insured_cells(
    block: Block,
) -> Iterator[tuple[NDArray[np.int64], str | None, date, dict[str, str | None]]]:
    """Cases insured at one place, in one period of its policy, with the same words on the person.

    Yields:
        Places in the block, the insured region as written, a day, the words by dimension.
    """
    columns = block.columns
    regions = columns.words("insured_region")
    words = {name: columns.words(PEOPLE_FIELDS[name]) for name in PEOPLE}
    terms = block.terms or Terms()
    days, _ = days_of(columns, terms)
    period = np.zeros(len(block), np.int64)
    for code in np.unique(regions.codes).tolist():
        rows = np.flatnonzero(regions.codes == code)
        name = None if code < 0 else regions.words[code]
        period[rows] = period_numbers(name, days[rows], terms)
    key = np.column_stack([regions.codes, period, *(one.codes for one in words.values())])
    _, first, place = np.unique(key, axis=0, return_index=True, return_inverse=True)
    for number, one in enumerate(first.tolist()):
        code = int(regions.codes[one])
        written = {
            name: None if told.codes[one] < 0 else told.words[told.codes[one]]
            for name, told in words.items()
        }
        name = None if code < 0 else regions.words[code]
        day = EPOCH + timedelta(days=int(days[one]))
        yield np.flatnonzero(place.reshape(-1) == number), name, day, written
