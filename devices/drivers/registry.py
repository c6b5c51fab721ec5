from devices.domain.platforms import platform_for
from devices.drivers.base import Driver, Endpoint
from devices.drivers.netmiko_cli import NetmikoCliDriver


def open_driver(endpoint: Endpoint) -> Driver:
    """The driver for an endpoint's platform, not connected yet; enter it to connect.

    Raises:
        PlatformUnmappedError: no driver drives this platform.
    """
    platform_for(endpoint.platform)
    return NetmikoCliDriver(endpoint)
