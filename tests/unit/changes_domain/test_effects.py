"""What a change does to a device, by what its driver declares; without a device."""

from __future__ import annotations

import pytest

from changes.services.effects import NoTargetError, effect_of
from devices.domain.platforms import platform_for
from devices.drivers.napalm_base import CAPABILITIES


@pytest.mark.parametrize(("driver", "platform"), [("napalm-iosxr", "cisco_xr"), ("napalm-junos", "juniper_junos")])
def test_a_platform_that_nobody_can_foretell_is_refused_with_a_way_out(driver: str, platform: str) -> None:
    with pytest.raises(NoTargetError, match="netmiko-cli") as refused:
        effect_of(
            "set system host-name a\n", ("set system host-name b",), None, CAPABILITIES[driver], platform_for(platform)
        )
    assert refused.value.code == "CAPABILITY_MISSING"


def test_the_devices_own_candidate_goes_before_every_estimate() -> None:
    can = CAPABILITIES["napalm-eos"]
    effect = effect_of("hostname a\n", ("hostname b",), "hostname c\n", can, platform_for("arista_eos"))
    assert (effect.target, effect.diff_source, effect.backout_method) == ("hostname c\n", "device", "replace")
