"""Secrets planted in every channel are found nowhere: not in a table, a log, an export, a page or an API answer.

The walk goes over the database's own catalogue, so that a column that somebody adds tomorrow is searched too.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import string
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
import requests
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from audit.export import ExportFormat, export_start
from audit.filters import EventFilter
from audit.models import Event
from changes.models import ChangeRequest, PlanRevision, Run
from changes.services import device_steps
from changes.services.approvals import change_approve, change_assess, plan_open
from changes.services.dispatch import dispatch_once
from changes.services.execution import run_devices
from changes.services.planning import plan_request
from changes.services.requests import change_submit
from devices.credentials.seen import forget
from devices.domain.secret_values import spellings
from devices.lab.lab import Lab
from devices.lab.site import site_specs
from devices.models import Device
from portal.environment import BASE_DIR
from portal.log_filter import SecretFilter
from tests.integration.changes.conftest import Office, ends, enrol, person, story
from tests.integration.changes.test_unforeseen_errors import rule
from tests.integration.supervision.conftest import Worker

pytestmark = pytest.mark.lab

ONE = {"filter": {"name": "fra-acc-01"}}
PASSWORD = 'L4b"Pa55&w%rd'
ENABLE = "En4ble<Secret>"

OTHERS_TALK = ("django.db", "django.template", "asyncssh", "asyncio")
PAYLOAD = "changes_deviceplan.payload"
MAY_HOLD = {
    "changes_changerequest.content": "what the author wrote; it is sent to the devices",
    "changes_changerequest.variables": "what the author wrote; it is sent to the devices",
    "changes_planrevision.inputs": "the frozen copy of content and variables, from which the plan is made",
    PAYLOAD: "the exact bytes that people approve and devices get",
}
"""Columns that must hold what devices get. Configurations are compressed in devices_configblob, for the same reason."""


@dataclass
class Planted:
    """The secrets of one story, each for one channel."""

    content: str
    variable: str
    device: str
    rejected: str
    body: str
    credential: tuple[str, ...] = field(default=(PASSWORD, ENABLE), kw_only=True)
    everywhere: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.everywhere = (*self.credential, self.device, self.rejected, self.body)

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.everywhere, self.content, self.variable)

    def draft(self) -> dict[str, object]:
        check = {
            "name": "Servers", "command": "show running-config | include snmp-server", "expect": "contains",
            "value": "snmp-server", "timeout_s": 2,
        }  # fmt: skip
        return {
            "content": f"snmp-server community {self.content} RO\nsnmp-server community {{{{ shared }}}} RW\n",
            "variables": {"shared": self.variable},
            "targets": ONE,
            "checks": {"pre": [check], "post": [check]},
        }


def leaks(text: str, secrets: tuple[str, ...]) -> list[str]:
    return [spelling for secret in secrets for spelling in spellings(secret) if spelling in text]


def columns() -> list[tuple[str, str]]:
    """Every column of every table whose values could hold text."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns JOIN information_schema.tables"
            " USING (table_schema, table_name) WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
            " AND (data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY', 'USER-DEFINED')"
            " OR data_type LIKE 'character%%')"
        )
        return list(cursor.fetchall())


def text_of(table: str, column: str) -> str:
    """A column's values; bytes in hexadecimal, which is one of the spellings."""
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg({quoted(column)}::text, chr(10)), '') FROM {quoted(table)}")  # noqa: S608
        return str(cursor.fetchone()[0])


def leaking_columns(secrets: tuple[str, ...]) -> dict[str, list[str]]:
    found = {f"{table}.{column}": leaks(text_of(table, column), secrets) for table, column in columns()}
    sessions = json.dumps([session.get_decoded() for session in Session.objects.all()])
    found["django_session, unpacked"] = leaks(sessions, secrets)
    return {where: what for where, what in found.items() if what}


def exports(office: Office) -> str:
    raw = [
        b"".join(export_start(actor=office.people["audrey"], event_filter=EventFilter(), form=form).chunks)
        for form in ExportFormat
    ]
    return b"\n".join(raw).decode()


