from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    label = "portal"
    verbose_name = "Countersign"

    def ready(self) -> None:
        """Take django-q2's models out of the admin: a schedule row can name any function to run."""
        from django.contrib import admin
        from django_q.models import Failure, OrmQ, Schedule, Success

        for model in (Failure, OrmQ, Schedule, Success):
            if admin.site.is_registered(model):
                admin.site.unregister(model)
