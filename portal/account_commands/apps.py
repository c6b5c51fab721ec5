from django.apps import AppConfig


class AccountCommandsConfig(AppConfig):
    """Commands only; no models, no pages."""

    name = "portal.account_commands"
    label = "portal_account_commands"