def whole(answer: Any) -> str:  # noqa: ANN401 - what the test client gives
    """An answer with its headers and cookies."""
    return f"{answer.headers}\n{answer.cookies}\n{answer.content.decode()}"


def pages(change: ChangeRequest, run: Run) -> Iterator[tuple[str, str]]:
    """What an auditor, who may read everything but content, sees of the story on pages and through the API."""
    client = Client()
    client.force_login(User.objects.get(username="audrey"))
    device, row = Device.objects.get(name="fra-acc-01"), run.device_runs.get()
    snapshot = device.snapshots.latest("pk")
    event = Event.objects.filter(change_id=change.pk).latest("pk")
    for name, *args in (
        ("change-detail", change.pk), ("change-plan", change.pk), ("change-timeline", change.pk),
        ("change-execution", change.pk), ("run-detail", change.pk, run.pk),
        ("run-device", change.pk, run.pk, row.pk), ("device-detail", device.pk),
        ("device-config", device.pk, snapshot.pk), ("audit-list",), ("audit-detail", event.pk), ("credential-list",),
    ):  # fmt: skip
        path = reverse(name, args=args)
        yield path, whole(client.get(path))
    for path in (
        f"/api/v1/changes/{change.pk}/", f"/api/v1/changes/{change.pk}/plan/", f"/api/v1/changes/{change.pk}/timeline/",
        f"/api/v1/runs/{run.pk}/", f"/api/v1/devices/{device.pk}/configs/{snapshot.pk}/",
        f"/api/v1/audit/events/?change_id={change.pk}", "/api/v1/credentials/",
    ):  # fmt: skip
        answer = client.get(path)
        assert answer.status_code == 200, path
        yield path, whole(answer)


