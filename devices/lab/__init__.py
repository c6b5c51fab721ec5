"""Simulated devices for demonstrations and tests: truthful about state, reached over real SSH."""

from devices.lab.device import LabDeviceSpec
from devices.lab.errors import LabError
from devices.lab.faults import Faults
from devices.lab.ios.machine import Hardware
from devices.lab.lab import Lab, LabDevice

__all__ = ["Faults", "Hardware", "Lab", "LabDevice", "LabDeviceSpec", "LabError"]
