from __future__ import annotations

import pytest

from portal.environment import SettingError
from portal.netbox_environment import read_netbox

URL = "https://netbox.example.net"
TOKEN = "nbt_abcdefgh.0123456789"


def test_without_an_address_there_is_no_netbox_and_nothing_is_called_for() -> None:
    found = read_netbox({})
    assert (found.url, found.sync_s) == ("", 0)


def test_the_defaults() -> None:
    found = read_netbox({"NETBOX_URL": f"{URL}/api/", "NETBOX_TOKEN": TOKEN})
    assert (found.url, found.sync_s, found.full_sync_s, found.timeout_s) == (URL, 300, 43_200, 60)
    assert (found.platform_field, found.credential, found.webhook_secret) == ("countersign_platform", "", "")


def test_zero_switches_the_recurring_synchronisation_off() -> None:
    assert read_netbox({"NETBOX_URL": URL, "NETBOX_TOKEN": TOKEN, "NETBOX_SYNC_S": "0"}).sync_s == 0


def test_a_path_belongs_to_the_address() -> None:
    assert read_netbox({"NETBOX_URL": f"{URL}/netbox/", "NETBOX_TOKEN": TOKEN}).url == f"{URL}/netbox"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("NETBOX_URL", "netbox.example.net", "no address of a NetBox"),
        ("NETBOX_URL", "ftp://netbox", "no address of a NetBox"),
        ("NETBOX_URL", "https://admin:hunter2@netbox", "no address of a NetBox"),
        ("NETBOX_URL", "https://netbox:notaport", "no address of a NetBox"),
        ("NETBOX_URL", "https://netbox/?x=1", "no address of a NetBox"),
        ("NETBOX_TOKEN", "", "NETBOX_TOKEN is not"),
        ("NETBOX_TOKEN", "Token hunter2hunter2", "without the word"),
        ("NETBOX_TOKEN", "hunter2", "is no NetBox token"),
        ("NETBOX_FILTER", "sight=ams1", "no filter 'sight'"),
        ("NETBOX_WEBHOOK_SECRET", "hunter2", "has 7 characters"),
        ("NETBOX_SYNC_S", "5", "from 30, or 0 for never"),
        ("NETBOX_SYNC_S", "soon", "from 30, or 0 for never"),
        ("NETBOX_TIMEOUT_S", "-1", "whole number"),
        ("NETBOX_PLATFORM_FIELD", "my field", "letters, digits and underscores"),
    ],
)
def test_a_bad_value_is_refused_with_a_sentence_that_shows_no_secret(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingError, match=words) as refused:
        read_netbox({"NETBOX_URL": URL, "NETBOX_TOKEN": TOKEN, name: value})
    assert name in str(refused.value)
    assert "hunter2" not in str(refused.value)
