"""The process in which one hook is called once: reads one JSON request, writes one JSON answer, ends.

It has no database, no settings and no secrets of the product; what the hook prints goes nowhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
from collections.abc import Mapping
from typing import Any, Final

from changes.hooks.guardian import stand_guard
from changes.hooks.interface import (
    API_VERSION,
    POINTS,
    ChangeInfo,
    DeviceInfo,
    HookEvent,
    Objection,
    PlanInfo,
    RunInfo,
    WaveInfo,
)
from changes.hooks.registry import load

_MEMORY: Final = 1024 * 1024 * 1024
_SENTENCE: Final = 2_000
_NICE: Final = 5
"""Lower than the workers' priority: where processors are short, devices go before hooks."""
_PARTS: Final = {"change": ChangeInfo, "plan": PlanInfo, "run": RunInfo, "wave": WaveInfo, "device": DeviceInfo}


def main() -> None:
    """Answer the one request on standard input."""
    out = os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    request = json.loads(sys.stdin.buffer.readline())
    stand_guard(float(request["limit_s"]), answers=out)
    _limit(int(request["limit_s"]))
    answer = _answer(request)
    with contextlib.suppress(BrokenPipeError):
        os.write(out, json.dumps(answer).encode() + b"\n")
    # Threads that a hook has left behind would keep the process alive.
    os._exit(0)


def _limit(seconds: int) -> None:
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds + 1, seconds + 2))


def _answer(request: Mapping[str, Any]) -> dict[str, object]:
    try:
        found = load(request["name"])
        hook: Any = found() if isinstance(found, type) else found
        described = {"api": hook.api, "points": [str(point) for point in hook.points]}
        if request["do"] == "describe":
            return described
        if hook.api != API_VERSION:
            return {"trouble": f"It was written for version {hook.api} of the interface; this is {API_VERSION}."}
        return _said(hook.call(event_of(request["event"])))
    except BaseException as error:  # noqa: BLE001 - whatever a hook does is told, never passed on
        return {"crash": f"{type(error).__name__}: {error}"[:_SENTENCE]}


def _said(value: object) -> dict[str, object]:
    if value is None:
        return {"agrees": True}
    if isinstance(value, Objection) and isinstance(value.sentence, str) and value.sentence.strip():
        return {"objection": value.sentence[:_SENTENCE]}
    return {"trouble": f"It answered with {type(value).__name__}; only None and Objection with a sentence are answers."}


def event_of(data: Mapping[str, Any]) -> HookEvent:
    """The event from its JSON form."""
    parts: dict[str, Any] = {name: kind(**data[name]) for name, kind in _PARTS.items() if data.get(name) is not None}
    if parts.get("wave") is not None:
        parts["wave"] = WaveInfo(**{**data["wave"], "devices": tuple(data["wave"]["devices"])})
    if data["point"] not in POINTS:
        raise ValueError(data["point"])
    return HookEvent(api=data["api"], point=data["point"], id=data["id"], at=data["at"], **parts)


if __name__ == "__main__":
    main()
