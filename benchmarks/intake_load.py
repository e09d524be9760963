"""Load for the MLLP listener: a process of its own that sends and takes the time of each answer.

Usage: python benchmarks/intake_load.py PORT open RATE SECONDS CONNECTIONS
       python benchmarks/intake_load.py PORT closed MESSAGES CONNECTIONS WINDOW

``open`` sends at a fixed rate whatever comes back; the time of a message runs from the moment when
it should have left. ``closed`` keeps WINDOW messages of each connection in flight. The last line of
output is JSON: seconds, sent, accepted, and the milliseconds of each message in sorted order at
p50, p99, max.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
from collections import deque
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, cast

import uvloop

if TYPE_CHECKING:
    from collections.abc import Iterator

STAYS = 500
DIAGNOSES = (
    ("I63.900", "脑梗死"),
    ("I10.x00x002", "高血压病3级（极高危）"),
    ("E11.900", "2型糖尿病"),
    ("J18.900", "肺炎"),
    ("K35.800", "急性阑尾炎"),
    ("I25.103", "冠状动脉粥样硬化性心脏病"),
)
ITEMS = (("110200005", "住院诊查费"), ("250101015", "血细胞分析"), ("220800008", "头颅CT平扫"))


def messages(mark: str) -> Iterator[tuple[bytes, bytes]]:
    """Made-up messages of 1 to 2 KB with their control ids: two ADT^A08 for each DFT^P03."""
    draw = random.Random(mark)  # noqa: S311 -- no secret
    for number in itertools.count():
        identity = f"{mark}{number:08d}"
        stay = draw.randrange(STAYS)
        kind = "DFT^P03" if number % 3 == 2 else "ADT^A08"
        charset = "GB 18030-2000" if number % 2 else "UNICODE UTF-8"
        rows = [
            f"MSH|^~\\&|HIS|H0001|GROUPER|H0001|20250318093000||{kind}|{identity}|P|2.4|||AL|NE|CHN|{charset}",
            f"EVN|{kind[-3:]}|20250318093000|||9001^张护士",
            f"PID|1||T{stay:07d}^^^H0001^PI||测试患者{stay}||19550{stay % 9 + 1}12|{'MF'[stay % 2]}|||示例省示例市示例区示例路{stay}号^^示例市^示例省^000000^CHN||||CHN|M^已婚||||||01^汉族",
            f"PV1|1|I|NEURO^0301^12^H0001^^^^^神经内科一病区|R|||1001^李医生|||NEU||||7|||1001^李医生|01|V{stay:07d}|310^职工医保||||||||||||||||||||||||20250310083000",
            "PV2|||^头晕伴右侧肢体无力三天||||||||||||||||||||||||||||||||||N",
        ]
        if kind == "ADT^A08":
            rows += [
                f"DG1|{at}|ICD10|{code}^{name}^ICD10-NHSA|{name}|20250311100000|{'A' if at == 1 else 'W'}||||||||{at}|1001^李医生"
                for at, (code, name) in enumerate(draw.sample(DIAGNOSES, 5), 1)
            ]
            rows.append(
                "PR1|1|ICD9CM3|88.9100x001^头部磁共振检查^ICD9CM3-NHSA|头部磁共振检查|20250311143000|D"
            )
            rows.append("IN1|1|310^职工基本医疗保险|YB310000|示例市医疗保障局|||||||||||01")
        else:
            rows += [
                f"FT1|{at}|F{number}-{at}||20250318{at:02d}0000|20250318|CG|{code}^{name}^H0001|{name}||{1 + at % 3}|{draw.randrange(500, 90000) / 100:.2f}|||NEURO^神经内科||||||1001^李医生"
                for at, (code, name) in enumerate(ITEMS * 3, 1)
            ]
        text = "\r".join(rows) + "\r"
        yield text.encode("gb18030" if number % 2 else "utf-8"), identity.encode()


@dataclass(slots=True)
class Tally:
    """What came back; times in seconds."""

    took: list[float] = field(default_factory=list)
    accepted: int = 0


class Line(asyncio.Protocol):
    """One connection; answers must come in the order of its messages."""

    def __init__(self, tally: Tally, source: Iterator[tuple[bytes, bytes]], window: int) -> None:
        self._tally = tally
        self._source = source
        self._window = window
        self._waiting: deque[tuple[bytes, float]] = deque()
        self._rest = b""
        self.idle = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, frame: bytes, identity: bytes, since: float) -> None:
        """Send one framed message."""
        self._waiting.append((identity, since))
        self._transport.write(frame)

    def fill(self) -> None:
        """Closed loop: bring as many in flight as the window holds."""
        now, frames = perf_counter(), []
        while len(self._waiting) < self._window:
            following = next(self._source, None)
            if following is None:
                break
            frames.append(b"\x0b%b\x1c\r" % following[0])
            self._waiting.append((following[1], now))
        if frames:
            self._transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        """Match answers; take their times."""
        *frames, self._rest = (self._rest + data).split(b"\x1c\r")
        now = perf_counter()
        for frame in frames:
            identity, since = self._waiting.popleft()
            assert b"|" + identity in frame, "an answer out of order"
            self._tally.accepted += b"\rMSA|AA|" in frame
            self._tally.took.append(now - since)
        if self._window:
            self.fill()
        if not self._waiting:
            self.idle.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing more will come."""
        del exc
        self.idle.set()

    async def finished(self) -> None:
        """Wait for the last answer, then close."""
        while self._waiting and not self._transport.is_closing():
            self.idle.clear()
            await self.idle.wait()
        self._transport.close()


