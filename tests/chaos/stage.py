"""The stage: a database server that may be killed, simulated devices, people, and changes ready to be started."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import Error, connection

from audit.actor import Actor
from changes.domain.policy import Role
from changes.models import ChangeRequest, Run
from changes.services.rollback import Wish, change_rollback
from devices.lab.device import LabDeviceSpec, SshDevice
from devices.lab.lab import Lab, LabDevice
from devices.models import Device
from portal.embedded_postgres import Layout, postmaster
from portal.schema_owner import as_schema_owner
from tests.integration.changes.conftest import Office, enrol, person
from tests.integration.lab_fixtures import eos_device, small_device

_T = TypeVar("_T")
LINES: Final = tuple(f"logging host 10.9.0.{number}" for number in range(1, 4))
DEVICES: Final = 6
EOS_MINUTE_S: Final = 5.0
HISTORY: Final = """
CREATE TABLE chaos_history (
    device_run_id bigint, fence int, sent int, applied int, back_sent int, state text,
    at timestamptz DEFAULT clock_timestamp());
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO chaos_history VALUES (NEW.id, NEW.fence, NEW.lines_sent, NEW.lines_applied, NEW.backout_sent,
        NEW.state);
    RETURN NEW; END $$;
CREATE TRIGGER chaos_note AFTER INSERT OR UPDATE ON changes_devicerun FOR EACH ROW EXECUTE FUNCTION chaos_note();
"""
"""Every value that a device run ever had, with the time: written by the database itself, beside the product."""


def patiently(work: Callable[[], _T], *, within_s: float = 60) -> _T:
    """Do something with the database, which may be away for a moment."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            return work()
        except Error:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def database_kill() -> None:
    """Kill PostgreSQL with SIGKILL; its guardian starts it again. Returns when it serves."""
    data = Layout.of(settings.COUNTERSIGN_HOME).data
    victim = postmaster.running_pid(data)
    if victim is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        pid = postmaster.running_pid(data)
        if pid not in (None, victim) and postmaster.is_ready(data):
            return
        time.sleep(0.05)
    raise TimeoutError("PostgreSQL did not come back")


def prepare_database() -> None:
    """The product's tables, and the history that is kept beside them."""
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    with as_schema_owner(), connection.cursor() as cursor:
        cursor.execute(HISTORY)


@dataclass(frozen=True)
class Truth:
    """What a device had before an undisturbed run and after it: its running configuration, and the saved one.

    ``beside`` is the one before with somebody else's work.
    """

    baseline: tuple[str, str]
    target: tuple[str, str]
    beside: tuple[str, str] = ("", "")


class Simulated:
    """A simulated device under chaos: what can be done to it, and what it has."""

    def __init__(self, lab: Lab, device: LabDevice) -> None:
        self.lab, self.device, self.name = lab, device, device.name
        self._startup = device.startup_config()
        self._from = 0

    def reset(self) -> None:
        """As it was at first, without faults, with an empty log."""
        self.device.faults = type(self.device.faults)()
        inner = self.device._device

        def restore() -> None:
            inner.machine.write_startup(self._startup)
            inner.machine.reboot()

        self.lab.call(restore)
        self._from = len(self.device.log())

    def edit(self) -> None:
        """Somebody changes something that the change does not touch, and saves it."""
        self.device.edit_out_of_band(["interface GigabitEthernet1/0/4", "description theirs"])
        inner = self.device._device
        self.lab.call(lambda: inner.machine.write_startup(inner.machine.running_text()))

    def begin_log(self) -> None:
        """Forget what reached the device so far."""
        self._from = len(self.device.log())

    def log(self) -> list[dict[str, Any]]:
        """What reached the device in this schedule."""
        return self.device.log()[self._from :]

    def running(self) -> str:
        """The running configuration."""
        return self.device.running_config()

    def startup(self) -> str:
        """What it would start with."""
        return self.device.startup_config()

    def reboot(self) -> None:
        """Lose the running configuration and every session. Returns when the device answers again."""
        self.device.reboot()
        time.sleep(self.device.spec.boot_s + 0.2)

    def cut(self) -> None:
        """Cut every session; of a device without sessions, the next request after it was executed."""
        inner = self.device._device
        if isinstance(inner, SshDevice):

            def abort() -> None:
                for server in list(inner._servers):
                    server.abort()

            self.lab.call(abort)
        else:
            self.device.faults.drop_at, self.device.faults.drop_times = ".", 1

    def fill_disk(self) -> None:
        """From now on nothing can be saved."""
        self.device.faults.disk_full = True

    def refuse(self) -> None:
        """Refuse the last line of the change, so that it is backed out."""
        self.device.faults.reject = r"^logging host 10\.9\.0\.3$"


class Stage:
    """Devices of one kind, enrolled, with people who get changes approved."""

    kind = ""
    lines: tuple[str, ...] = LINES

    def __init__(self, devices: dict[str, Simulated], people: dict[str, Actor]) -> None:
        self.devices = devices
        self._office = Office(None, people)  # type: ignore[arg-type]  # its lab is not needed here
        self.truths: dict[str, Truth] = {}

    def approved(self, names: list[str]) -> ChangeRequest:
        """A change of these devices, planned and approved."""
        ids = list(Device.objects.filter(name__in=names).values_list("pk", flat=True))
        return self._office.approved(
            content="\n".join(self.lines) + "\n",
            targets={"device_ids": ids},
            strategy={"max_parallel": len(names), "failures_allowed_percent": 100},
        )

    def rolled_back(self, change: ChangeRequest) -> Run:
        """Order its rollback; workers may pull from now on."""
        return change_rollback(change_id=change.pk, implementer=self._office.people["olivia"], wish=Wish())

    def started(self, change: ChangeRequest) -> Run:
        """Begin to execute it; workers may pull from now on."""
        return self._office.started(change)


def people() -> dict[str, Actor]:
    """Who takes part."""
    return {
        "olivia": person("olivia", Role.REQUESTER, Role.IMPLEMENTER),
        "pete": person("pete", Role.PEER),
        "ana": person("ana", Role.CAB),
    }


def specs(kind: str) -> list[LabDeviceSpec]:
    """The devices of a kind."""
    names = [f"{kind}{number}" for number in range(1, DEVICES + 1)]
    if kind == "eos":
        return [eos_device(name, role="edge", site="FRA", minute_s=EOS_MINUTE_S) for name in names]
    return [small_device(name, role="access", site="FRA") for name in names]


@contextlib.contextmanager
def simulated_stage(kind: str, home: Path, cast: dict[str, Actor]) -> Iterator[Stage]:
    """Simulated devices: "cli" over SSH, or "eos" over eAPI with a commit timer."""
    with Lab(home / f"lab-{kind}", specs(kind)) as lab:
        enrol(lab)
        stage = Stage({device.name: Simulated(lab, device) for device in lab.devices}, cast)
        stage.kind = kind
        yield stage
