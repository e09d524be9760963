"""What the tests of MLLP share: a plain form, an inbox in memory, a peer, certificates."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.event import Event
from grouper.intake.forms import IntakeError
from hl7_adapters.mllp import ListenerOptions, MllpListener
from hl7_adapters.mllp.frames import framed

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T], loop: Any = None) -> T:
    """Run to the end, but never for ever; on a new loop of the kind that ``loop`` makes."""
    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(asyncio.wait_for(work, 30))


def message(control_id: str, text: str = "数据", kind: str = "ADT^A08") -> bytes:
    """A made-up message."""
    head = f"MSH|^~\\&|HIS|H1|GROUPER|H1|20250301080000||{kind}|{control_id}|P|2.4|||||CHN|UNICODE UTF-8"
    return f"{head}\rPID|1||T0001||{text}\r".encode()


class PlainForm:
    """Reads MSH-10 of UTF-8 messages and answers with MSA; for tests of the transport alone."""

    name = "plain"

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        fields = raw.split(b"\r")[0].split(b"|")
        if fields[0] != b"MSH" or len(fields) < 10:
            reason = "MESSAGE_UNREADABLE"
            return Envelope(form=self.name, raw=raw, verdict=Verdict.UNUSABLE, reason=reason)
        found = control_id or fields[9].decode("utf-8", "replace")
        return Envelope(form=self.name, raw=raw, control_id=found, sender="HIS")

    def events(self, raw: bytes) -> Iterable[Event]:
        del raw
        return ()

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        head = "MSH|^~\\&|GROUPER|H1|HIS|H1|20250301080000||ACK|1|P|2.4"
        return f"{head}\rMSA|{receipt.verdict}|{envelope.control_id}|{receipt.reason}\r".encode()


def split(raw: bytes) -> list[bytes]:
    """Batches of UTF-8 messages."""
    if b"BROKEN" in raw:
        raise IntakeError("MESSAGE_TRUNCATED")
    parts = raw.split(b"MSH|")[1:]
    return [b"MSH|" + part.split(b"BTS|")[0] for part in parts]


class Memory:
    """An inbox in memory. While ``gate`` is closed nothing is stored."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []
        self.channels: set[str] = set()
        self.waiting = 0
        self.most = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.came = asyncio.Condition()

    async def put(self, envelope: Envelope, channel: str) -> Receipt:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        async with self.came:
            self.came.notify_all()
        await self.gate.wait()
        self.waiting -= 1
        repeat = envelope.raw in self.stored
        self.stored.append(envelope.raw)
        self.channels.add(channel)
        return Receipt(
            message_id=len(self.stored),
            verdict=envelope.verdict,
            reason=envelope.reason,
            duplicate=repeat,
        )

    async def until_waiting(self, count: int) -> None:
        async with self.came:
            await self.came.wait_for(lambda: self.waiting >= count)


class Peer:
    """The other end of a connection, plainly by streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def write(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def send(self, *messages: bytes) -> None:
        await self.write(b"".join(framed(m) for m in messages))

    async def answer(self) -> tuple[str, str, str]:
        """MSA-1, MSA-2 and MSA-3 of the next answer."""
        frame = await self.reader.readuntil(b"\x1c\r")
        assert frame.startswith(b"\x0bMSH|")
        line = frame[1:-2].decode("utf-8", "replace").split("MSA|")[1].split("\r")[0]
        fields = [*line.split("|"), ""]
        return fields[0], fields[1], fields[2]

    async def answers(self, count: int) -> list[tuple[str, str]]:
        """MSA-1 and MSA-2 of the next answers."""
        return [(await self.answer())[:2] for _ in range(count)]

    async def gone(self) -> bytes:
        """What comes until the connection ends."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def reset(self) -> None:
        """Go away at once, as a process that is killed."""
        linger = struct.pack("ii", 1, 0)
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def close(self) -> None:
        self.writer.close()
        with suppress(OSError, ConnectionError):
            await self.writer.wait_closed()


@asynccontextmanager
async def listening(
    put: Any, *, form: Any = None, splitting: Any = split, **options: Any
) -> AsyncIterator[MllpListener]:
    """A listener on a free port."""
    read = ListenerOptions.from_mapping({"port": 0, **options})
    listener = MllpListener(read, put, form or PlainForm(), splitting)
    await listener.start()
    try:
        yield listener
    finally:
        await listener.stop()


@asynccontextmanager
async def peer(listener: MllpListener, **options: Any) -> AsyncIterator[Peer]:
    """A connection to it."""
    found = Peer(*await asyncio.open_connection("127.0.0.1", listener.port, **options))
    try:
        yield found
    finally:
        await found.close()


async def eventually(condition: Any) -> None:
    """Wait until a count of the listener says so."""
    while not condition():  # noqa: ASYNC110 -- counts have no event of their own
        await asyncio.sleep(0.005)


async def within(seconds: float, work: Awaitable[T]) -> T:
    return await asyncio.wait_for(work, seconds)


class Authority:
    """Makes certificates for one test."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = str(folder / f"{name}.pem")
        certificate = made.sign(self._key, hashes.SHA256())
        Path(self.file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: Any) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
        )

    def issue(self, name: str, password: bytes = b"", host: str = "") -> tuple[str, str]:
        """Files of a certificate for 127.0.0.1, and a name if it is given, and of its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        places: list[x509.GeneralName] = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        made = self._builder(subject, key.public_key()).add_extension(
            x509.SubjectAlternativeName(places + ([x509.DNSName(host)] if host else [])),
            critical=False,
        )
        certificate, file = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        signed = made.sign(self._key, hashes.SHA256())
        certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        lock: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        file.write_bytes(
            key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        )
        return str(certificate), str(file)
