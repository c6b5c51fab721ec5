"""Which hooks are installed, by the metadata of packages alone: nothing of a hook is imported here."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Final

GROUP: Final = "countersign.hooks"
OWN: Final = "countersign"
_PROJECT: Final = Path(__file__).resolve().parents[2] / "pyproject.toml"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True)
class InstalledHook:
    """An entry point: its name, the object that it names (``package.module:object``), and the package that offers it.

    ``problem`` says why it can never be called; empty when it can.
    """

    name: str
    value: str
    distribution: str
    version: str
    problem: str = ""

    @property
    def is_own(self) -> bool:
        """Whether it is shipped with the product."""
        return self.distribution == OWN and self.value.startswith("changes.hooks.shipped.")


def installed_hooks() -> list[InstalledHook]:
    """Every hook that an installed package offers, by name. Reads files of metadata; no query, no import."""
    found = {(hook.name, hook.value, hook.distribution): hook for hook in (*_of_packages(), *_of_this_project())}
    names = Counter(hook.name for hook in found.values())
    return sorted((_judged(hook, names[hook.name]) for hook in found.values()), key=lambda hook: hook.name)


def installed_hook(name: str) -> InstalledHook | None:
    """The hook of this name that can be called; None where there is none."""
    return next((hook for hook in installed_hooks() if hook.name == name and not hook.problem), None)


def load(name: str) -> object:
    """Import what the entry point names. Only the process of hooks does this.

    Raises:
        LookupError: there is no such hook, or it cannot be called.
    """
    hook = installed_hook(name)
    if hook is None:
        raise LookupError(name)
    return EntryPoint(hook.name, hook.value, GROUP).load()


def _of_packages() -> list[InstalledHook]:
    return [
        InstalledHook(entry.name, entry.value, entry.dist.name, entry.dist.version)
        for entry in entry_points(group=GROUP)
        if entry.dist is not None
    ]


def _of_this_project() -> list[InstalledHook]:
    """Those of pyproject.toml, for an installation that runs from its source tree and is no package itself."""
    try:
        project = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return []
    offered = project.get("entry-points", {}).get(GROUP, {})
    return [InstalledHook(name, value, project["name"], project["version"]) for name, value in offered.items()]


def _judged(hook: InstalledHook, count: int) -> InstalledHook:
    problem = ""
    if count > 1:
        problem = "Several packages offer a hook of this name, so none of them is called. Remove all but one."
    elif not _NAME.fullmatch(hook.name):
        problem = "The name may only have small letters, digits, dots, dashes and underscores."
    return InstalledHook(hook.name, hook.value, hook.distribution, hook.version, problem)
