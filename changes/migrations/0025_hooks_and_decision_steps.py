"""Hooks and the manual steps of runs, which the database lets nobody move without an event."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0024_quorum_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="HookSetting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("enabled", models.BooleanField(default=False)),
                ("required", models.BooleanField(default=False, help_text="Waited for where a hook may object.")),
                (
                    "on_objection",
                    models.CharField(
                        choices=[("pause", "Pause the run"), ("abort", "End the run")], default="pause", max_length=10
                    ),
                ),
                ("time_limit_s", models.PositiveSmallIntegerField(default=10)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "enabled_at",
                    models.DateTimeField(blank=True, help_text="What happened before is not told to it.", null=True),
                ),
                (
                    "changed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={"ordering": ["name"]},
        ),
        migrations.CreateModel(
            name="HookCall",
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
                    "point",
                    models.CharField(
                        choices=[
                            ("before_plan", "Before plan"),
                            ("after_plan", "After plan"),
                            ("before_wave", "Before wave"),
                            ("after_device", "After device"),
                            ("after_run", "After run"),
                        ],
                        max_length=12,
                    ),
                ),
                ("wave", models.PositiveIntegerField(default=0, help_text="Its number; 0: about no wave.")),
                (
                    "asked",
                    models.PositiveSmallIntegerField(default=1, help_text="Counts the times the same was asked."),
                ),
                (
                    "required",
                    models.BooleanField(default=False, help_text="Waited for: as it was set when the call was made."),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("answered", "Answered"),
                            ("objected", "Objected"),
                            ("crashed", "Crashed"),
                            ("timed_out", "Timed out"),
                            ("bad_answer", "Bad answer"),
                            ("missing", "Missing"),
                            ("lost", "Lost"),
                            ("dropped", "Dropped"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("code", models.CharField(blank=True, max_length=40)),
                ("detail", models.TextField(blank=True, help_text="What the hook said, without secrets.")),
                ("duration_ms", models.PositiveIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="changes.changerequest"
                    ),
                ),
                (
                    "device_run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="changes.devicerun",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="changes.planrevision"
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hook_calls",
                        to="changes.run",
                    ),
                ),
                (
                    "hook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="calls", to="changes.hooksetting"
                    ),
                ),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.CreateModel(
            name="RunDecisionStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(help_text="In the plan's list, from 0.")),
                ("point", models.PositiveIntegerField(help_text="So many of the run's waves come before it.")),
                ("title", models.CharField(max_length=120)),
                ("instruction", models.TextField()),
                (
                    "place",
                    models.CharField(
                        choices=[
                            ("before", "Before the first wave"),
                            ("after_wave", "After a wave"),
                            ("end", "At the end"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "wave",
                    models.PositiveIntegerField(default=0, help_text="The plan's wave after which it stands; 0: none."),
                ),
                ("role", models.CharField(blank=True, max_length=150)),
                ("timeout_s", models.PositiveIntegerField()),
                (
                    "otherwise",
                    models.CharField(
                        choices=[("abort", "Start nothing more"), ("roll_back", "Roll the change back")], max_length=10
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("waiting", "Waiting"),
                            ("confirmed", "Confirmed"),
                            ("stopped", "Stopped"),
                            ("timed_out", "Timed out"),
                            ("skipped", "Skipped"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("waits_since", models.DateTimeField(blank=True, null=True)),
                ("waits_until", models.DateTimeField(blank=True, null=True)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.TextField(blank=True)),
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
                    "person",
                    models.ForeignKey(
                        blank=True,
                        help_text="Who alone confirms it; empty: whoever holds the role.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="decision_steps", to="changes.run"
                    ),
                ),
            ],
            options={"ordering": ["run_id", "point", "position"]},
        ),
        migrations.AddConstraint(
            model_name="hooksetting",
            constraint=models.CheckConstraint(
                condition=models.Q(("time_limit_s__gte", 1), ("time_limit_s__lte", 60)), name="hook_has_a_time_limit"
            ),
        ),
        migrations.AddConstraint(
            model_name="hooksetting",
            constraint=models.CheckConstraint(
                condition=models.Q(("enabled", False), ("enabled_at__isnull", False), _connector="OR"),
                name="enabled_hook_has_a_beginning",
            ),
        ),
        migrations.AddIndex(
            model_name="hookcall",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["id"], name="hook_call_waiting"),
        ),
        migrations.AddIndex(model_name="hookcall", index=models.Index(fields=["hook", "-id"], name="hook_call_latest")),
        migrations.AddConstraint(
            model_name="hookcall",
            constraint=models.UniqueConstraint(
                fields=("hook", "point", "revision", "run", "wave", "device_run", "asked"),
                name="one_call_per_moment",
                nulls_distinct=False,
            ),
        ),
        migrations.AddIndex(
            model_name="rundecisionstep",
            index=models.Index(condition=models.Q(("state", "waiting")), fields=["run"], name="decision_step_waiting"),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.UniqueConstraint(fields=("run", "position"), name="one_step_per_position"),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("person", None), models.Q(("role", ""), _negated=True)),
                    models.Q(("person__isnull", False), ("role", "")),
                    _connector="OR",
                ),
                name="step_names_a_person_or_a_role",
            ),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("state__in", ["confirmed", "stopped"]),
                    ),
                    models.Q(models.Q(("state__in", ["confirmed", "stopped"]), _negated=True), ("decided_by", None)),
                    _connector="OR",
                ),
                name="answered_step_names_who_answered",
            ),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "stopped"), _negated=True),
                    models.Q(("note", ""), _negated=True),
                    _connector="OR",
                ),
                name="stopped_step_has_a_note",
            ),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "confirmed"), _negated=True),
                    ("person", None),
                    ("person", models.F("decided_by")),
                    _connector="OR",
                ),
                name="named_person_alone_confirms",
            ),
        ),
        migrations.AddConstraint(
            model_name="rundecisionstep",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "waiting"), _negated=True), ("waits_until__isnull", False), _connector="OR"
                ),
                name="waiting_step_has_an_end",
            ),
        ),
        require_event(table="changes_hooksetting", object_type="hook", state_column=None),
        require_event(table="changes_rundecisionstep", object_type="decision_step"),
    ]
