"""The options of the listener and of the sender, read from a table of the settings."""

from __future__ import annotations

import math
from dataclasses import MISSING, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from codebooks.errors import GrouperError
from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Mapping

_MIB = 1024 * 1024
_YES, _NO = ("true", "1"), ("false", "0")


def _ranged(least: float, most: float, default: Any = MISSING) -> Any:  # noqa: ANN401 -- a field
    return field(default=default, metadata={"least": least, "most": most})


def _size(default: int) -> Any:  # noqa: ANN401 -- a field
    return _ranged(64, 2**31, default)


def _seconds(default: float) -> Any:  # noqa: ANN401 -- a field
    return _ranged(0.01, 7 * 24 * 3600, default)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """Reads a table; each option's kind is its annotation, its range stands in its metadata."""

    @classmethod
    def _read(cls, prefix: str, values: Mapping[str, object]) -> Self:
        known = {f.name: f for f in fields(cls)}
        for name in values:
            if name not in known:
                raise _invalid(f"{prefix}.{name}", "unknown", known=", ".join(known))
        read: dict[str, Any] = {}
        for name, option in known.items():
            if name in values:
                read[name] = _value(f"{prefix}.{name}", option, values[name])
            elif option.default is MISSING:
                raise _invalid(f"{prefix}.{name}", "missing")
        if bool(read.get("tls_certificate")) != bool(read.get("tls_key")):
            raise _invalid(f"{prefix}.tls_key", "pair")
        return cls(**read)


def _invalid(setting: str, why: str, **params: object) -> GrouperError:
    return GrouperError("SETTING_INVALID", setting=setting, why=text(f"mllp.why.{why}", **params))


def _value(setting: str, option: Any, value: object) -> Any:  # noqa: ANN401 -- a field and its value
    """A value as the option's kind; settings from the environment come as text."""
    kind = str(option.type)
    if kind == "str":
        if not isinstance(value, str):
            raise _invalid(setting, "text")
        return value
    if kind == "tuple[str, ...]":
        if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
            raise _invalid(setting, "list")
        return tuple(value)
    if kind == "bool":
        word = str(value).lower()
        if word not in _YES + _NO:
            raise _invalid(setting, "flag")
        return word in _YES
    least, most = option.metadata["least"], option.metadata["most"]
    number = _number(value, whole=kind == "int")
    if number is None or not least <= number <= most:
        raise _invalid(setting, kind, least=least, most=most)
    return number


def _number(value: object, *, whole: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value) if whole else float(value)
        finite = math.isfinite(number)
    except (ValueError, OverflowError):
        return None
    # 2575.5 is no port, and no limit is not a number.
    same = isinstance(value, str) or number == value
    return number if same and finite else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerOptions(_Options):
    """Options of the listener; sizes in bytes, times in seconds.

    Attributes:
        host: address or name to listen on.
        port: 0 takes a free one.
        form: of the messages (:mod:`grouper.intake.forms`).
        channel: name of this way in, as it stands beside each message in the inbox.
        frame_limit: longest message; a longer one is refused and dropped.
        drop_limit: of a refused message, how far its end is looked for before the connection is
            closed.
        connections: most connections at once.
        in_flight: most messages of one connection that wait for their commit or their answer;
            beyond, and beyond ``frame_limit`` bytes of them, nothing is read from it.
        idle_seconds: a connection without a message for so long is closed.
        frame_seconds: a message that began and did not end for so long closes its connection.
        ack_buffer: answers that wait to be read by the sender before nothing more is read from it.
        ack_seconds: a sender that reads no answers for so long is disconnected.
        stop_seconds: how long stopping waits for answers to be stored and read.
        handshake_seconds: longest TLS handshake.
        tls_certificate: PEM file of the certificate and its chain; without it there is no TLS.
        tls_key: PEM file of its key.
        tls_client_ca: PEM file of the authorities whose clients alone are let in.
    """

    host: str = "127.0.0.1"
    port: int = _ranged(0, 65535, 2575)
    form: str = "hl7v2"
    channel: str = "mllp"
    frame_limit: int = _size(4 * _MIB)
    drop_limit: int = _size(64 * _MIB)
    connections: int = _ranged(1, 100_000, 64)
    in_flight: int = _ranged(1, 10_000, 128)
    idle_seconds: float = _seconds(3600.0)
    frame_seconds: float = _seconds(30.0)
    ack_buffer: int = _size(64 * 1024)
    ack_seconds: float = _seconds(30.0)
    stop_seconds: float = _seconds(10.0)
    handshake_seconds: float = _seconds(10.0)
    tls_certificate: str = ""
    tls_key: str = ""
    tls_client_ca: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Options from the table ``listeners.mllp``.

        Raises:
            GrouperError: ``SETTING_INVALID``; names the option.
        """
        read = cls._read("listeners.mllp", values)
        if read.tls_client_ca and not read.tls_certificate:
            raise _invalid("listeners.mllp.tls_client_ca", "plain")
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions(_Options):
    """Options of the sender of results; sizes in bytes, times in seconds.

    Attributes:
        host: of the receiving system.
        port: of the receiving system.
        connect_seconds: longest time to connect, the TLS handshake included.
        answer_seconds: longest time from sending to the answer.
        frame_limit: longest answer.
        retry: answers that mean "try again later" to this receiver, such as ``AR``; by default
            every ``AE`` and ``AR`` is a refusal.
        tls: whether to speak TLS.
        tls_ca: PEM file of the authorities that the receiver's certificate must come from; else
            those of the operating system.
        tls_server_name: name that stands in the receiver's certificate, if not ``host``.
        tls_certificate: PEM file of our own certificate, for a receiver that asks for one.
        tls_key: PEM file of its key.
    """

    host: str
    port: int = _ranged(1, 65535)
    connect_seconds: float = _seconds(10.0)
    answer_seconds: float = _seconds(30.0)
    frame_limit: int = _size(4 * _MIB)
    retry: tuple[str, ...] = ()
    tls: bool = False
    tls_ca: str = ""
    tls_server_name: str = ""
    tls_certificate: str = ""
    tls_key: str = ""

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Options from a table ``destinations.NAME.options``.

        Raises:
            GrouperError: ``SETTING_INVALID``; names the option.
        """
        read = cls._read("options", values)
        if not read.tls and (read.tls_ca or read.tls_server_name or read.tls_certificate):
            raise _invalid("options.tls", "plain_sender")
        return read
