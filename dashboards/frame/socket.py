"""What a browser says on its socket is heard only while its session holds.

Streamlit asks for a session when the socket opens, and a socket stays open for hours. So every message is
looked at anew: as long as the session holds, it goes on to Streamlit, and what a person did counts
as use of the session; what a page asks by its clock does not. When the session is over, every message
becomes the wish to run the script from the start, which then says that nobody is signed in: no
fragment and no widget is answered any more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from google.protobuf.message import DecodeError
from streamlit.proto.BackMsg_pb2 import BackMsg

from codebooks.errors import GrouperError
from dashboards.frame.signed import holds, of_token

if TYPE_CHECKING:
    from starlette.types import Message, Receive

    from grouper.service.settings import Settings
    from grouper.store.database import Database

_QUIET = frozenset({"app_heartbeat", "file_urls_request", "load_git_info"})
"""What a browser says by itself."""


def _over() -> bytes:
    wish = BackMsg()
    wish.rerun_script.SetInParent()
    found: bytes = wish.SerializeToString()
    return found


_OVER = _over()


def by_person(raw: bytes) -> bool:
    """Whether a message tells of something a person did, and not of a clock of the page."""
    try:
        told = BackMsg.FromString(raw)
    except DecodeError:
        return False
    kind = told.WhichOneof("type")
    if kind == "rerun_script":
        return not told.rerun_script.is_auto_rerun
    return kind is not None and kind not in _QUIET


def heard(receive: Receive, settings: Settings, database: Database, token: str) -> Receive:
    """The messages of a socket as Streamlit is to hear them.

    Args:
        receive: of the socket.
        settings: of the service.
        database: the store.
        token: of the session that opened the socket.
    """

    def still(raw: bytes) -> bool:
        try:
            if by_person(raw):
                return of_token(settings, database, token) is not None
            return holds(settings, database, token)
        except GrouperError:
            # The script says that the store is away.
            return False

    async def receiving() -> Message:
        message = await receive()
        raw = message.get("bytes") if message["type"] == "websocket.receive" else None
        if raw is not None and not await run_sync(still, raw):
            message = {**message, "bytes": _OVER}
        return message

    return receiving
