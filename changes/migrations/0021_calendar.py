"""Recurring maintenance windows, freezes with a scope, waived conflicts, and changes that start by themselves."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
-- Nobody lets their own change through: the rule of the service, behind it.
CREATE FUNCTION changes_refuse_own_waiver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'A waiver is not changed: waive the conflict again'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waivers_stay';
    END IF;
    IF EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id IN (NEW.change_id, NEW.other_id)
               AND NEW.waived_by_id IN (c.author_id, c.last_editor_id))
       OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                  WHERE e.changerequest_id IN (NEW.change_id, NEW.other_id) AND e.user_id = NEW.waived_by_id) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or edited a change cannot waive its conflicts'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_conflictwaiver_separation_of_duties BEFORE INSERT OR UPDATE ON changes_conflictwaiver
    FOR EACH ROW EXECUTE FUNCTION changes_refuse_own_waiver();
ALTER TABLE changes_conflictwaiver ENABLE ALWAYS TRIGGER changes_conflictwaiver_separation_of_duties;
"""
BACKWARDS = """
DROP TRIGGER changes_conflictwaiver_separation_of_duties ON changes_conflictwaiver;
DROP FUNCTION changes_refuse_own_waiver();
"""


class Migration(migrations.Migration):
    """The calendar's tables with their guards."""

    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0020_approval_policies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="changefreeze",
            name="exempt_types",
            field=models.JSONField(blank=True, default=list, help_text="Change types that it lets through."),
        ),
        migrations.AddField(
            model_name="changefreeze",
            name="scope",
            field=models.JSONField(blank=True, default=dict, help_text='{"sites": ["FRA"]}; empty: all devices.'),
        ),
        migrations.CreateModel(
            name="ScheduleProblem",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=40)),
                ("sentence", models.TextField()),
                ("devices", models.JSONField(help_text="The names of all devices that it is about.")),
                ("found_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="schedule_problem",
                        to="changes.changerequest",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ConflictWaiver",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("device", "Device"), ("redundancy", "Redundancy"), ("site", "Site")], max_length=12
                    ),
                ),
                ("subject", models.CharField(blank=True, help_text="The redundancy set or the site.", max_length=300)),
                ("devices", models.JSONField(help_text="The names of all devices of both changes that it is about.")),
                ("overlap_start", models.DateTimeField()),
                ("overlap_end", models.DateTimeField()),
                ("window_start", models.DateTimeField(help_text="The window of the change that was judged.")),
                ("window_end", models.DateTimeField()),
                ("plan_digest", models.CharField(max_length=64)),
                ("other_digest", models.CharField(max_length=64)),
                ("waived_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("reason", models.TextField()),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="waivers", to="changes.changerequest"
                    ),
                ),
                (
                    "other",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="changes.changerequest"
                    ),
                ),
                (
                    "waived_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("change", models.F("other")), _negated=True),
                        name="waiver_is_about_two_changes",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="waiver_has_a_reason"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("overlap_start__lt", models.F("overlap_end"))), name="waiver_has_a_time"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100)),
                (
                    "starts_at",
                    models.CharField(
                        help_text="The first start by the wall clock of the zone: 2026-11-22T02:00.", max_length=16
                    ),
                ),
                ("minutes", models.PositiveIntegerField(help_text="How long each one is by the wall clock.")),
                ("rule", models.CharField(blank=True, help_text="RFC 5545; empty: it happens once.", max_length=300)),
                ("time_zone", models.CharField(help_text="Of the IANA database.", max_length=64)),
                (
                    "scope",
                    models.JSONField(blank=True, default=dict, help_text='{"sites": ["FRA"]}; empty: all devices.'),
                ),
                ("reason", models.TextField(help_text="Why it was declared, or last edited.")),
                ("version", models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")),
                ("declared_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("edited_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                ("lift_reason", models.TextField(blank=True)),
                (
                    "declared_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lifted_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True), models.Q(("name", ""), _negated=True)
                        ),
                        name="window_has_a_name_and_a_reason",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minutes__gte", 15), ("minutes__lte", 10080)), name="window_has_a_length"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("lift_reason", ""), ("lifted_at", None), ("lifted_by", None)),
                            models.Q(
                                ("lifted_at__isnull", False),
                                ("lifted_by__isnull", False),
                                models.Q(("lift_reason", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="window_lift_names_person_and_reason",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ScheduledStart",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("started", "Started"),
                            ("refused", "Refused"),
                            ("late", "Late"),
                            ("called_off", "Called off"),
                        ],
                        default="waiting",
                        max_length=12,
                    ),
                ),
                ("starts_at", models.DateTimeField(help_text="When the window opens for which it was asked.")),
                ("plan_digest", models.CharField(max_length=64)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("code", models.CharField(blank=True, max_length=40)),
                ("detail", models.TextField(blank=True)),
                ("rung_at", models.DateTimeField(blank=True, help_text="When workers were last called.", null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="scheduled_starts",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="changes.run",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(condition=models.Q(("state", "waiting")), fields=["starts_at"], name="start_waiting")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "waiting")),
                        fields=("change",),
                        name="one_waiting_start_per_change",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("state", "waiting")),
                            models.Q(models.Q(("state", "waiting"), _negated=True), ("ended_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="start_ends_when_it_waits_no_more",
                    ),
                ],
            },
        ),
        require_event(table="changes_maintenancewindow", object_type="maintenance_window", state_column=None),
        require_event(table="changes_conflictwaiver", object_type="conflict_waiver", state_column=None),
        require_event(table="changes_scheduledstart", object_type="scheduled_start"),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
