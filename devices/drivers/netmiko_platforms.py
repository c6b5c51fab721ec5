"""Which netmiko driver drives which platform."""

from devices.drivers.base import Driver, Endpoint
from devices.drivers.netmiko_cli import NetmikoCliDriver
from devices.drivers.netmiko_junos import NetmikoJunosDriver
from devices.drivers.netmiko_xr import NetmikoXrDriver


def netmiko_driver(endpoint: Endpoint) -> Driver:
    """The driver for an endpoint's platform, not connected yet; platforms without a candidate take lines one by one."""
    if endpoint.platform == "cisco_xr":
        return NetmikoXrDriver(endpoint)
    if endpoint.platform == "juniper_junos":
        return NetmikoJunosDriver(endpoint)
    return NetmikoCliDriver(endpoint)
