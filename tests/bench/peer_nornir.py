"""The peer: bare nornir with nornir-netmiko, in its own virtual environment (`requirements/bench.lock`).

`python tests/bench/peer_nornir.py` reads one JSON object from standard input: `{"hosts": {name: {"hostname", "port"}},
"username", "password", "workers", "lines"}`. Imports are over when it prints `ready`; the job begins with a second line
of input. It prints `{"wall_s", "cpu_s", "peak_kib", "failed": {name: error}, "short": n, "versions"}`.
"""

# It runs where only its own packages are, and they have no types here.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, T201

import json
import resource
import sys
import time
from importlib.metadata import version

from nornir.core import Nornir
from nornir.core.configuration import Config
from nornir.core.inventory import ConnectionOptions, Defaults, Groups, Host, Hosts, Inventory
from nornir.core.plugins.connections import ConnectionPluginRegister
from nornir.core.state import GlobalState
from nornir.core.task import Result
from nornir.plugins.runners import ThreadedRunner
from nornir_netmiko.tasks import netmiko_save_config, netmiko_send_command, netmiko_send_config

PATIENCE_S = 120
WHOLE = 2_000


def job(task, lines):
    """What an engineer's script does with each device: read, configure, save, read back."""
    before = task.run(netmiko_send_command, command_string="show running-config", read_timeout=PATIENCE_S).result
    task.run(netmiko_send_config, config_commands=lines, read_timeout=PATIENCE_S)
    task.run(netmiko_save_config)
    after = task.run(netmiko_send_command, command_string="show running-config", read_timeout=PATIENCE_S).result
    task.host.close_connections()
    return Result(task.host, result=[before.count("\n"), after.count("\n")])


def inventory(order):
    """The devices; `auth_timeout` and the others are raised, so that a busy machine makes nothing fail."""
    options = {"conn_timeout": PATIENCE_S, "auth_timeout": PATIENCE_S, "banner_timeout": PATIENCE_S}
    hosts = {
        name: Host(
            name=name,
            platform="cisco_ios",
            username=order["username"],
            password=order["password"],
            connection_options={"netmiko": ConnectionOptions(extras=options)},
            defaults=Defaults(),
            **where,
        )
        for name, where in order["hosts"].items()
    }
    return Inventory(hosts=Hosts(hosts), groups=Groups(), defaults=Defaults())


def main():
    """Do the job once on all devices."""
    order = json.loads(sys.stdin.readline())
    ConnectionPluginRegister.auto_register()
    runner = ThreadedRunner(num_workers=order["workers"])
    nornir = Nornir(inventory=inventory(order), runner=runner, config=Config(), data=GlobalState())
    print("ready", flush=True)
    sys.stdin.readline()
    began, spent = time.monotonic(), time.process_time()
    results = nornir.run(task=job, lines=order["lines"])
    wall_s, cpu_s = time.monotonic() - began, time.process_time() - spent
    failed = {name: repr(each.exception)[:300] for name, each in results.items() if each.failed}
    whole = [each[0].result for name, each in results.items() if name not in failed]
    print(
        json.dumps(
            {
                "wall_s": wall_s,
                "cpu_s": cpu_s,
                "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
                "failed": failed,
                "short": sum(min(counts) < WHOLE for counts in whole),
                "versions": {name: version(name) for name in ("nornir", "nornir-netmiko", "netmiko", "paramiko")},
            }
        ),
        flush=True,
    )


if __name__ == "__main__":
    main()
