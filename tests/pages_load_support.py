"""Many who look at once, without browsers: what a browser says on its socket, and what it is told.

A browser costs more than the server does; thirty of them would measure themselves. So each of these
keeps one socket, asks as Streamlit's client asks, and reads all texts of the answer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

_EARLY = ForwardMsg.ScriptFinishedStatus.FINISHED_EARLY_FOR_RERUN
_LONGEST = 60.0
_LARGEST = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Widget:
    """A widget: the id by which its state is told, and what it offers."""

    id: str
    options: tuple[str, ...] = ()


@dataclass
class Answer:
    """What the script answered: the texts in it, bytes, seconds.

    ``widgets`` are kept by their label, those without one by the name of their message.
    """

    texts: list[str] = field(default_factory=list)
    size: int = 0
    seconds: float = 0.0
    widgets: dict[str, Widget] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.texts)


class Asker:
    """One who looks: a socket with a session.

    Args:
        socket: open, with the cookies of the session.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    def look(self, page: str, query: str = "") -> Answer:
        """Open a page."""
        wish = BackMsg()
        wish.rerun_script.page_name = page
        wish.rerun_script.query_string = query
        return self._asked(wish)

    def choose(
        self, page: str, query: str, widget: str, set_value: Callable[[Any], None]
    ) -> Answer:
        """Change a widget of the page: ``set_value`` is given its state to fill in."""
        wish = BackMsg()
        wish.rerun_script.page_name = page
        wish.rerun_script.query_string = query
        state = wish.rerun_script.widget_states.widgets.add()
        state.id = widget
        set_value(state)
        return self._asked(wish)

    def _asked(self, wish: BackMsg) -> Answer:
        answer, begun = Answer(), time.monotonic()
        self._socket.send(wish.SerializeToString())
        while True:
            raw = self._socket.recv(timeout=_LONGEST)
            assert isinstance(raw, bytes)
            answer.size += len(raw)
            message = ForwardMsg.FromString(raw)
            kind = message.WhichOneof("type")
            if kind == "script_finished" and message.script_finished != _EARLY:
                answer.seconds = time.monotonic() - begun
                return answer
            if kind == "delta":
                answer.texts.extend(_words(message.delta))
                answer.widgets |= dict(_widgets(message.delta))


def _words(message: Message) -> Iterator[str]:
    """All texts in a message; also those in the bytes of tables, as far as they are text."""
    for about, value in message.ListFields():
        several = value if about.is_repeated else (value,)
        if about.message_type is not None and about.message_type.GetOptions().map_entry:
            continue
        for one in several:
            if isinstance(one, Message):
                yield from _words(one)
            elif isinstance(one, str):
                yield one
            elif isinstance(one, bytes):
                yield one.decode("utf-8", errors="ignore")


def _widgets(message: Message) -> Iterator[tuple[str, Widget]]:
    """Labels and widgets in a message."""
    told: dict[str, Any] = {about.name: value for about, value in message.ListFields()}
    if "id" in told:
        label = told.get("label") or message.DESCRIPTOR.name
        options = told.get("options", ())
        plain = tuple(one for one in options if isinstance(one, str))
        yield str(label), Widget(str(told["id"]), plain)
    for about, value in message.ListFields():
        if about.message_type is not None and not about.message_type.GetOptions().map_entry:
            for one in value if about.is_repeated else (value,):
                yield from _widgets(one)


@contextmanager
def asking(origin: str, cookies: dict[str, str]) -> Iterator[Asker]:
    """A socket to the pages until the end of the block."""
    address = origin.replace("http", "ws", 1) + "/_stcore/stream"
    told = "; ".join(f"{name}={value}" for name, value in cookies.items())
    with connect(
        address,
        additional_headers={"Cookie": told},
        subprotocols=["streamlit"],  # type: ignore[list-item]  # a NewType of str
        max_size=_LARGEST,
        open_timeout=_LONGEST,
        proxy=None,
    ) as socket:
        yield Asker(socket)


def at_once(jobs: list[Callable[[], None]]) -> list[BaseException]:
    """Do all at the same time, and wait for them; returns what went wrong."""
    gate, wrong = threading.Barrier(len(jobs)), []

    def run(job: Callable[[], None]) -> None:
        gate.wait()
        try:
            job()
        except BaseException as error:  # noqa: BLE001 -- told by the one who waits
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(job,)) for job in jobs]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return wrong


def quantile(seconds: list[float], share: float) -> float:
    """The value under which a share of them lies."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
