"""What a worker's memory does with the size of a run: `python -m tests.bench.memory_bench [--counts 100 10000]`.

A worker process first carries out a run over some real simulated devices, from connecting to saved, then one over so
many devices whose address hangs up at once: each is claimed, locked, proved against the approved plan, journalled,
tried, and ended as failed. Thousands of simulated devices would cost the simulator's time, and show nothing more of
what a worker could keep from device to device. Each count has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.bench.bench_processes import Child

if TYPE_CHECKING:
    from changes.models import ChangeRequest, DevicePlan, PlanRevision
    from devices.models import ConfigSnapshot, Device, HostKey

BASE = Path(__file__).resolve().parents[2]
REAL = 40
LINES = ["ntp server 198.51.100.77"]
BASELINE = "hostname {name}\nntp server 198.51.100.1\n"


class Bench:
    """An installation with the real devices, and as many others as wanted."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        command = [sys.executable, "-m", "tests.bench.small_lab", str(home / "lab"), "1", str(REAL)]
        self.lab = stack.enter_context(Child(command, dict(os.environ)))
        self.lab.read()
        from portal.start import prepare

        prepare(attach_database=True)
        import django

        django.setup()
        from tests.bench import bench_change

        bench_change.install(home / "lab" / "inventory.yaml")
        self._change = bench_change
        self._port = stack.enter_context(_refusing())
        self._runs = 0

    def measure(self, count: int) -> dict[str, float]:
        """Sizes in MiB of one worker process: when it begins, after the real devices, after so many others; seconds."""
        self._runs += 1
        lines = [f"snmp-server location rack {self._runs}"]
        real = self._change.started(self._change.approved_change(lines, at_once=20))
        with Child([sys.executable, "-m", "tests.bench.memory_bench", "--runner"], os.environ) as runner:
            begin = runner.read()
            warm = runner.ask(run=real.pk)
            began = time.monotonic()
            many = self._change.started(self._approved(count))
            prepared_s = time.monotonic() - began
            began = time.monotonic()
            after = runner.ask(run=many.pk)
            taken_s = time.monotonic() - began
        ends = Counter(many.device_runs.values_list("state", "code"))
        if ends.total() != count or len(ends) != 1:
            raise RuntimeError(f"not all were refused: {ends}")
        sys.stderr.write(f"{count}: {ends}, prepared in {prepared_s:.0f} s\n")
        return {
            "begin": begin["rss"], "warm": warm["rss"], "warm_peak": warm["peak"],
            "after": after["rss"], "peak": after["peak"], "s": taken_s,
        }  # fmt: skip

    def _approved(self, count: int) -> ChangeRequest:
        """A change over so many devices that nobody answers for, with a real plan: bytes, digests, baselines."""
        from changes.domain.plan import merkle_root
        from changes.models import DevicePlan
        from changes.services.requests import change_create
        from changes.services.rollout import waves_settle

        change = change_create(
            data={
                "title": "Set a clock",
                "reason": "A benchmark.",
                "content": "\n".join(LINES) + "\n",
                "targets": {"filter": {"site": [f"NOWHERE-{self._runs}"]}},
                "strategy": {"max_parallel": 50, "failures_allowed_percent": 100},
            },
            author=self._change.actor("author"),
        )
        revision = _empty_revision(change, count)
        plans = self._plans(revision, count)
        DevicePlan.objects.bulk_create(plans, batch_size=500)
        waves_settle(revision)
        digests = DevicePlan.objects.filter(revision=revision).order_by("position").values_list("digest", flat=True)
        revision.digest, revision.state = merkle_root(list(digests)), "ready"
        revision.save()
        change.revision = revision
        change.save(update_fields=["revision"])
        return self._change.reviewed(change, revision)

    def _plans(self, revision: PlanRevision, count: int) -> Iterator[DevicePlan]:
        from devices.models import ConfigSnapshot, Device, HostKey, SnapshotPurpose
        from devices.services.snapshots import snapshot_store

        names = [f"nowhere-{self._runs}-{number:05}" for number in range(count)]
        devices = Device.objects.bulk_create(
            (
                Device(
                    source="bench", source_key=name, name=name, platform="cisco_ios", address="127.0.0.1",
                    port=self._port, site=f"NOWHERE-{self._runs}", hostname=name, serial=name, credential="lab",
                    synced_at=revision.created_at,
                )
                for name in names
            ),
            batch_size=500,
        )  # fmt: skip
        HostKey.objects.bulk_create((_key(device) for device in devices), batch_size=500)
        text = BASELINE.format(name="nowhere")
        first = snapshot_store(device=devices[0], text=text, purpose=SnapshotPurpose.PLAN)
        rest = ConfigSnapshot.objects.bulk_create(
            (ConfigSnapshot(device=device, blob_id=first.blob_id, purpose=first.purpose) for device in devices[1:]),
            batch_size=500,
        )
        for position, (device, snapshot) in enumerate(zip(devices, [first, *rest], strict=True)):
            yield _device_plan(revision, device, position, text, snapshot)