async def lines(
    port: int, count: int, tally: Tally, source: Iterator[tuple[bytes, bytes]], window: int
) -> list[Line]:
    """Connections that are open."""
    loop = asyncio.get_running_loop()
    return [
        (await loop.create_connection(lambda: Line(tally, source, window), "127.0.0.1", port))[1]
        for _ in range(count)
    ]


async def open_loop(port: int, rate: float, seconds: float, connections: int) -> dict[str, float]:
    """Send at a fixed rate."""
    total = round(rate * seconds)
    made = [
        (b"\x0b%b\x1c\r" % raw, identity)
        for raw, identity in itertools.islice(messages(f"O{os.getpid()}X"), total)
    ]
    tally = Tally()
    held = await lines(port, connections, tally, iter(()), 0)
    start = perf_counter() + 0.1
    sent = 0
    while sent < total:
        due = min(total, int((perf_counter() - start) * rate) + 1)
        while sent < due:
            held[sent % connections].send(*made[sent], start + sent / rate)
            sent += 1
        await asyncio.sleep(max(0.0, start + sent / rate - perf_counter()))
    for line in held:
        await line.finished()
    return report(tally, total, perf_counter() - start)


async def closed_loop(port: int, total: int, connections: int, window: int) -> dict[str, float]:
    """Keep a number of messages in flight."""
    made = iter(list(itertools.islice(messages(f"C{os.getpid()}X"), total)))
    tally = Tally()
    held = await lines(port, connections, tally, made, window)
    start = perf_counter()
    for line in held:
        line.fill()
    for line in held:
        await line.finished()
    return report(tally, total, perf_counter() - start)


def report(tally: Tally, total: int, seconds: float) -> dict[str, float]:
    """Figures of a run; milliseconds."""
    took = sorted(tally.took)
    return {
        "seconds": seconds,
        "sent": total,
        "accepted": tally.accepted,
        "rate": len(took) / seconds,
        "p50": took[len(took) // 2] * 1e3,
        "p99": took[int(len(took) * 0.99)] * 1e3,
        "max": took[-1] * 1e3,
    }


def main() -> None:
    """Run one load and print its figures."""
    port, mode, *figures = sys.argv[1:]
    if mode == "open":
        rate, seconds, connections = figures
        work = open_loop(int(port), float(rate), float(seconds), int(connections))
    else:
        total, connections, window = figures
        work = closed_loop(int(port), int(total), int(connections), int(window))
    print(json.dumps(uvloop.run(work)))


if __name__ == "__main__":
    main()
