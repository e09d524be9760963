"""TLS: certificates made here, right and wrong ones."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import pytest
from mllp_support import Authority, Memory, eventually, listening, message, peer, run

from codebooks.errors import GrouperError
from hl7_adapters.mllp import MllpClient, SenderOptions, sender
from hl7_adapters.mllp.tls import client_context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "ca")


def server_options(authority: Authority, **options: Any) -> dict[str, Any]:
    certificate, key = authority.issue("server")
    return {"tls_certificate": certificate, "tls_key": key, **options}


def context(**options: Any) -> ssl.SSLContext:
    read = SenderOptions.from_mapping({"host": "127.0.0.1", "port": 1, "tls": True, **options})
    found = client_context(read)
    assert found is not None
    return found


def test_a_message_over_tls(authority: Authority) -> None:
    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, **server_options(authority)) as port:
            tls = context(tls_ca=authority.file)
            async with MllpClient("127.0.0.1", port.port, tls=tls) as client:
                answers = await client.send_many([message(str(i)) for i in range(50)])
            assert [(a.code, a.control_id) for a in answers] == [("AA", str(i)) for i in range(50)]
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
        assert len(inbox.stored) == 50

    run(work())


def test_a_sender_that_closes_its_side_of_tls_loses_no_message(authority: Authority) -> None:
    async def work() -> None:
        inbox = Memory()
        inbox.gate.clear()
        async with listening(inbox.put, **server_options(authority)) as port:
            async with peer(port, ssl=context(tls_ca=authority.file)) as his:
                await his.send(message("1"))
                await inbox.until_waiting(1)
            inbox.gate.set()
            await eventually(lambda: port.metrics()["mllp_connections_open"] == 0)
        assert inbox.stored == [message("1")]

    run(work())


def test_a_client_that_speaks_no_tls_or_says_nothing_is_dropped(authority: Authority) -> None:
    async def work() -> None:
        inbox = Memory()
        options = server_options(authority, handshake_seconds=0.2)
        async with listening(inbox.put, **options) as port:
            async with peer(port) as his:
                await his.send(message("1"))
                assert b"MSA" not in await his.gone()
            async with peer(port) as silent:
                assert await silent.gone() == b""
            assert port.metrics()["mllp_connections_total"] == 0
        assert inbox.stored == []

    run(work())


def test_old_versions_of_tls_are_refused(authority: Authority) -> None:
    async def work() -> None:
        inbox = Memory()
        old = context(tls_ca=authority.file)
        assert old.minimum_version is ssl.TLSVersion.TLSv1_2
        old.set_ciphers("DEFAULT:@SECLEVEL=0")  # else this side would refuse by itself
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = ssl.TLSVersion.TLSv1_1
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        async with listening(inbox.put, **server_options(authority)) as port:
            with pytest.raises((ssl.SSLError, ConnectionError)):
                async with peer(port, ssl=old):
                    pass
            assert port.metrics()["mllp_connections_total"] == 0

    run(work())


def test_mutual_tls_lets_in_the_right_certificate_alone(
    authority: Authority, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = Authority(other, "other-ca")
    mine, my_key = authority.issue("his")
    wrong, wrong_key = stranger.issue("stranger")

    async def ask(port: int, **options: Any) -> str:
        tls = context(tls_ca=authority.file, **options)
        async with MllpClient("127.0.0.1", port, tls=tls, answer_seconds=5) as client:
            return (await client.send(message("1"))).code

    async def work() -> None:
        inbox = Memory()
        options = server_options(authority, tls_client_ca=authority.file)
        async with listening(inbox.put, **options) as port:
            for certificate in ({"tls_certificate": wrong, "tls_key": wrong_key}, {}):
                with pytest.raises(GrouperError) as refused:
                    await ask(port.port, **certificate)
                assert refused.value.code == "DELIVERY_FAILED"
                assert inbox.stored == []
            assert await ask(port.port, tls_certificate=mine, tls_key=my_key) == "AA"
        assert inbox.stored == [message("1")]

    run(work())


def test_a_receiver_of_another_authority_or_name_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = Authority(other, "other-ca")

    async def work() -> None:
        inbox = Memory()
        async with listening(inbox.put, **server_options(authority)) as port:
            for options in (
                {"tls_ca": stranger.file},
                {},
                {"tls_ca": authority.file, "tls_server_name": "his.example"},
            ):
                to = {"host": "127.0.0.1", "port": port.port, "tls": True, **options}
                results = sender(to)
                with pytest.raises(GrouperError) as refused:
                    await results.send(message("1"))
                assert refused.value.code == "DELIVERY_FAILED"
                await results.close()
            good = sender(
                {"host": "127.0.0.1", "port": port.port, "tls": True, "tls_ca": authority.file}
            )
            assert await good.send(message("1")) == "AA"
            await good.close()

    run(work())


def test_files_that_cannot_be_used_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.issue("server")
    _, other_key = authority.issue("other")
    locked, locked_key = authority.issue("locked", password=b"secret")
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    absent = str(tmp_path / "absent.pem")
    wrong = [
        (absent, {"tls_certificate": absent, "tls_key": key}),
        (str(junk), {"tls_certificate": str(junk), "tls_key": key}),
        (certificate, {"tls_certificate": certificate, "tls_key": other_key}),
        (locked, {"tls_certificate": locked, "tls_key": locked_key}),
        (absent, {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": absent}),
        (str(junk), {"tls_certificate": certificate, "tls_key": key, "tls_client_ca": str(junk)}),
    ]

    async def start(options: dict[str, Any]) -> None:
        async with listening(Memory().put, **options):
            pass

    for file, options in wrong:
        with pytest.raises(GrouperError) as error:
            asyncio.run(start(options))
        assert error.value.code == "TLS_FILES"
        assert error.value.where.file == file
    with pytest.raises(GrouperError) as error:
        sender({"host": "127.0.0.1", "port": 1, "tls": True, "tls_ca": absent})
    assert error.value.code == "TLS_FILES"