def _key(device: Device) -> HostKey:
    """A pinned key that nobody holds the other half of."""
    from devices.models import HostKey
    from devices.services.host_keys import fingerprint
    from tests.factories import public_key

    key = public_key(1)
    return HostKey(
        device=device, key_type="ssh-ed25519", public_key=key, fingerprint=fingerprint(key), enrolled_by="bench"
    )


def _empty_revision(change: ChangeRequest, count: int) -> PlanRevision:
    from changes.domain.approval_policy.shipped_policies import BUILTIN_POLICY
    from changes.models import PlanRevision

    return PlanRevision.objects.create(
        change=change,
        number=1,
        inputs={
            "content": change.content,
            "variables": change.variables,
            "checks": change.checks,
            "strategy": change.strategy,
            "targets": change.targets,
        },
        policy_version=BUILTIN_POLICY.label,
        device_count=count,
        requested_by=change.author,
    )


def _device_plan(
    revision: PlanRevision, device: Device, position: int, text: str, snapshot: ConfigSnapshot
) -> DevicePlan:
    from changes.domain.plan import DeviceIdentity, DevicePayload, device_digest
    from changes.models import DevicePlan
    from changes.services.device_work import sha256_hex

    identity = DeviceIdentity(
        source=device.source, key=device.source_key, name=device.name, platform=device.platform,
        address=device.address, port=device.port, serial=device.serial, hostname=device.hostname,
        host_key_sha256=(_key(device).fingerprint,),
    )  # fmt: skip
    payload = DevicePayload(
        device=identity,
        driver="netmiko-cli",
        baseline_sha256=sha256_hex(text),
        commands=tuple(LINES),
        expected_diff=f"+{LINES[0]}\n",
        target_sha256=sha256_hex(f"{text}{LINES[0]}\n"),
        backout=(f"no {LINES[0]}",),
        policy_version=revision.policy_version,
        strategy={**revision.inputs["strategy"], "wave": 1},
    ).to_bytes()
    return DevicePlan(
        revision=revision, device=device, position=position, state="ready", wave=1, payload=payload.decode(),
        digest=device_digest(payload), baseline=snapshot, diff_source="estimate", diff_group=sha256_hex(LINES[0]),
        lines_added=1, lines_removed=0,
    )  # fmt: skip


@contextmanager
def _refusing() -> Iterator[int]:
    """A port that takes each connection and closes it at once."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def runner() -> None:
    """A worker process: works on each run whose id it reads, and says how large it is."""
    from portal.start import prepare

    prepare(attach_database=True)
    import django

    django.setup()
    from changes.domain.run_states import RunState
    from changes.models import Run
    from changes.services.execution import run_devices
    from devices.drivers import registry  # noqa: F401 - a worker has long imported its drivers

    _say(_sizes())
    for line in sys.stdin:
        run = Run.objects.get(pk=json.loads(line)["run"])
        while run.state != RunState.ENDED:
            run_devices(run.pk)
            run.refresh_from_db(fields=["state"])
        _say(_sizes())


def _sizes() -> dict[str, float]:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {name: int(lines[key].split()[0]) / 1024 for name, key in (("rss", "VmRSS"), ("peak", "VmHWM"))}


def _say(data: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(data) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure each count, and print the table."""
    parser = argparse.ArgumentParser(description="Measure a worker's memory over runs of different sizes.")
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--threads", type=int, default=16)
    parser.add_argument("--runner", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.runner:
        runner()
        return
    root = Path(os.environ.get("COUNTERSIGN_HOME") or BASE / "var") / "bench"
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, prefix="home-") as folder, ExitStack() as stack:
        Path(folder).chmod(0o755)
        os.environ.pop("DATABASE_URL", None)
        os.environ |= {
            "COUNTERSIGN_HOME": folder,
            "COUNTERSIGN_THREADS": str(options.threads),
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "DEVICE_CREDENTIALS": f"file:{folder}/lab/credentials.yaml",
            "DEVICE_CONNECT_ATTEMPTS": "1",
            "COUNTERSIGN_BREAKER_SITE_FAILURES": "0",
        }
        bench = Bench(Path(folder), stack)
        sys.stdout.write(
            f"| device runs | begins, MiB | after {REAL} real devices | peak until then | after all | peak | grew by |"
            " devices/s |\n| --- | --- | --- | --- | --- | --- | --- | --- |\n"
        )
        for count in options.counts:
            found = bench.measure(count)
            sizes = [found[name] for name in ("begin", "warm", "warm_peak", "after", "peak")]
            cells = " | ".join(f"{size:.1f}" for size in [*sizes, found["peak"] - found["warm_peak"]])
            sys.stdout.write(f"| {count:,} | {cells} | {count / found['s']:.1f} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
