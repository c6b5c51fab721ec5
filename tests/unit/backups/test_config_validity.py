"""What is kept as a configuration, and what is not."""

import pytest

from devices.domain.config_text import normalise
from devices.domain.platforms import PLATFORMS
from devices.domain.validity import Judgement, Verdict, judge_config, last_changed_by

WHOLE = "hostname sw1\n" + "".join(f"interface Vlan{number}\n shutdown\n" for number in range(1, 31)) + "end\n"


def judged(raw: str, *, platform: str = "cisco_ios", before: int | None = None) -> Judgement:
    known = PLATFORMS[platform]
    return judge_config(raw, normalise(raw, known), known, lines_before=before)


def test_whole_configuration_is_valid() -> None:
    assert judged(WHOLE, before=61) == Judgement(Verdict.VALID)


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "CONFIG_EMPTY"),
        ("\r\n\n  \n", "CONFIG_EMPTY"),
        ("!\n! Last configuration change at 10:00:00 UTC\nend\n", "CONFIG_EMPTY"),
        ("% Invalid input detected at '^' marker.\nend\n", "CONFIG_ERROR_TEXT"),
        ("\n% Authorization failed\nhostname x\nend\n", "CONFIG_ERROR_TEXT"),
        (WHOLE.removesuffix("end\n"), "OUTPUT_TRUNCATED"),
        (WHOLE.replace("interface Vlan9\n", "--More--\ninterface Vlan9\n"), "OUTPUT_TRUNCATED"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_code(raw: str, code: str) -> None:
    assert (judged(raw).verdict, judged(raw).code) == (Verdict.INVALID, code)


@pytest.mark.parametrize(
    ("before", "verdict"),
    [(None, Verdict.VALID), (122, Verdict.VALID), (123, Verdict.SUSPICIOUS), (19, Verdict.VALID)],
)
def test_less_than_half_of_the_lines_is_suspicious(before: int | None, verdict: Verdict) -> None:
    assert judged(WHOLE, before=before).verdict is verdict


def test_short_configuration_may_halve() -> None:
    assert judged("hostname a\nend\n", before=19).verdict is Verdict.VALID
    assert judged("hostname a\nend\n", before=20).verdict is Verdict.SUSPICIOUS


@pytest.mark.parametrize(
    ("line", "login"),
    [
        ("! Last configuration change at 03:04:05 UTC Fri Jan 2 2026 by lab", "lab"),
        ("!! Last configuration change at Fri Jan  2 03:04:05 2026 by j.doe@example.net", "j.doe@example.net"),
        ("## Last commit: 2026-01-02 03:04:05 UTC by root", "root"),
        ("! Last configuration change at 03:04:05 UTC Fri Jan 2 2026", ""),
        (" description Last configuration change by nobody", ""),
    ],
)
def test_author_is_read_from_the_devices_own_line(line: str, login: str) -> None:
    assert last_changed_by(f"Building configuration...\n\n{line}\nhostname x\nend\n") == login
