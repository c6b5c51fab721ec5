"""Gates of a plan, and named exceptions, which the database keeps to what a second person approved."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
CREATE FUNCTION changes_keep_exception() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.gate, NEW.code, NEW.device_ids, NEW.sites, NEW.roles, NEW.expires_at, NEW.requested_by_id, NEW.reason)
       IS DISTINCT FROM
       (OLD.gate, OLD.code, OLD.device_ids, OLD.sites, OLD.roles, OLD.expires_at, OLD.requested_by_id, OLD.reason) THEN
        RAISE EXCEPTION 'an exception stays as it was requested: revoke it and request another one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exception_stays_as_requested';
    END IF;
    IF OLD.decided_by_id IS NOT NULL AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN
        RAISE EXCEPTION 'the decision about an exception stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'exception_decision_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_gateexception_stays BEFORE UPDATE ON changes_gateexception
    FOR EACH ROW EXECUTE FUNCTION changes_keep_exception();
ALTER TABLE changes_gateexception ENABLE ALWAYS TRIGGER changes_gateexception_stays;
"""
BACKWARDS = """
DROP TRIGGER changes_gateexception_stays ON changes_gateexception;
DROP FUNCTION changes_keep_exception();
"""


class Migration(migrations.Migration):
    """The gates of device plans, and exceptions with their guards."""

    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0004_decisions_stay"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="deviceplan",
            name="gates",
            field=models.JSONField(
                blank=True, default=list, help_text="The pre-check ladder when the device was planned."
            ),
        ),
        migrations.CreateModel(
            name="GateException",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "gate",
                    models.CharField(
                        choices=[
                            ("reachability", "Reachability"),
                            ("session", "Session and privilege"),
                            ("identity", "Identity"),
                            ("health", "Health"),
                            ("window", "Maintenance window"),
                            ("change", "Change-specific checks"),
                        ],
                        max_length=20,
                    ),
                ),
                ("code", models.CharField(max_length=40)),
                (
                    "device_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "sites",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), blank=True, default=list, size=None
                    ),
                ),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=100), blank=True, default=list, size=None
                    ),
                ),
                ("reason", models.TextField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("revoked", "Revoked"),
                        ],
                        default="requested",
                        max_length=10,
                    ),
                ),
                ("requested_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("expires_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_comment", models.TextField(blank=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("revoke_reason", models.TextField(blank=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "revoked_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["state", "expires_at"], name="exception_by_state")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("decided_by", None),
                            models.Q(("decided_by", models.F("requested_by")), _negated=True),
                            _connector="OR",
                        ),
                        name="exception_decided_by_a_second_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["requested", "revoked"]),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="exception_decision_names_a_person",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "code__in",
                                [
                                    "IDENTITY_HOSTNAME_MISMATCH",
                                    "IDENTITY_MODEL_MISMATCH",
                                    "IDENTITY_PLATFORM_MISMATCH",
                                    "IDENTITY_ROLE_MISMATCH",
                                    "IDENTITY_SERIAL_MISMATCH",
                                    "IDENTITY_SITE_MISMATCH",
                                    "PRECHECK_PREREQ_MISSING",
                                    "PRECHECK_STATE_UNHEALTHY",
                                    "PRECHECK_WINDOW_CLOSED",
                                    "SOT_ADVISORY_UNCONFIRMED",
                                    "SOT_FIELD_MISSING",
                                ],
                            )
                        ),
                        name="exception_covers_a_known_code",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("device_ids", []), ("roles", []), ("sites", []), _negated=True),
                        name="exception_has_a_scope",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("expires_at__gt", models.F("requested_at"))),
                        name="exception_ends_after_it_began",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="exception_has_a_reason"
                    ),
                ],
            },
        ),
        require_event(table="changes_gateexception", object_type="gate_exception"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
