"""Log lines and error reports hold no secret, wherever in them it stood."""

from __future__ import annotations

import io
import logging
import pickle
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from django.core.mail import EmailMultiAlternatives
from django.test import Client, RequestFactory
from django.utils.log import AdminEmailHandler
from django.views.debug import technical_500_response
from netmiko.exceptions import ReadTimeout

from changes.domain.policy import Role
from devices.credentials.seen import forget, remember
from devices.domain.secret_values import spellings
from devices.drivers.base import Credential, Endpoint
from portal.environment import BASE_DIR
from portal.log_filter import SecretFilter, all_handlers, guard_all_handlers
from tests.factories import PersonFactory

SECRET = 'Tr0ub4dor&3"/ü'
COMMUNITY = "c0mmun1tyOfTheTest"


@pytest.fixture(autouse=True)
def known(settings: SimpleNamespace) -> Iterator[None]:
    settings.DEVICE_CREDENTIALS = "env:"
    remember(SECRET)
    yield
    forget()


@pytest.fixture
def log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger with a handler of its own that has the product's filter."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(SecretFilter())
    logger = logging.getLogger("tests.secrets")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, written
    logger.removeHandler(handler)


@pytest.mark.parametrize("spelling", sorted(spellings(SECRET)))
def test_each_spelling_is_masked_in_messages_and_arguments(
    log: tuple[logging.Logger, io.StringIO], spelling: str
) -> None:
    logger, written = log
    logger.warning("sent %s to %s", f"x{spelling}y", {"device": "fra-acc-01"})
    assert spelling not in written.getvalue()
    assert "fra-acc-01" in written.getvalue()


