"""Which driver drives a device: what the inventory declares, else the platform's own. Never a guess."""

from collections.abc import Callable
from typing import Final

from devices.domain.drivers import (
    NAPALM_EOS,
    NAPALM_EOS_HTTP,
    NETMIKO_CLI,
    NETMIKO_REPLACE,
    DriverUnknownError,
    driver_for_platform,
)
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver, Endpoint
from devices.drivers.netmiko_platforms import netmiko_driver
from devices.drivers.netmiko_replace import NetmikoReplaceDriver
from devices.errors import CapabilityMissingError


def _napalm_eos(endpoint: Endpoint, name: str) -> Driver:
    # NAPALM takes more than a second to import; a worker that never meets EOS need not pay for it
    from devices.drivers.napalm_eos import NapalmEosDriver

    return NapalmEosDriver(endpoint, name)


_OPENERS: Final[dict[str, Callable[[Endpoint, str], Driver]]] = {
    NETMIKO_CLI: lambda endpoint, _name: netmiko_driver(endpoint),
    NETMIKO_REPLACE: lambda endpoint, _name: NetmikoReplaceDriver(endpoint),
    NAPALM_EOS: _napalm_eos,
    NAPALM_EOS_HTTP: _napalm_eos,
}


def open_driver(endpoint: Endpoint) -> Driver:
    """The driver for an endpoint, not connected yet; enter it to connect.

    Raises:
        PlatformUnmappedError: no driver drives this platform.
        CapabilityMissingError: the inventory names a driver that does not drive this platform.
    """
    platform_for(endpoint.platform)
    try:
        name = driver_for_platform(endpoint.platform, endpoint.driver)
    except DriverUnknownError as error:
        raise CapabilityMissingError(str(error), device=endpoint.name) from error
    return _OPENERS[name](endpoint, name)
