import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    """Trust per source and field, live facts, offered keys and key alerts."""

    dependencies = [
        ("devices", "0004_inventory_sources"),
    ]

    operations = [
        migrations.AddField(
            model_name="hostkey",
            name="revoke_reason",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="hostkey",
            name="revoked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="hostkey",
            name="revoked_by",
            field=models.CharField(blank=True, max_length=150),
        ),
        migrations.CreateModel(
            name="FieldTrust",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=40)),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("hostname", "Hostname"),
                            ("serial", "Serial"),
                            ("model", "Model"),
                            ("platform", "Platform"),
                            ("role", "Role"),
                            ("site", "Site"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("authoritative", "Authoritative"),
                            ("advisory", "Advisory"),
                            ("observational", "Observational"),
                        ],
                        max_length=15,
                    ),
                ),
                (
                    "learnt_from",
                    models.CharField(
                        blank=True,
                        choices=[("config", "Running configuration"), ("hostname", "Hostname")],
                        max_length=10,
                    ),
                ),
                (
                    "pattern",
                    models.CharField(blank=True, help_text="RE2 with a group named like the field.", max_length=200),
                ),
                ("updated_by", models.CharField(max_length=150)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["source", "field"],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "field"), name="one_trust_per_source_and_field"),
                    models.CheckConstraint(
                        condition=models.Q(("field__in", ["hostname", "serial", "model", "platform", "role", "site"])),
                        name="trust_names_a_field",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ["authoritative", "advisory", "observational"])),
                        name="trust_has_a_mode",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HostKeyAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_type", models.CharField(max_length=60)),
                ("public_key", models.TextField(help_text="Base64: the key that was offered.")),
                ("fingerprint", models.CharField(help_text="SHA256:… of the key that was offered.", max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("acknowledged", "Acknowledged")], default="open", max_length=12
                    ),
                ),
                ("first_seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("last_seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("times_seen", models.PositiveIntegerField(default=1)),
                ("acknowledged_by", models.CharField(blank=True, max_length=150)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledge_reason", models.TextField(blank=True)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="host_key_alerts", to="devices.device"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["state", "-id"], name="host_key_alert_by_state")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("device", "fingerprint"),
                        name="one_open_alert_per_key",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "open"),
                            models.Q(
                                models.Q(("acknowledged_by", ""), _negated=True),
                                models.Q(("acknowledge_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="acknowledged_alert_names_who_and_why",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LiveFact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "field",
                    models.CharField(
                        choices=[
                            ("hostname", "Hostname"),
                            ("serial", "Serial"),
                            ("model", "Model"),
                            ("platform", "Platform"),
                            ("role", "Role"),
                            ("site", "Site"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("authoritative", "Authoritative"),
                            ("advisory", "Advisory"),
                            ("observational", "Observational"),
                        ],
                        max_length=15,
                    ),
                ),
                (
                    "verdict",
                    models.CharField(
                        choices=[
                            ("match", "Matches"),
                            ("mismatch", "Differs"),
                            ("not_stated", "Not stated by the device"),
                            ("field_missing", "Missing in the inventory"),
                            ("not_compared", "Nothing to compare"),
                        ],
                        max_length=15,
                    ),
                ),
                ("severity", models.CharField(blank=True, max_length=10)),
                ("code", models.CharField(blank=True, max_length=40)),
                ("expected", models.CharField(blank=True, max_length=255)),
                ("live", models.CharField(blank=True, max_length=255)),
                ("read_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="live_facts", to="devices.device"
                    ),
                ),
            ],
            options={
                "ordering": ["device_id", "field"],
                "indexes": [models.Index(fields=["verdict", "field"], name="live_fact_by_verdict")],
                "constraints": [models.UniqueConstraint(fields=("device", "field"), name="one_live_fact_per_field")],
            },
        ),
        migrations.CreateModel(
            name="OfferedKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key_type", models.CharField(max_length=60)),
                ("public_key", models.TextField(help_text="Base64, as in a known_hosts file.")),
                ("fingerprint", models.CharField(help_text="SHA256:… as ssh prints it.", max_length=80)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("offered", "Waits for a person"),
                            ("confirmed", "Confirmed and pinned"),
                            ("superseded", "Read again since"),
                        ],
                        default="offered",
                        max_length=12,
                    ),
                ),
                ("read_by", models.CharField(max_length=150)),
                ("read_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "device",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="offered_keys", to="devices.device"
                    ),
                ),
            ],
            options={
                "ordering": ["device_id", "key_type", "-id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "offered")),
                        fields=("device", "key_type"),
                        name="one_offered_key_per_type",
                    )
                ],
            },
        ),
    ]