def bad_requests(planted: Planted) -> Iterator[tuple[str, str]]:
    """Input that is refused, with a secret in each place that a sentence could quote."""
    client = Client()
    client.force_login(User.objects.get(username="olivia"))
    body = {"title": "", "reason": "x", "content": f"{{{{ {planted.body}", "variables": {"password": planted.body}}
    for path, data in (
        ("/api/v1/changes/", body),
        ("/api/v1/changes/", {"password": planted.body}),
        ("/api/v1/tokens/", {"username": "olivia", "password": planted.body}),
    ):
        answer = client.post(path, data, content_type="application/json")
        assert answer.status_code in {400, 401, 403, 422}, (path, answer.status_code)
        yield path, whole(answer)
    answer = client.post("/api/v1/changes/", f'{{"password": "{planted.body}", ]', content_type="application/json")
    assert answer.status_code == 400
    yield "malformed", whole(answer)
    stranger = Client()
    yield "sign-in", whole(stranger.post("/sign-in/", {"username": "olivia", "password": planted.body}))
    form = {"title": "", "reason": "x", "content": f"snmp-server community {planted.body} RO", "target_by": "filter"}
    for path in (f"/devices/?password={quote(PASSWORD)}", f"/changes/?q={quote(ENABLE)}"):
        # Whoever follows a link with a secret in it sees what they typed; nobody else may, nor any page after it.
        client.get(path)
    client.post("/changes/new/", form)
    for path in ("/", "/changes/", reverse("api-schema")):
        answer = client.get(path)
        assert answer.status_code == 200, path
        yield path, whole(answer)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the product and its libraries log in this process, through the filter that all its handlers have.

    Everything down to DEBUG, as somebody may set it who looks for a fault; only the database's and the lab's own talk
    is left out: the first is the tables again, the second is the device's side. Templates quote whole contexts at
    DEBUG, so their level is fixed.
    """
    assert logging.getLogger("django.template").level == logging.WARNING
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(SecretFilter())
    names = ["", *(name for name in logging.Logger.manager.loggerDict if not name.startswith(OTHERS_TALK))]
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    [spec] = (spec for spec in site_specs(12) if spec.name == "fra-acc-01")
    with Lab(tmp_path / "lab", [replace(spec, privilege=1, enable_secret=ENABLE)], password=PASSWORD) as running:
        yield running


@pytest.fixture
def office(transactional_db: None, lab: Lab, tmp_path: Path, settings: SimpleNamespace) -> Iterator[Office]:
    """One switch that asks for an enable secret, and the people; the credential store is a file."""
    store = tmp_path / "credentials.yaml"
    login = {"username": lab.username, "password": PASSWORD, "enable_secret": ENABLE}
    store.write_text(json.dumps({"lab": {"read": login, "write": login}}))
    store.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{store}"
    settings.DEVICE_RETRY_BASE_S = 0.05
    settings.COUNTERSIGN_RECONNECT_WAIT_S = 0.2
    enrol(lab)
    cast = {
        "olivia": ("requester", "implementer"), "pete": ("peer",), "ana": ("cab",), "maria": ("change-manager",),
        "audrey": ("auditor",),
    }  # fmt: skip
    from changes.domain.policy import Role

    yield Office(lab, {name: person(name, *map(Role, roles)) for name, roles in cast.items()})
    forget()


def plant(office: Office, planted: Planted) -> None:
    """The device shows secrets in places that no pattern knows, and in one that they know."""
    lines = [f"snmp-server location hall {PASSWORD} {ENABLE}", f"snmp-server community {planted.device} RW"]
    office.lab.device("fra-acc-01").edit_out_of_band(lines)


def refused_change(office: Office, planted: Planted) -> Run:
    """A change of which the device refuses a line, quoting it, so that it is backed out."""
    device = office.lab.device("fra-acc-01")
    device.faults.reject = "^tacacs-server"
    change = office.approved(content=f"tacacs-server key {planted.rejected}\n", targets=ONE)
    run = office.executed(change)
    device.faults.reject = ""
    assert [code for _state, code in ends(run).values()] == ["COMMAND_REJECTED"], story(run)
    return run


def assert_nothing_leaked(office: Office, planted: Planted, stories: list[tuple[ChangeRequest, Run]], log: str) -> None:
    found = leaking_columns(planted.all)
    assert set(found) <= set(MAY_HOLD), {where: what for where, what in found.items() if where not in MAY_HOLD}
    unmeant = leaking_columns((*planted.credential, planted.device, planted.body))
    assert set(unmeant) <= {PAYLOAD}, "the approved diff quotes the lines around the change; no other column may"
    assert leaks(log, planted.all) == []
    assert leaks(exports(office), planted.all) == []
    for change, run in stories:
        for where, text in pages(change, run):
            assert leaks(text, planted.all) == [], where
    for where, text in bad_requests(planted):
        assert leaks(text, planted.all) == [], where


TOKENS = st.text(string.ascii_letters + string.digits + "!%&*+,-./=@_~", min_size=10, max_size=24).filter(
    lambda text: text[0].isalnum() and text[-1].isalnum() and not text.isdigit()
)


@hypothesis_settings(max_examples=1, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TOKENS, TOKENS, TOKENS, TOKENS, TOKENS)
@example("C0ntent&Secret%1", "V4riable+Secret=2", "D3vice/Secret~3", "R3jected@Secret!4", "B0dy*Secret,5")
def test_planted_secrets_are_nowhere_after_the_whole_way(
    office: Office, log: io.StringIO, content: str, variable: str, device: str, rejected: str, body: str
) -> None:
    secrets = [
        f"{prefix}{secret}" for prefix, secret in zip("cvdrb", (content, variable, device, rejected, body), strict=True)
    ]
    planted = Planted(*secrets)
    plant(office, planted)
    refused = refused_change(office, planted)
    change = office.approved(**planted.draft())
    run = office.executed(change)
    assert [state for state, _code in ends(run).values()] == ["succeeded"], story(run)
    assert_nothing_leaked(office, planted, [(refused.change, refused), (change, run)], log.getvalue())
    held = leaking_columns((planted.content,))
    assert set(held) == {where for where in MAY_HOLD if not where.endswith(".variables")}, (
        "a reason that no longer holds"
    )


def test_an_unforeseen_error_that_quotes_secrets_leaves_none_behind(
    office: Office, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted("c0ntentSecret", "v4riableSecret", "d3viceSecret", "r3jectedSecret", "b0dySecret")
    plant(office, planted)
    change = office.approved(**planted.draft())
    run = office.started(change)

    def fail(**values: object) -> None:
        local = f"{PASSWORD} and {ENABLE}"
        output = f"sw1(config)#snmp-server community {planted.device} RW\r\nsw1(config)#"
        raise RuntimeError(f"Pattern not detected with {local}.\nOutput: {output!r}")

    monkeypatch.setattr(device_steps, "snapshot_store", fail)
    for _round in range(60):
        run_devices(run.pk)
        dispatch_once()
        run.refresh_from_db()
        if run.state == "ended":
            break
        time.sleep(0.1)
    assert [code for _state, code in ends(run).values()] == ["WORKER_FAILED"], story(run)
    assert "Pattern not detected" in log.getvalue()
    assert_nothing_leaked(office, planted, [(change, run)], log.getvalue())


@pytest.mark.workers
def test_a_real_web_servers_log_holds_no_secret(
    office: Office, process_environment: dict[str, str], tmp_path: Path
) -> None:
    secret, log = "w3bServerSecret", tmp_path / "web.log"
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    environment = {
        **process_environment, "DEVICE_CREDENTIALS": django_settings.DEVICE_CREDENTIALS, "VAULT_TOKEN": secret,
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--bind", address, "--access-logfile", "-"]
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--no-control-socket"], cwd=BASE_DIR, env=environment, stdout=output, stderr=output
        )
    try:
        until_answered(f"http://{address}/healthz")
        for path in (f"/changes/?password={PASSWORD}x", f"/{secret}/", f"/devices/?name={quote(ENABLE)}"):
            requests.get(f"http://{address}{path}", timeout=30, headers={"User-Agent": f"agent {secret}"})
        body = f'{{"password": "{PASSWORD}", '
        requests.post(
            f"http://{address}/api/v1/tokens/", body, timeout=30, headers={"Content-Type": "application/json"}
        )
    finally:
        server.terminate()
        server.wait(20)
    assert "GET /changes/?password=" in log.read_text(), log.read_text()[-2000:]
    assert leaks(log.read_text(), (PASSWORD, ENABLE, secret)) == []


def until_answered(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            requests.get(url, timeout=5)
        except requests.RequestException:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        else:
            return


@pytest.mark.workers
def test_a_real_workers_log_and_tables_hold_no_secret(
    office: Office, process_environment: dict[str, str], tmp_path: Path
) -> None:
    planted = Planted("w0rkerContent", "w0rkerVariable", "w0rkerDevice", "w0rkerRejected", "w0rkerBody")
    plant(office, planted)
    environment = {**process_environment, "DEVICE_CREDENTIALS": django_settings.DEVICE_CREDENTIALS}
    worker = Worker(environment, tmp_path / "worker.log", drain_s=5)
    try:
        change = office.draft(**planted.draft())  # type: ignore[arg-type]
        revision = plan_request(change_id=change.pk, actor=office.people["olivia"])
        until(revision, "building")
        change_submit(change_id=change.pk, requester=office.people["olivia"])
        for name, decide in (("pete", change_assess), ("ana", change_approve)):
            plan_open(revision=revision, actor=office.people[name])
            decide(change_id=change.pk, approver=office.people[name], plan_digest=revision.digest)
        change.refresh_from_db()
        # Something that nobody foresaw, so that the worker has to say it: the database refuses a step, quoting its row.
        with rule("changes_runstep", "name <> 'verifying'"):
            run = office.started(change)
            until_logged(tmp_path / "worker.log", "unforeseen")
        until(run, "running")
    finally:
        worker.stop(seconds=60)
    assert "DETAIL:  Failing row contains" in (tmp_path / "worker.log").read_text()
    assert_nothing_leaked(office, planted, [(change, run)], (tmp_path / "worker.log").read_text())
    uses = list(Event.objects.filter(action="credential.used", change_id=change.pk))
    assert {json.loads(event.body)["details"]["purpose"] for event in uses} == {"read", "write"}


def until(row: PlanRevision | Run, under_way: str) -> None:
    """Wait until a row has left a state; bounded."""
    deadline = time.monotonic() + 60
    while row.state == under_way:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        row.refresh_from_db()


def until_logged(log: Path, words: str) -> None:
    deadline = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
