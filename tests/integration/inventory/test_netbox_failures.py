"""Each way in which a NetBox fails has its own sentence, and costs nothing that is known."""

from __future__ import annotations

import threading

import pytest
import requests
from pynetbox.core.query import RequestError
from pytest_django import Settings

from devices.errors import InventoryError
from devices.models import Device, SyncRun
from devices.sources.netbox_errors import NETBOX_FAILURES, netbox_failures
from tests.integration.inventory.netbox_stub import TOKEN, NetBoxStub
from tests.integration.inventory.test_netbox_sync import sync


def failed(netbox: NetBoxStub, code: str = "INV_REFRESH_FAILED") -> str:
    run = sync()
    assert (run.state, run.code) == ("failed", code), run.detail
    assert TOKEN not in "".join(str(value) for row in SyncRun.objects.values() for value in row.values())
    assert not Device.objects.exists()
    return run.detail


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ("Invalid v2 token", "NetBox does not know this token"),
        ("Invalid v1 token", "NetBox does not know this token"),
        ("Token expired", "has expired"),
        ("Token disabled", "is disabled"),
        ("User inactive", "account that the token belongs to is inactive"),
        ("Source IP 10.0.0.1 is not permitted to authenticate using this token.", "from this machine's address"),
        ("Client IP address could not be determined for validation. Check …", "cannot tell this machine's address"),
        ("Invalid authorization header: Could not parse key from v2 token.", "malformed"),
        ("Authentication credentials were not provided.", "got no token"),
        ("You do not have permission to perform this action.", "permission to sign in"),
        ("The moon is full.", "refuses the token (403) while asking for its status: The moon is full."),
    ],
)
def test_each_way_a_token_is_wrong_has_its_own_sentence(netbox: NetBoxStub, refusal: str, sentence: str) -> None:
    netbox.refusal = refusal
    assert sentence in failed(netbox, "INV_SOURCE_DENIED")
    assert netbox.asked == ["/api/status/"], "the address of the version would answer such a token"


@pytest.mark.parametrize("kind", NETBOX_FAILURES)
def test_whatever_pynetbox_and_requests_raise_is_one_kind_of_error(kind: type[Exception]) -> None:
    error = kind.__new__(kind)
    if isinstance(error, RequestError):
        error.req = requests.Response()
        error.req.status_code = 502
    with (
        pytest.raises(InventoryError, match="example"),
        netbox_failures(what="reading", permission="x", host="example"),
    ):
        raise error


@pytest.mark.parametrize(
    ("status", "text", "kind", "sentence"),
    [
        (200, "<html>Welcome</html>", "text/html", "a page instead of JSON"),
        (200, '{"detail": "fine"}', "application/json", "an answer that is not NetBox's"),
        (200, '"text"', "application/json", "an answer that is not NetBox's"),
        (200, "[1, 2]", "application/json", "an answer that is not NetBox's"),
        (404, '{"detail": "Not found."}', "application/json", "no NetBox interface at this address"),
        (400, '{"detail": "Bad filter."}', "application/json", "does not accept the request"),
        (500, "Server Error", "text/html", "answered with an error (500)"),
    ],
)
def test_what_is_no_netbox_says_so(netbox: NetBoxStub, status: int, text: str, kind: str, sentence: str) -> None:
    netbox.answer = (status, text, kind)
    assert sentence in failed(netbox)


def test_a_server_that_ignores_the_filter_by_id_is_not_read_for_ever(netbox: NetBoxStub) -> None:
    netbox.page_limit = 2
    netbox.ignore_ids = True
    for number in range(1, 6):
        netbox.add(number)
    assert "ignores the filter by id" in failed(netbox)


def test_a_slow_answer_is_not_waited_for_without_end(netbox: NetBoxStub, settings: Settings) -> None:
    settings.NETBOX_TIMEOUT_S = 0.05
    netbox.hold = threading.Event()
    try:
        assert "did not answer in time" in failed(netbox)
    finally:
        netbox.hold.set()


def test_nobody_listens(netbox: NetBoxStub, settings: Settings) -> None:
    settings.NETBOX_URL = "http://127.0.0.1:9"
    assert "127.0.0.1:9 cannot be reached" in failed(netbox)


def test_a_read_that_fails_in_passing_is_tried_again(netbox: NetBoxStub) -> None:
    netbox.add(1)
    netbox.fail_gets = 2
    assert sync().created == 1
