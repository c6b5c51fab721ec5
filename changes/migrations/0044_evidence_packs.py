"""Evidence packs: what was asked for, their states with their events, and the archives in parts."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_change, require_event


class Migration(migrations.Migration):
    """Two tables; a pack has no state without its event."""

    dependencies = [
        ("changes", "0043_no_event_without_change"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidencePack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.UUIDField(blank=True, null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "losses",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Workers lost on this row, one after the other."
                    ),
                ),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[("change", "One change"), ("filter", "Chosen events"), ("whole", "The whole log")],
                        max_length=10,
                    ),
                ),
                (
                    "filters",
                    models.JSONField(blank=True, default=dict, help_text="What a choice of events was narrowed by."),
                ),
                (
                    "held_sizes",
                    models.JSONField(blank=True, default=list, help_text="Sizes of tree heads that the asker holds."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("making", "Making"),
                            ("sealing", "Sealing"),
                            ("ready", "Ready"),
                            ("failed", "Failed"),
                            ("expired", "Expired"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=40)),
                ("detail", models.TextField(blank=True)),
                ("asked_name", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("asked_event", models.BigIntegerField(help_text="It is made once this event is sealed.", null=True)),
                ("rung_at", models.DateTimeField(blank=True, help_text="When workers were last called.", null=True)),
                ("events_total", models.BigIntegerField(default=0)),
                ("events_done", models.BigIntegerField(default=0)),
                (
                    "tree_size",
                    models.BigIntegerField(default=0, help_text="Entries of the log under the pack's tree head."),
                ),
                ("size", models.BigIntegerField(default=0, help_text="Bytes of the archive.")),
                ("sha256", models.CharField(blank=True, help_text="Of the archive, hex.", max_length=64)),
                ("manifest_sha256", models.CharField(blank=True, max_length=64)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="changes.changerequest",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="EvidencePart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fence", models.PositiveIntegerField()),
                ("number", models.PositiveIntegerField()),
                ("data", models.BinaryField()),
                (
                    "pack",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="parts", to="changes.evidencepack"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="evidencepack",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "making", "sealing"])),
                fields=["id"],
                name="evidence_pack_open",
            ),
        ),
        migrations.AddIndex(
            model_name="evidencepack",
            index=models.Index(
                condition=models.Q(("state", "ready")), fields=["expires_at"], name="evidence_pack_by_expiry"
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencepack",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("change__isnull", False), ("scope", "change")),
                    models.Q(models.Q(("scope", "change"), _negated=True), ("change__isnull", True)),
                    _connector="OR",
                ),
                name="evidence_pack_of_a_change_names_it",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencepack",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "ready"), _negated=True),
                    models.Q(("sha256__regex", "^[0-9a-f]{64}$"), ("manifest_sha256__regex", "^[0-9a-f]{64}$")),
                    _connector="OR",
                ),
                name="ready_evidence_pack_has_digests",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencepart",
            constraint=models.UniqueConstraint(fields=("pack", "fence", "number"), name="one_evidence_part_per_number"),
        ),
        require_event(table="changes_evidencepack", object_type="evidence_pack"),
        require_change(table="changes_evidencepack", object_type="evidence_pack"),
    ]
