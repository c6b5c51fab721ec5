"""What a platform's answer means, and the catalogue of reasons."""

import pytest

from devices import errors
from devices.domain.platforms import PLATFORMS, PlatformUnmappedError, platform_for
from devices.domain.reasons import REASONS, UnknownReasonError, reason

# What lifecycle documents promise for the devices layer.
CODES = """IDENTITY_HOSTNAME_MISMATCH IDENTITY_SERIAL_MISMATCH IDENTITY_MODEL_MISMATCH IDENTITY_HOST_KEY_MISMATCH
PRECHECK_UNREACHABLE PRECHECK_AUTH_FAILED PRECHECK_AUTHZ_DENIED PRECHECK_STATE_UNHEALTHY PRECHECK_WINDOW_CLOSED
PRECHECK_PREREQ_MISSING COMMAND_REJECTED CONNECTION_LOST TIMEOUT LEASE_LOST BREAKER_OPEN ABORT_THRESHOLD_HIT DEVICE_BUSY
FREEZE_ACTIVE POSTCHECK_FAILED CONVERGENCE_PARTIAL CONVERGENCE_AMBIGUOUS ROLLBACK_PLAN_MISSING ROLLBACK_CONFLICT
ROLLBACK_UNVERIFIED INV_REFRESH_FAILED INV_NO_PRIMARY_IP INV_FIELD_MISSING INV_DUPLICATE_NAME SECRET_UNAVAILABLE
SECRET_SCOPE_DENIED PLATFORM_UNMAPPED"""


@pytest.mark.parametrize(
    "answer",
    [
        "% Invalid input detected at '^' marker.",
        "interface Vlna10\n    ^\n% Invalid input detected at '^' marker.\n",
        "% Incomplete command.",
        '% Ambiguous command:  "s"',
        "% 10.0.0.0 overlaps with Vlan10",
        "% Duplicate sequence number",
        "Command rejected: Bad VLAN list",
        "%Default VLAN 1 may not be deleted.",
        "BGP is already running; AS is 65000",
    ],
)
def test_a_refusal_of_ios_is_recognised(answer: str) -> None:
    message = platform_for("cisco_ios").rejection(answer)
    assert message
    assert message in answer


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "% Access VLAN does not exist. Creating vlan 20",
        "% Generating 2048 bit RSA keys, keys will be non-exportable...",
        "%Warning: portfast should only be enabled on ports connected to a single",
        "%SYS-5-CONFIG_I: Configured from console by admin on vty0 (10.0.0.1)",
        "*Mar  1 00:01:02: %LINK-3-UPDOWN: Interface Vlan10, changed state to up",
        "Creating a port-channel interface Port-channel 1",
        " description 100 % Invalid",
    ],
)
def test_a_remark_of_ios_is_not_a_refusal(answer: str) -> None:
    assert platform_for("cisco_ios").rejection(answer) is None


@pytest.mark.parametrize(
    "answer", ["% Unknown command: foo", "% Specify remote-as or peer-group commands first", "BGP is already running"]
)
def test_a_refusal_of_frr_is_recognised(answer: str) -> None:
    assert platform_for("frr").rejection(answer) == answer


def test_an_unknown_platform_names_those_that_are_known() -> None:
    with pytest.raises(PlatformUnmappedError, match="cisco_ios") as caught:
        platform_for("asa")
    assert caught.value.code == "PLATFORM_UNMAPPED"
    assert set(PLATFORMS) == {
        "cisco_ios",
        "cisco_xe",
        "cisco_nxos",
        "cisco_xr",
        "arista_eos",
        "juniper_junos",
        "frr",
    }


@pytest.mark.parametrize(("line", "slug"), [("version 15.2", "cisco_ios"), ("version 17.9", "cisco_xe")])
def test_a_device_follows_the_rules_of_its_version(line: str, slug: str) -> None:
    assert platform_for("cisco_ios").for_version(line).slug == slug


@pytest.mark.parametrize("code", CODES.split())
def test_every_promised_code_has_a_sentence_and_a_next_step(code: str) -> None:
    found = reason(code)
    assert found.code == code
    assert found.sentence.endswith(".")
    assert found.next_step.endswith(".")


def test_every_device_error_is_in_the_catalogue_with_the_same_retry_decision() -> None:
    for kind in errors.DeviceError.__subclasses__():
        if kind.code.isupper():
            assert REASONS[kind.code].permanent is kind.permanent, kind


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(UnknownReasonError, match="NO_SUCH"):
        reason("NO_SUCH")
