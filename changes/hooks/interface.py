"""The interface of hooks, version 1. Packages that offer hooks import this module and nothing else of the product.

It stays as it is; what is added later has a default. A change that would break hooks gets another version number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

API_VERSION: Final = 1
POINTS: Final = ("before_plan", "after_plan", "before_wave", "after_device", "after_run")


@dataclass(frozen=True, slots=True)
class ChangeInfo:
    """The change request. ``type`` is standard, normal or emergency; ``url`` its page."""

    id: int
    number: str
    title: str
    type: str
    state: str
    author: str
    url: str


@dataclass(frozen=True, slots=True)
class PlanInfo:
    """The plan revision. ``digest`` is empty before it is ready; ``state`` is building, ready or failed."""

    revision: int
    state: str
    digest: str
    devices: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run; ``outcome`` is empty until it has ended."""

    id: int
    state: str
    outcome: str
    devices: int
    code: str = ""


@dataclass(frozen=True, slots=True)
class WaveInfo:
    """The wave that is about to open, counted from 1, with the names of its devices, at most 500."""

    number: int
    name: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device that a run has finished with; ``state`` is how its device run ended, ``code`` a reason code or empty."""

    name: str
    platform: str
    site: str
    state: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class HookEvent:
    """What a hook is told: which point, about which change; plan, run, wave and device where they exist.

    It never holds configuration, variables or secrets. ``id`` is the same when a call is repeated because a worker was
    lost; ``at`` is ISO 8601, UTC.
    """

    api: int
    point: str
    id: str
    at: str
    change: ChangeInfo
    plan: PlanInfo
    run: RunInfo | None = None
    wave: WaveInfo | None = None
    device: DeviceInfo | None = None


@dataclass(frozen=True, slots=True)
class Objection:
    """The answer of a hook before a plan or a wave that does not agree; the sentence is shown to people.

    It stops something only where an administrator has made the hook required. After the fact it is only noted.
    """

    sentence: str


@runtime_checkable
class Hook(Protocol):
    """What the entry point's object is: an instance, or a class that is called without arguments.

    ``api`` is the version of this interface that it was written for, ``points`` those that it wants to be called at.
    """

    api: int
    points: Iterable[str]

    def call(self, event: HookEvent) -> Objection | None:
        """Look at what happens; None agrees. An exception counts as no answer. It may be called twice for one id."""
