from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DevicesConfig(AppConfig):
    """The inventory and everything that touches a device."""

    name = "devices"
    label = "devices"

    def ready(self) -> None:
        """Give an installation that has no drift rule the first ones."""
        post_migrate.connect(_create_drift_rules, sender=self)


def _create_drift_rules(using: str, **_signal: object) -> None:
    from devices.domain.drift_rules import DEFAULT_RULES
    from devices.models import DriftRule

    if DriftRule.objects.using(using).exists():
        return
    DriftRule.objects.using(using).bulk_create(
        DriftRule(
            position=number * 10,
            name=rule.name,
            drift_class=rule.drift_class.value,
            pattern=rule.pattern,
            platforms=list(rule.platforms),
        )
        for number, rule in enumerate(DEFAULT_RULES, start=1)
    )
