"""The guides name the test that guards each promise; a test that was renamed or removed leaves no promise behind."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import LONGEST

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"\b(test_[a-z0-9_]+)(…?)")


@cache
def known_names() -> frozenset[str]:
    """The names of all tests and of the modules that hold them."""
    modules = list((ROOT / "tests").rglob("test_*.py"))
    functions = (re.findall(r"^\s*def (test_\w+)", module.read_text(), re.MULTILINE) for module in modules)
    return frozenset(module.stem for module in modules).union(*functions)


@pytest.mark.parametrize("guide", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_test_that_a_guide_names_exists(guide: str) -> None:
    known = known_names()
    text = (ROOT / "docs" / guide).read_text()
    missing = [
        name
        for name, more in NAMED.findall(text)
        if not (name in known or (more and any(test.startswith(name) for test in known)))
    ]
    assert not missing


def test_a_name_that_no_test_has_would_be_noticed() -> None:
    assert NAMED.findall("`test_a_b`, `test_c_…`") == [("test_a_b", ""), ("test_c_", "…")]
    assert "test_this_was_never_written" not in known_names()


def test_the_files_that_are_begun_first_exist() -> None:
    assert [file for file in LONGEST if not (ROOT / file).is_file()] == []
