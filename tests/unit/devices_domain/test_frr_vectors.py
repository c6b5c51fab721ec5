"""Predictions and backouts against what a real FRRouting printed; the recordings are in tests/vectors/frr."""

import json
from pathlib import Path
from typing import TypedDict

import pytest

from devices.domain.inverse import inverse_commands
from devices.domain.platforms import platform_for
from devices.domain.prediction import predict


class Case(TypedDict):
    before: list[str]
    commands: list[str]
    after: list[str]
    backout: list[str]


FRR = platform_for("frr")
CASES: list[Case] = json.loads((Path(__file__).parents[2] / "vectors/frr/changes.json").read_text())["cases"]


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["commands"][0])
def test_prediction_is_what_the_router_printed(case: Case) -> None:
    assert predict(_text(case["before"]), case["commands"], FRR) == _text(case["after"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["commands"][0])
def test_backout_is_the_one_that_restored_the_router(case: Case) -> None:
    assert list(inverse_commands(_text(case["before"]), _text(case["after"]), FRR)) == case["backout"]
