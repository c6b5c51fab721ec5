"""One of Countersign's worker processes, measured: `python -m tests.bench.runner_process`.

Does what a worker's task does, `changes.services.execution.run_devices`, in a process that can be timed alone. Prints
`ready`, reads the id of a run, works until the run has ended, and prints `{"cpu_s", "peak_kib", "claimed"}`.
"""

import json
import resource
import sys
import time


def main() -> None:
    """Work on one run."""
    from portal.start import prepare

    prepare(attach_database=True)
    import django

    django.setup()
    from django.conf import settings

    from changes.domain.run_states import RunState
    from changes.models import Run
    from changes.services.execution import run_devices
    from devices.drivers import registry  # noqa: F401 - a worker has long imported its drivers

    if settings.COUNTERSIGN_PIN_WORKERS:
        from portal.supervision.pinning import pin_to_a_core

        pin_to_a_core(settings.COUNTERSIGN_HOME / "pins")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    run_id = int(sys.stdin.readline())
    spent, claimed = time.process_time(), 0
    while True:
        claimed += run_devices(run_id)
        if Run.objects.filter(pk=run_id, state=RunState.ENDED).exists():
            break
        time.sleep(0.05)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    measured = {"cpu_s": time.process_time() - spent, "peak_kib": usage.ru_maxrss, "claimed": claimed}
    sys.stdout.write(json.dumps(measured) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
