"""Notifications, how people want them, and how far each has come."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("changes", "0016_approval_demand"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=30)),
                ("subject", models.CharField(max_length=200)),
                ("sentence", models.TextField()),
                ("path", models.CharField(blank=True, help_text="Inside the portal; empty: no page.", max_length=500)),
                ("listed", models.BooleanField(default=True, help_text="Shown in the person's list.")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("read_at", models.DateTimeField(blank=True, null=True)),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["-id"]},
        ),
        migrations.CreateModel(
            name="NotificationDelivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(choices=[("email", "E-mail"), ("webhook", "Webhook")], max_length=10)),
                (
                    "bundled",
                    models.BooleanField(default=False, help_text="Goes out together with others that are due."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("failed", "Failed")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("message", models.UUIDField(blank=True, null=True)),
                ("owner", models.UUIDField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("code", models.CharField(blank=True, help_text="Why the last attempt failed.", max_length=40)),
                ("detail", models.CharField(blank=True, help_text="Without the address.", max_length=300)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "notification",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="changes.notification",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="NotificationPreference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("topic", models.CharField(max_length=30)),
                ("page", models.BooleanField()),
                ("email", models.BooleanField()),
                ("webhook", models.BooleanField()),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["person_id", "topic"]},
        ),
        migrations.CreateModel(
            name="NotificationProfile",
            fields=[
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "digest",
                    models.CharField(
                        choices=[("at_once", "At once"), ("hourly", "Hourly"), ("daily", "Daily")],
                        default="at_once",
                        max_length=10,
                    ),
                ),
                (
                    "digest_hour",
                    models.PositiveSmallIntegerField(
                        default=6,
                        help_text="Of the daily digest; UTC.",
                        validators=[django.core.validators.MaxValueValidator(23)],
                    ),
                ),
                (
                    "webhook_sealed",
                    models.TextField(blank=True, help_text="The address, encrypted for this row alone."),
                ),
                ("webhook_host", models.CharField(blank=True, max_length=255)),
                ("webhook_version", models.PositiveIntegerField(default=1, help_text="Counts the signing secrets.")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("digest_hour__lte", 23)), name="digest_hour_is_an_hour"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("webhook_host", ""), ("webhook_sealed", "")),
                            models.Q(
                                models.Q(("webhook_sealed", ""), _negated=True),
                                models.Q(("webhook_host", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="webhook_has_an_address_and_a_host",
                    ),
                ]
            },
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("listed", True)), fields=["person", "-id"], name="notification_listed"
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("listed", True), ("read_at", None)), fields=["person"], name="notification_unread"
            ),
        ),
        migrations.AddIndex(
            model_name="notificationdelivery",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["due_at"], name="delivery_waiting"),
        ),
        migrations.AddIndex(
            model_name="notificationdelivery",
            index=models.Index(
                condition=models.Q(("message__isnull", False)), fields=["message"], name="delivery_of_message"
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationdelivery",
            constraint=models.UniqueConstraint(fields=("notification", "channel"), name="one_delivery_per_channel"),
        ),
        migrations.AddConstraint(
            model_name="notificationdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at", None), ("state", "waiting")),
                    models.Q(models.Q(("state", "waiting"), _negated=True), ("ended_at__isnull", False)),
                    _connector="OR",
                ),
                name="delivery_ends_when_it_waits_no_more",
            ),
        ),
        migrations.AddConstraint(
            model_name="notificationpreference",
            constraint=models.UniqueConstraint(fields=("person", "topic"), name="one_preference_per_topic"),
        ),
    ]
