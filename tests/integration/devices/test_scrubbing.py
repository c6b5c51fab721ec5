"""The scrubber: what the credential store knows, and what looks like a secret, never gets out as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import override_settings

from devices.services.scrubbing import Scrubber

SECRET = "Tr0ub4dor&3"


@pytest.fixture
def scrub(tmp_path: Path, settings: object) -> Scrubber:
    path = tmp_path / "credentials.yaml"
    path.write_text(f'lab: {{username: admin, password: "{SECRET}", enable_secret: "{SECRET}-enable"}}\n')
    path.chmod(0o600)
    settings.DEVICE_CREDENTIALS = f"file:{path}"  # type: ignore[attr-defined]
    return Scrubber.load()


def test_known_values_are_masked_wherever_they_stand(scrub: Scrubber) -> None:
    masked = scrub(f"the device said: {SECRET}! and {SECRET}-enable, and admin may be known")
    assert SECRET not in masked
    assert "admin may be known" in masked


def test_equal_secrets_get_equal_masks_in_every_process(scrub: Scrubber) -> None:
    assert scrub(f"enable secret {SECRET}") == Scrubber.load()(f"enable secret {SECRET}")
    assert scrub("vtp password one") != scrub("vtp password two")


def test_another_installation_has_other_masks(scrub: Scrubber) -> None:
    with override_settings(SECRET_KEY="y" * 60):
        assert Scrubber.load()("vtp password one") != scrub("vtp password one")


def test_patterns_hold_without_the_store(scrub: Scrubber) -> None:
    with override_settings(DEVICE_CREDENTIALS="file:/nowhere/credentials.yaml"):
        assert "public" not in Scrubber.load()("snmp-server community public RO")


@pytest.mark.parametrize(
    "prompt", ["", "sw1#", "sw1# ", "sw1(config)#", "sw1(config-line)# ", "sw1>", "a.very-long_name(config-if-range)#"]
)
def test_a_prompt_before_an_echoed_line_does_not_hide_its_secret(scrub: Scrubber, prompt: str) -> None:
    text = scrub.transcript([("", f"{prompt}snmp-server community hunter22 RO\n% Invalid input\n{prompt}")])
    assert "hunter22" not in text
    assert f"{prompt}snmp-server community <hidden:" in text


def test_a_transcript_shows_what_was_sent_and_received(scrub: Scrubber) -> None:
    text = scrub.transcript([("show clock", "12:00"), ("username a secret hunter22", ""), ("end", "")])
    assert text.startswith("> show clock\n12:00\n> username a secret <hidden:")
    assert text.endswith("> end")


def test_lines_of_a_block_are_known_by_the_block(scrub: Scrubber) -> None:
    text = "tacacs server one\n address ipv4 192.0.2.1\n key 12345\nkey chain ospf\n key 1\n"
    masked = scrub(text)
    assert "12345" not in masked
    assert " key 1\n" in masked
    assert masked.count("\n") == text.count("\n")