def test_tracebacks_are_masked_by_value_and_where_they_quote_a_device(
    log: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, written = log
    output = f"sw1(config)#snmp-server community {COMMUNITY} RO\r\nsw1(config)#"

    def time_out() -> None:
        raise ReadTimeout(f"Pattern not detected: 'sw1#' in output.\nOutput: {output!r}")

    def fail() -> None:
        try:
            time_out()
        except ReadTimeout as error:
            raise RuntimeError(f"failed with {SECRET}") from error

    try:
        fail()
    except RuntimeError:
        logger.exception("the worker failed", stack_info=True)
    assert SECRET not in written.getvalue()
    assert COMMUNITY not in written.getvalue()
    assert "Pattern not detected" in written.getvalue()


def test_our_own_sentences_stay_as_they_are(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log
    sentence = "User backup: the device stores a coded form of the secret of this user; the password is not known."
    logger.warning(sentence)
    assert written.getvalue() == f"{sentence}\n"


def test_a_line_that_cannot_be_masked_is_left_out(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log

    class Rude:
        def __str__(self) -> str:
            raise ValueError(SECRET)

    logger.warning("%s", Rude())
    assert SECRET not in written.getvalue()
    assert "could not be masked (ValueError)" in written.getvalue()


def test_every_handler_of_the_process_gets_the_filter() -> None:
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger("gunicorn.error").addHandler(handler)
    try:
        guard_all_handlers()
        assert all(any(isinstance(each, SecretFilter) for each in found.filters) for found in all_handlers())
    finally:
        logging.getLogger("gunicorn.error").removeHandler(handler)


def test_an_error_that_nobody_caught_is_masked_in_the_output_of_a_process() -> None:
    code = (
        "import django, os, threading; django.setup();"
        f"os.environ['VAULT_TOKEN'] = {SECRET!r};"
        "fail = lambda: (_ for _ in ()).throw(ValueError(os.environ['VAULT_TOKEN']));"
        "thread = threading.Thread(target=fail); thread.start(); thread.join(); fail()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "DEVICE_CREDENTIALS": "env:", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("ValueError: <hidden:") == 2, done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_an_error_report_in_debug_mode_shows_no_secret(accept: str, settings: SimpleNamespace) -> None:
    settings.DEBUG = True
    credential = Credential("netops", SECRET, SECRET)
    endpoint = Endpoint("sw1", "192.0.2.1", 22, "cisco_ios", credential, ())
    body = {"password": SECRET, "content": f"snmp-server community {SECRET} RO"}
    request = RequestFactory().post("/x/", body, HTTP_ACCEPT=accept)

    def fail(harmless: str, hidden_by_value: str) -> None:
        raise RuntimeError(f"{harmless} {hidden_by_value} {endpoint.name}")

    try:
        fail("the-device-sw1", f"something {SECRET} in a string")
    except RuntimeError:
        response = technical_500_response(request, *sys.exc_info())
    text = response.content.decode()
    assert not [spelling for spelling in spellings(SECRET) if spelling in text]
    assert "the-device-sw1" in text


def test_a_mail_to_administrators_holds_no_secret(
    settings: SimpleNamespace, mailoutbox: list[EmailMultiAlternatives]
) -> None:
    """None is sent as this installation is set up; somebody may add Django's own handler."""
    settings.ADMINS = [("Ada", "ada@example.net")]
    handler = AdminEmailHandler(include_html=True)
    handler.addFilter(SecretFilter())
    request = RequestFactory().post("/x/", {"password": SECRET}, HTTP_AUTHORIZATION=f"Bearer {SECRET}")

    def fail(output: str) -> None:
        raise RuntimeError(f"{SECRET} in a string") from ValueError(output)

    try:
        fail(f"snmp-server community {COMMUNITY} RO")
    except RuntimeError:
        record = logging.LogRecord("django.request", logging.ERROR, "", 0, "failed: %s", (SECRET,), sys.exc_info())
    record.request = request
    handler.handle(record)
    [mail] = mailoutbox
    texts = [mail.subject, str(mail.body), *(str(part[0]) for part in mail.alternatives)]
    assert len(texts) == 3
    assert "RuntimeError" in texts[1]
    for text in texts:
        assert not [spelling for secret in (SECRET, COMMUNITY) for spelling in spellings(secret) if spelling in text]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/credentials/", "/api/v1/credentials/"])
def test_the_answer_to_an_unforeseen_error_says_nothing_of_it(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise RuntimeError(f"{SECRET}: snmp-server community {COMMUNITY} RO")

    client = Client(raise_request_exception=False)
    client.force_login(PersonFactory.create(roles=[Role.AUDITOR]))
    monkeypatch.setattr("devices.services.credential_overview._devices_by_credential", fail)
    answer = client.get(path)
    assert answer.status_code == 500
    text = f"{answer.headers} {answer.cookies} {answer.content.decode()}"
    assert not [spelling for secret in (SECRET, COMMUNITY) for spelling in spellings(secret) if spelling in text]
    assert "RuntimeError" not in text


def test_a_credential_shows_its_username_alone_and_cannot_travel() -> None:
    credential = Credential("netops", SECRET, SECRET)
    for text in (repr(credential), str(credential), f"{credential}", repr([credential])):
        assert SECRET not in text
        assert "netops" in text
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(credential)


@pytest.mark.parametrize("mark", ["\n", "\r", "\x1b[2J", "\x85", "\u2028", "\u202e", "\u2066", "\x00"])
def test_nobody_writes_lines_of_his_own(log: tuple[logging.Logger, io.StringIO], mark: str) -> None:
    logger, written = log
    logger.warning("An error during %s", f"/changes/{mark}2026-03-01 ERROR portal: all is lost")
    [line] = written.getvalue().splitlines()
    assert line.startswith("An error during /changes/\\")
    assert mark[0] not in line


def test_an_error_that_was_caught_begins_no_line_of_the_log(log: tuple[logging.Logger, io.StringIO]) -> None:
    logger, written = log

    def fail() -> None:
        raise RuntimeError("first\n2026-03-01 ERROR portal: all is lost\x1b[2J")

    try:
        fail()
    except RuntimeError:
        logger.exception("failed")
    head, *rest = written.getvalue().splitlines()
    assert head == "failed"
    assert all(line.startswith("  ") for line in rest)
    assert "\x1b" not in written.getvalue()
