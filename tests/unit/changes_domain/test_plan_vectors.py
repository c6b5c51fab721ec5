"""The published vectors: made by an independent script, and what the product computes."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from changes.domain.canonical import CanonicalError, canonical_json, parse_canonical
from changes.domain.plan import DevicePayload, device_digest, merkle_root, plan_digest

VECTORS = Path(__file__).parents[2] / "vectors"
FOLDER = VECTORS / "plan-digest"
PLANS = sorted(path.stem for path in FOLDER.glob("*.json") if path.stem not in {"canonical", "tree"})


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def test_the_independent_script_makes_exactly_the_published_files(tmp_path: Path) -> None:
    # -I: the script cannot import the product, even by accident.
    subprocess.run([sys.executable, "-I", VECTORS / "make_vectors.py", tmp_path], check=True, cwd=tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    published = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    assert made == published


def test_all_sizes_are_published() -> None:
    assert {f"plan-{count:02d}" for count in (1, 2, 3, 5, 8, 12, 13)} | {"mixed", "order", "text", "values"} == set(
        PLANS
    )


@pytest.mark.parametrize("name", PLANS)
def test_a_published_plan_has_the_digest_that_the_product_computes(name: str) -> None:
    vector = load(name)
    payloads = [DevicePayload.from_bytes(canonical_json(value)) for value in vector["payloads"]]
    assert plan_digest(payloads) == vector["plan_digest"]
    encoded = {payload.to_bytes() for payload in payloads}
    assert encoded == {device["canonical"].encode() for device in vector["devices"]}
    assert [device_digest(device["canonical"].encode()) for device in vector["devices"]] == [
        device["digest"] for device in vector["devices"]
    ]
    assert merkle_root([device["digest"] for device in vector["devices"]]) == vector["plan_digest"]


@pytest.mark.parametrize("number", range(len(load("canonical")["accepted"])))
def test_a_published_value_has_its_canonical_form(number: int) -> None:
    vector = load("canonical")["accepted"][number]
    encoded = canonical_json(vector["value"])
    assert encoded == vector["canonical"].encode()
    assert device_digest(encoded) == vector["sha256"]
    assert parse_canonical(encoded) == vector["value"]


@pytest.mark.parametrize("vector", load("canonical")["rejected"], ids=lambda vector: str(vector["why"]))
def test_a_published_text_is_refused(vector: dict[str, str]) -> None:
    with pytest.raises(CanonicalError):
        parse_canonical(bytes.fromhex(vector["utf8_hex"]))


@pytest.mark.parametrize(("size", "root"), load("tree")["roots"].items())
def test_a_published_tree_has_its_root(size: str, root: str) -> None:
    assert merkle_root([device_digest(f"device {number}".encode()) for number in range(int(size))]) == root


def test_the_guides_shell_example_prints_what_it_says() -> None:
    guide = (VECTORS.parents[1] / "docs" / "plan-digest.md").read_text(encoding="utf-8")
    example = re.search(r"\$ python3 - (\S+) <<'END'\n(.*?)END\n(.*?)```", guide, re.DOTALL)
    assert example
    command = [sys.executable, "-I", "-W", "ignore", "-", str(VECTORS.parents[1] / example[1])]
    ran = subprocess.run(command, input=example[2], capture_output=True, text=True, check=True)
    assert ran.stdout == example[3]


def test_the_guide_names_every_field_and_file() -> None:
    guide = (VECTORS.parents[1] / "docs" / "plan-digest.md").read_text(encoding="utf-8")
    payload = load("plan-01")["payloads"][0]
    assert all(f"`{name}`" in guide for name in [*payload, *payload["device"]])
    assert payload["schema"] in guide
    assert all(f"`{path.name}`" in guide for path in FOLDER.iterdir() if not path.name.startswith("plan-"))
