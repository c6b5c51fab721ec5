"""What the rules say about a change, for the tests of the semantic warnings."""

from __future__ import annotations

from typing import Any

from devices.domain.config_text import normalise
from devices.domain.platforms import Platform, platform_for
from devices.domain.prediction import predict
from devices.domain.warnings import Finding, OwnSession, Review, Situation, review

US = OwnSession(address="10.0.99.5", client_address="10.9.9.9", username="countersign")


def reviewed(slug: str, running: str, commands: str, target: str = "", **facts: Any) -> Review:  # noqa: ANN401
    """The review of a change. The target is predicted, or for Junos made from statements; ``facts`` as in Situation."""
    platform = platform_for(slug)
    lines = commands.strip("\n").split("\n")
    facts.setdefault("session", US)
    before = normalise(running, platform)
    after = normalise(target, platform) if target else _target(before, lines, platform)
    return review(Situation.read(before, after, lines, platform, **facts))


def _target(before: str, lines: list[str], platform: Platform) -> str:
    return predict(before, lines, platform) if platform.predictable else _junos(before, lines)


def _junos(before: str, lines: list[str]) -> str:
    statements = before.splitlines()
    for line in lines:
        verb, _, rest = line.partition(" ")
        if verb == "delete":
            statements = [one for one in statements if not f"{one} ".startswith(f"set {rest} ")]
        elif line not in statements:
            statements.append(line)
    return "".join(f"{one}\n" for one in statements)


def warned(slug: str, running: str, commands: str, target: str = "", **facts: Any) -> list[tuple[str, int | None]]:  # noqa: ANN401
    """Codes and line numbers, sorted by code."""
    return sorted((one.code, one.number) for one in reviewed(slug, running, commands, target, **facts).findings)


def told(slug: str, running: str, commands: str, code: str, target: str = "", **facts: Any) -> Finding:  # noqa: ANN401
    """The one finding of a rule."""
    (found,) = [one for one in reviewed(slug, running, commands, target, **facts).findings if one.code == code]
    return found
