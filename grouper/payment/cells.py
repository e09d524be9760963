"""A batch cut into cells: cases of one policy that are alike in all that its values depend on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from grouper.payment.block import Block
from grouper.payment.periods import EPOCH, days_of, period_numbers
from grouper.payment.place import PEOPLE, PEOPLE_FIELDS, NoPlaceError, is_here, level_of, people
from grouper.payment.reasons import PayReason
from grouper.payment.share.insured import insured_cells

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from codebooks.policies.policy import Policy
    from grouper.payment.columns import Columns, Words
    from grouper.payment.place import Terms

_FACT_WORDS = ("hospital", "kind", "visit_type")
_SAFE = 2**62


def by_policy(
    columns: Columns, terms: Terms, refuse: Callable[[NDArray[np.int64], str], None]
) -> Iterator[tuple[NDArray[np.int64], Policy]]:
    """The cases of each policy.

    Args:
        columns: of the whole batch.
        terms: by which policies.
        refuse: called with the rows that none prices, and why.
    """
    regions, (days, stated) = columns.words("region"), days_of(columns, terms)
    refuse(np.flatnonzero(~stated), PayReason.DAY_MISSING)
    for code in np.unique(regions.codes).tolist():
        rows = np.flatnonzero((regions.codes == code) & stated)
        name = terms.region if code < 0 or not regions.words[code] else regions.words[code]
        at = period_numbers(name, days[rows], terms)
        for number in np.unique(at).tolist():
            some = rows[at == number]
            try:
                policy = terms.policy(name, EPOCH + timedelta(days=int(days[some[0]])))
            except NoPlaceError as error:
                refuse(some, error.reason)
            else:
                yield some, policy


def cells(
    columns: Columns, rows: NDArray[np.int64], policy: Policy, terms: Terms
) -> Iterator[tuple[NDArray[np.int64], Block]]:
    """The cases of one policy that are alike in all facts that the values depend on.

    Of patients insured elsewhere also where, by which of that place's policies, and the record's
    own words on the person: the insured place reads them by its own tables.

    Yields:
        The rows of each cell, and its block.
    """
    found: dict[str, Words] = {}
    for name in PEOPLE:
        written = columns.words(PEOPLE_FIELDS[name]).take(rows)
        known = {word: people(policy, name, word) for word in written.words}
        found[name] = written.mapped({w: to for w, to in known.items() if to is not None})
    for name in _FACT_WORDS:
        found[name] = columns.words(name).take(rows)
    places = columns.words("insured_region").take(rows)
    here = np.array([*(is_here(policy.region, word) for word in places.words), True])[places.codes]
    key, span = here.astype(np.int64), 2
    for words in found.values():
        more = len(words.words) + 1
        if span * more >= _SAFE:
            # Keys that do not fit could fall on each other; those that there are need fewer.
            distinct, key = np.unique(key, return_inverse=True)
            span = len(distinct)
        key, span = key * more + words.codes + 1, span * more
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
        block = Block(
            columns=columns.some(rows[some]),
            policy=policy,
            here=bool(here[one]),
            facts=facts,
            terms=terms,
        )
        if block.here:
            yield rows[some], block
            continue
        for part, *_ in insured_cells(block):
            places_of = rows[some][part]
            yield (
                places_of,
                Block(
                    columns=columns.some(places_of),
                    policy=policy,
                    here=False,
                    facts=facts,
                    terms=terms,
                ),
            )
