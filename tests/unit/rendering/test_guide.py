"""docs/templates-and-variables.md says what the code does."""

import re
from pathlib import Path

from changes.domain import content
from changes.domain.input import one_of
from changes.rendering import DEFAULT_LIMITS, render_one
from changes.rendering.batch import MAX_OVERRUNS
from changes.rendering.child import FILTERS

GUIDE = (Path(__file__).parents[3] / "docs" / "templates-and-variables.md").read_text(encoding="utf-8")
WORDS = " ".join(GUIDE.split())


def test_the_first_example_renders_as_one_expects() -> None:
    example = re.search(r"```jinja\n(.*?)```", GUIDE, re.DOTALL)
    assert example
    device = {"hostname": "sw-1", "site": "FRA"}
    assert render_one(example[1], {"ntp_servers": ["192.0.2.1", "192.0.2.2"]}, device).lines == (
        "hostname sw-1",
        "ntp server 192.0.2.1 prefer",
        "ntp server 192.0.2.2",
        "banner motd ^C",
        "FRA: authorised use only",
        "^C",
    )


def test_the_filters_are_listed() -> None:
    listed = re.search(r"these filters: (.*?)\.", WORDS)
    assert listed
    assert listed[1].replace("`", "") == one_of(FILTERS)


def test_the_limits_are_those_of_the_code() -> None:
    limits = DEFAULT_LIMITS
    assert f"may take {limits.wall_s:g} seconds, {limits.cpu_s} seconds of CPU" in WORDS
    assert f"{limits.memory_bytes // 2**20} MiB of memory and {limits.output_bytes // 2**20} MiB of text" in WORDS
    assert f"At most {content.MAX_VARIABLES} variables, {content.MAX_LIST:,} items in a list" in WORDS
    assert f"{content.MAX_VARIABLES_BYTES // 1024} KiB in all" in WORDS
    assert f"The content itself may have {content.MAX_CONTENT_BYTES // 1024} KiB" in WORDS
    assert f"up to {content.MAX_VARIABLE_NAME} characters" in WORDS
    assert MAX_OVERRUNS == 3
    assert "After three devices in a row" in WORDS
