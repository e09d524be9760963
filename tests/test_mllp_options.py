"""Options: what the settings may say, and how a wrong word is named."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import grouper  # noqa: F401 -- registers its texts
from codebooks.errors import GrouperError
from hl7_adapters.mllp import ListenerOptions, SenderOptions, sender

TO = {"host": "10.0.0.9", "port": 6661}


def test_an_empty_table_is_safe() -> None:
    options = ListenerOptions.from_mapping({})
    assert options == ListenerOptions()
    assert (options.host, options.port, options.form) == ("127.0.0.1", 2575, "hl7v2")


def test_values_from_files_and_from_the_environment_read_alike() -> None:
    options = ListenerOptions.from_mapping(
        {"port": "0", "idle_seconds": "60", "frame_limit": 1000, "ack_seconds": 5}
    )
    assert (options.port, options.idle_seconds, options.frame_limit) == (0, 60.0, 1000)
    assert options.ack_seconds == 5.0
    for word, value in (("true", True), ("1", True), (True, True), ("False", False), (0, False)):
        assert SenderOptions.from_mapping({**TO, "tls": word}).tls is value


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        ({"prot": 1}, "listeners.mllp.prot", "idle_seconds"),
        ({"port": 65536}, "listeners.mllp.port", "65535"),
        ({"port": -1}, "listeners.mllp.port", "65535"),
        ({"port": "http"}, "listeners.mllp.port", "整数"),
        ({"port": 25.75}, "listeners.mllp.port", "整数"),
        ({"port": True}, "listeners.mllp.port", "整数"),
        ({"port": 10**400}, "listeners.mllp.port", "65535"),
        ({"idle_seconds": 10**400}, "listeners.mllp.idle_seconds", "0.01"),
        ({"port": None}, "listeners.mllp.port", "整数"),
        ({"host": 5}, "listeners.mllp.host", "文字"),
        ({"frame_limit": 0}, "listeners.mllp.frame_limit", "64"),
        ({"frame_limit": float("inf")}, "listeners.mllp.frame_limit", "64"),
        ({"idle_seconds": 0}, "listeners.mllp.idle_seconds", "0.01"),
        ({"idle_seconds": "nan"}, "listeners.mllp.idle_seconds", "0.01"),
        ({"idle_seconds": [1]}, "listeners.mllp.idle_seconds", "0.01"),
        ({"tls_certificate": "a.pem"}, "listeners.mllp.tls_key", "同时"),
        ({"tls_key": "a.pem"}, "listeners.mllp.tls_key", "同时"),
        ({"tls_client_ca": "a.pem"}, "listeners.mllp.tls_client_ca", "tls_certificate"),
    ],
)
def test_a_wrong_option_of_the_listener_is_named(
    values: Mapping[str, object], name: str, words: str
) -> None:
    with pytest.raises(GrouperError) as wrong:
        ListenerOptions.from_mapping(values)
    assert wrong.value.code == "SETTING_INVALID"
    assert wrong.value.params["setting"] == name
    assert words in str(wrong.value)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, "options.host"),
        ({"host": "a"}, "options.port"),
        ({**TO, "port": 0}, "options.port"),
        ({**TO, "retry": "AR"}, "options.retry"),
        ({**TO, "retry": [1]}, "options.retry"),
        ({**TO, "tls": "maybe"}, "options.tls"),
        ({**TO, "tls_ca": "ca.pem"}, "options.tls"),
        ({**TO, "tls": True, "tls_key": "a"}, "options.tls_key"),
    ],
)
def test_a_wrong_option_of_the_sender_is_named(values: Mapping[str, object], name: str) -> None:
    with pytest.raises(GrouperError) as wrong:
        sender(values)
    assert wrong.value.code == "SETTING_INVALID"
    assert wrong.value.params["setting"] == name
    assert name in str(wrong.value)


def test_words_that_mean_try_again() -> None:
    assert SenderOptions.from_mapping({**TO, "retry": ["AR", "CR"]}).retry == ("AR", "CR")
