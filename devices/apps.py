from django.apps import AppConfig


class DevicesConfig(AppConfig):
    """The inventory and everything that touches a device."""

    name = "devices"
    label = "devices"
