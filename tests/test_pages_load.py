"""Many at once: all are answered, and nobody is shown what is not in reach."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pages_load_support import Answer, asking, at_once, quantile
from pages_served_support import Served, seed, served
from websockets.exceptions import ConnectionClosed, InvalidStatus

import dashboards  # noqa: F401 -- makes its catalogue known
from codebooks.messages import text

PHYSICIANS = ("doctor1", "doctor2")
OTHERS = ("office1", "manager1")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(seed(tmp_path_factory.mktemp("load"))) as process:
        yield process


def _rush(pages: Served, many: int, rounds: int) -> dict[str, list[Answer]]:
    """Physicians of two departments and people who see all look, each on a socket of the own."""
    names = [(*PHYSICIANS, *OTHERS)[at % 4] for at in range(many)]
    cookies = {name: pages.cookies(name) for name in set(names)}
    answers: dict[str, list[Answer]] = {name: [] for name in cookies}

    def one(name: str) -> None:
        page = "my_cases" if name in PHYSICIANS else "cases"
        with asking(pages.origin, cookies[name]) as asker:
            # The first look tells the page's widgets; each later one asks anew.
            answers[name].extend(
                asker.look(page, f"lang={('zh', 'en')[at % 2]}") for at in range(rounds)
            )

    wrong = at_once([lambda name=name: one(name) for name in names])  # type: ignore[misc]
    assert not wrong, wrong
    assert sum(map(len, answers.values())) == many * rounds
    return answers


def _each_sees_the_own(pages: Served, answers: dict[str, list[Answer]]) -> None:
    heart, bones, running, _ = pages.seeded.visits
    for name, told in answers.items():
        for answer in told:
            said = answer.text
            assert text("page.fault", "zh", number="|").split("|")[0] not in said
            seen = {one for one in (heart, bones, running) if one in said}
            if name == "doctor1":
                assert seen == {running}
            elif name == "doctor2":
                assert seen == set()
            else:
                assert seen == {heart, bones, running}, name
            assert not [one for one in pages.seeded.names if one in said]


@pytest.mark.slow
def test_a_few_at_once_see_each_their_own(pages: Served) -> None:
    _each_sees_the_own(pages, _rush(pages, 8, 2))


@pytest.mark.slow
def test_thirty_at_once_see_each_their_own(pages: Served) -> None:
    answers = _rush(pages, 30, 4)
    _each_sees_the_own(pages, answers)
    assert quantile([one.seconds for told in answers.values() for one in told], 0.95) < 60


@pytest.mark.parametrize("cookies", [{}, {"grouper_session": "x" * 43}])
def test_without_a_session_a_socket_tells_nothing(pages: Served, cookies: dict[str, str]) -> None:
    with pytest.raises((InvalidStatus, ConnectionClosed)), asking(pages.origin, cookies) as asker:
        asker.look("cases")
