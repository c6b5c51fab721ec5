"""The table of drivers and its guide say the same."""

from pathlib import Path

from devices.domain.drivers import drivers_of
from devices.domain.platforms import PLATFORMS

GUIDE = Path(__file__).parents[3] / "docs" / "drivers.md"


def test_the_guide_has_a_row_for_every_driver_and_platform() -> None:
    rows = [line for line in GUIDE.read_text().splitlines() if line.startswith("| `n")]
    for platform in PLATFORMS:
        for driver in drivers_of(platform):
            assert any(f"`{driver}`" in row and platform in row for row in rows), (driver, platform)


def test_every_test_that_the_guide_names_exists() -> None:
    tests = Path(__file__).parents[2]
    there = "\n".join(path.read_text() for path in tests.rglob("test_*.py"))
    named = [word.strip("`,") for word in GUIDE.read_text().split() if word.startswith("`test_")]
    assert len(named) > 10
    for name in named:
        assert f"def {name.partition('…')[0]}" in there, name
