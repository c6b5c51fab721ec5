"""Which driver drives a device: what the inventory declares, else the platform's own. Never a guess.

NAPALM and its libraries take more than a second to import, so a worker imports them with the first device that needs
them.
"""

from collections.abc import Callable
from typing import Final

from devices.domain import drivers
from devices.domain.drivers import DriverUnknownError, driver_for_platform
from devices.domain.platforms import platform_for
from devices.drivers.base import Driver, Endpoint
from devices.drivers.netmiko_platforms import netmiko_driver
from devices.drivers.netmiko_replace import NetmikoReplaceDriver
from devices.errors import CapabilityMissingError


def _netmiko(endpoint: Endpoint, _name: str) -> Driver:
    return netmiko_driver(endpoint)


def _napalm_eos(endpoint: Endpoint, name: str) -> Driver:
    from devices.drivers.napalm_eos import NapalmEosDriver

    return NapalmEosDriver(endpoint, name)


def _napalm_ios(endpoint: Endpoint, _name: str) -> Driver:
    from devices.drivers.napalm_ios import NapalmIosDriver

    return NapalmIosDriver(endpoint)


def _napalm_candidate(endpoint: Endpoint, name: str) -> Driver:
    from devices.drivers.napalm_candidate import NapalmCandidateDriver

    return NapalmCandidateDriver(endpoint, name)


_OPENERS: Final[dict[str, Callable[[Endpoint, str], Driver]]] = {
    drivers.NETMIKO_CLI: _netmiko,
    drivers.NETMIKO_REPLACE: lambda endpoint, _name: NetmikoReplaceDriver(endpoint),
    drivers.NAPALM_EOS: _napalm_eos,
    drivers.NAPALM_EOS_HTTP: _napalm_eos,
    drivers.NAPALM_IOS: _napalm_ios,
    drivers.NAPALM_NXOS: _napalm_candidate,
    drivers.NAPALM_JUNOS: _napalm_candidate,
    drivers.NAPALM_IOSXR: _napalm_candidate,
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
