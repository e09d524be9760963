"""Many people at once at the pages, each on a socket, with time to think between two looks."""

from __future__ import annotations

import json
import random
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pages_load_support import asking

import dashboards  # noqa: F401 -- makes its catalogue known
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pages_load_support import Answer, Asker
    from pages_stage import Pages, Stage

THINK = (1.0, 5.0)
"""Seconds between an answer and the next look."""
_ROLES = ("manager", "office", "doctor", "manager", "office")
_FAULTS = tuple(
    text(key, "zh", number="|").split("|")[0]
    for key in ("page.fault", "page.refused", "page.signed_out")
)


@dataclass
class Told:
    """What was measured: seconds by what was done, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    sizes: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)

    def note(self, what: str, answer: Answer) -> None:
        """Keep an answer."""
        self.seconds[what].append(answer.seconds)
        self.sizes[what].append(answer.size)
        said = answer.text
        self.wrong.extend(f"{what}: {one}" for one in _FAULTS if one in said)


class Person:
    """One who looks.

    Args:
        asker: the socket.
        stage: what there is to look at.
        role: account of the stage.
        drawn: by what is chosen.
        told: where it is noted.
    """

    def __init__(
        self, asker: Asker, stage: Stage, role: str, drawn: random.Random, told: Told
    ) -> None:
        self._asker, self._stage, self._role, self._drawn, self._told = (
            asker,
            stage,
            role,
            drawn,
            told,
        )

    def steps(self) -> Iterator[Callable[[], None]]:
        """What is done, one after the other, for ever."""
        while True:
            if self._role == "doctor":
                yield lambda: self.look("my_cases")
                yield lambda: self.look(
                    "discharge", f"case_id={self._drawn.choice(self._stage.running)}"
                )
                continue
            if self._role == "office":
                yield lambda: self.look("queue")
                yield lambda: self.look("cases")
                yield lambda: self.look("case", f"case_id={self._drawn.choice(self._stage.ended)}")
                yield lambda: self.look("findings")
                if self._stage.findings:
                    yield lambda: self.look(
                        "finding", f"id={self._drawn.choice(self._stage.findings)}"
                    )
            page = self._drawn.choice(("overview", "surplus", "casemix", "control"))
            yield lambda page=page: self.look(page)
            yield lambda page=page: self.filter(page)
            if page in {"overview", "surplus"}:
                yield lambda page=page: self.drill(page)

    def look(self, page: str, query: str = "") -> None:
        """Open a page."""
        self._answer = self._asker.look(page, query)
        self._told.note(page, self._answer)

    def filter(self, page: str) -> None:
        """Choose a department or two of those that the filter offers."""
        widget = self._answer.widgets[text("filter.department", "zh")]
        chosen = self._drawn.sample(widget.options, self._drawn.randint(1, 2))

        def choose(state: Any) -> None:  # noqa: ANN401 -- of Streamlit
            state.string_array_value.data.extend(chosen)

        self._answer = self._asker.choose(page, "", widget.id, choose)
        self._told.note(f"{page}, filter", self._answer)

    def drill(self, page: str) -> None:
        """Choose a row of the page's table, which shows its cases."""
        widget = self._answer.widgets["Dataframe"]
        row = {"selection": {"rows": [0], "columns": [], "cells": []}}

        def choose(state: Any) -> None:  # noqa: ANN401 -- of Streamlit
            state.string_value = json.dumps(row)

        self._answer = self._asker.choose(page, "", widget.id, choose)
        self._told.note(f"{page}, cases", self._answer)


def crowd(pages: Pages, stage: Stage, users: int, seconds: float, seed: int) -> Told:
    """Let so many look for so long, and tell what they were told."""
    cookies = [pages.cookies(_ROLES[one % len(_ROLES)]) for one in range(users)]
    told, over = Told(), time.monotonic() + seconds

    def one(number: int) -> None:
        role, drawn = _ROLES[number % len(_ROLES)], random.Random(f"{seed}-{number}")  # noqa: S311 -- no secret
        try:
            # They do not come all in the same moment, as nobody does.
            time.sleep(drawn.uniform(0, THINK[1]))
            with asking(pages.origin, cookies[number]) as asker:
                for step in Person(asker, stage, role, drawn, told).steps():
                    if time.monotonic() > over:
                        return
                    step()
                    time.sleep(drawn.uniform(*THINK))
        except Exception as error:  # noqa: BLE001 -- told with the others
            told.wrong.append(f"{role}: {type(error).__name__}: {error}"[:200])

    threads = [threading.Thread(target=one, args=(number,)) for number in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told
