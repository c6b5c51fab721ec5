"""Who acts for whom, what time has to do about approvals, and why a decision no longer counts."""

import datetime as dt

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event


class Migration(migrations.Migration):
    """Delegations, watches of approvals, and the causes of void decisions."""

    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0022_reviews_and_reports"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalWatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("stage", models.CharField(blank=True, max_length=40)),
                ("opened_at", models.DateTimeField()),
                ("reminded_at", models.DateTimeField(blank=True, null=True)),
                ("escalated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "look_at",
                    models.DateTimeField(
                        blank=True, help_text="When something is due; empty: nothing will be.", null=True
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delegation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "groups",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=150), blank=True, default=list, size=None
                    ),
                ),
                (
                    "out_of_office",
                    models.BooleanField(default=False, help_text="Notices go to the delegate, not to the principal."),
                ),
                ("reason", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="approval",
            name="void_cause",
            field=models.CharField(
                blank=True,
                choices=[
                    ("returned", "The change or its plan went back to its author"),
                    ("withdrawn", "Its author withdrew it"),
                    ("policy", "The policy asks more by now"),
                    ("lapsed", "Its time was over, and the person decided again"),
                ],
                max_length=12,
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at", None)),
                fields=("revision", "on_behalf_of"),
                name="one_decision_per_absent_member_and_revision",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("on_behalf_of", None),
                    models.Q(("on_behalf_of", models.F("approver")), _negated=True),
                    _connector="OR",
                ),
                name="nobody_is_their_own_delegate",
            ),
        ),
        migrations.AddField(
            model_name="approvalwatch",
            name="change",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="approval_watch", to="changes.changerequest"
            ),
        ),
        migrations.AddField(
            model_name="approvalwatch",
            name="revision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="changes.planrevision"
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="delegate",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the principal is out of office and nobody acts for them.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegations_held",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="principal",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="delegations_given",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="delegation",
            name="revoked_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="approvalwatch",
            index=models.Index(
                condition=models.Q(("look_at__isnull", False)), fields=["look_at"], name="approval_watch_due"
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(
                condition=models.Q(("revoked_at", None)),
                fields=["principal", "ends_at"],
                name="delegation_by_principal",
            ),
        ),
        migrations.AddIndex(
            model_name="delegation",
            index=models.Index(
                condition=models.Q(("revoked_at", None)), fields=["delegate", "ends_at"], name="delegation_by_delegate"
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("delegate", None), models.Q(("delegate", models.F("principal")), _negated=True), _connector="OR"
                ),
                name="delegation_names_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(("delegate__isnull", False), ("out_of_office", True), _connector="OR"),
                name="delegation_without_delegate",
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "ends_at__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("starts_at"), "+", models.Value(dt.timedelta(days=92))
                        ),
                    ),
                    ("starts_at__lt", models.F("ends_at")),
                ),
                name="delegation_ends_within_92_days",
            ),
        ),
        migrations.AddConstraint(
            model_name="delegation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("revoked_at", None), ("revoked_by", None)),
                    models.Q(("revoked_at__isnull", False), ("revoked_by__isnull", False)),
                    _connector="OR",
                ),
                name="delegation_revocation_names_a_person",
            ),
        ),
        require_event(table="changes_delegation", object_type="delegation", state_column=None),
    ]
