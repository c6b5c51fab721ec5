"""Change templates in versions, which the database keeps as they were proposed and reviewed."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

GUARDS = """
CREATE FUNCTION changes_guard_template_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'A template version stays: changes were made from it, or may be.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'template_version_stays';
    END IF;
    IF NEW.digest <> encode(sha256(convert_to(NEW.document, 'UTF8')), 'hex')
       OR (NEW.envelope_digest = '') <> (json_typeof(NEW.document::json -> 'envelope') = 'null') THEN
        RAISE EXCEPTION 'The digest of a template version is not that of its document.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'template_digest';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' THEN
            RAISE EXCEPTION 'A template version begins as a draft.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'template_version_begins_as_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.template_id, NEW.number, NEW.created_by_id) IS DISTINCT FROM
       (OLD.template_id, OLD.number, OLD.created_by_id)
       OR (OLD.state <> 'draft' AND
           (NEW.document, NEW.digest, NEW.envelope_digest, NEW.purpose, NEW.platforms) IS DISTINCT FROM
           (OLD.document, OLD.digest, OLD.envelope_digest, OLD.purpose, OLD.platforms)) THEN
        RAISE EXCEPTION 'What a template version says cannot be changed once it is proposed. Make a new version.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'template_version_is_append_only';
    END IF;
    IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
       (('draft', 'proposed'), ('proposed', 'draft'), ('proposed', 'approved'), ('approved', 'deprecated')) THEN
        RAISE EXCEPTION 'A template version cannot become % from %.', NEW.state, OLD.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'template_version_states';
    END IF;
    IF NEW.state = 'approved' AND OLD.state <> 'approved' AND (
        NOT changes_template_reviewed(NEW.id, NEW.digest, 'peer')
        OR (NEW.envelope_digest <> '' AND NOT changes_template_reviewed(NEW.id, NEW.digest, 'cab'))) THEN
        RAISE EXCEPTION 'A template version needs the review of a peer, and of the CAB where it pre-approves changes.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'template_version_is_reviewed';
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION changes_template_reviewed(version bigint, read_digest text, by_role text) RETURNS boolean
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM changes_templatereview r WHERE r.version_id = version AND r.digest = read_digest
                   AND r.role = by_role AND r.decision = 'approved' AND r.voided_at IS NULL)
$$;
CREATE TRIGGER changes_templateversion_guard BEFORE INSERT OR UPDATE OR DELETE ON changes_templateversion
    FOR EACH ROW EXECUTE FUNCTION changes_guard_template_version();
ALTER TABLE changes_templateversion ENABLE ALWAYS TRIGGER changes_templateversion_guard;

CREATE FUNCTION changes_guard_template_review() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_templatereview;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF EXISTS (SELECT 1 FROM changes_templateversion_editors e
                   WHERE e.templateversion_id = NEW.version_id AND e.user_id = NEW.reviewer_id)
           OR EXISTS (SELECT 1 FROM changes_templateversion v
                      WHERE v.id = NEW.version_id AND NEW.reviewer_id IN (v.created_by_id, v.proposed_by_id)) THEN
            RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote a part of a template version cannot review it'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'template_review_by_another_person';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM changes_templateversion v
                       WHERE v.id = NEW.version_id AND v.digest = NEW.digest AND v.state = 'proposed') THEN
            RAISE EXCEPTION 'GATE_DIGEST_MISMATCH: the review names another digest than the proposed version has'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'template_review_digest';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.voided_at := OLD.voided_at;
        IF kept IS NOT DISTINCT FROM OLD AND (OLD.voided_at IS NULL OR NEW.voided_at IS NOT DISTINCT FROM OLD.voided_at)
        THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A review of a template stays as it was made: it can be voided once.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'template_review_stays';
END $$;
CREATE TRIGGER changes_templatereview_guard BEFORE INSERT OR UPDATE OR DELETE ON changes_templatereview
    FOR EACH ROW EXECUTE FUNCTION changes_guard_template_review();
ALTER TABLE changes_templatereview ENABLE ALWAYS TRIGGER changes_templatereview_guard;

CREATE FUNCTION changes_keep_template_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Who wrote a template version, and what was given back to a template, is never taken out again.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'template_rows_stay';
END $$;
CREATE TRIGGER changes_template_editors_stay BEFORE UPDATE OR DELETE ON changes_templateversion_editors
    FOR EACH ROW EXECUTE FUNCTION changes_keep_template_rows();
ALTER TABLE changes_templateversion_editors ENABLE ALWAYS TRIGGER changes_template_editors_stay;
CREATE TRIGGER changes_restorations_stay BEFORE UPDATE OR DELETE ON changes_preapprovalrestoration
    FOR EACH ROW EXECUTE FUNCTION changes_keep_template_rows();
ALTER TABLE changes_preapprovalrestoration ENABLE ALWAYS TRIGGER changes_restorations_stay;
"""
UNGUARDED = """
DROP TRIGGER changes_restorations_stay ON changes_preapprovalrestoration;
DROP TRIGGER changes_template_editors_stay ON changes_templateversion_editors;
DROP FUNCTION changes_keep_template_rows();
DROP TRIGGER changes_templatereview_guard ON changes_templatereview;
DROP FUNCTION changes_guard_template_review();
DROP TRIGGER changes_templateversion_guard ON changes_templateversion;
DROP FUNCTION changes_guard_template_version();
DROP FUNCTION changes_template_reviewed(bigint, text, text);
"""


class Migration(migrations.Migration):
    """The templates with their guards, and what a change keeps of its template and its emergency."""

    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0017_notifications"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="changerequest",
            name="called_by",
            field=models.CharField(blank=True, help_text="Who called the emergency.", max_length=200),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="emergency_reason",
            field=models.TextField(blank=True, help_text="Why it cannot wait for the normal way."),
        ),
        migrations.CreateModel(
            name="Template",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "successor",
                    models.ForeignKey(
                        blank=True,
                        help_text="The template to use instead, once this one is deprecated.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="predecessors",
                        to="changes.template",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="PreApprovalRestoration",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "change_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BigIntegerField(),
                        help_text="The failed changes that were looked at.",
                        size=None,
                    ),
                ),
                ("restored_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("reason", models.TextField()),
                (
                    "restored_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="restorations", to="changes.template"
                    ),
                ),
            ],
            options={
                "ordering": ["template_id", "id"],
            },
        ),
        migrations.CreateModel(
            name="TemplateVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("approved", "Approved"),
                            ("deprecated", "Deprecated"),
                        ],
                        default="draft",
                        max_length=12,
                    ),
                ),
                ("document", models.TextField(help_text="Canonical JSON.")),
                ("digest", models.CharField(help_text="SHA-256 of the document, hex.", max_length=64)),
                (
                    "envelope_digest",
                    models.CharField(blank=True, help_text="Of its envelope; empty without one.", max_length=64),
                ),
                ("purpose", models.TextField(blank=True)),
                (
                    "platforms",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=50), blank=True, default=list, size=None
                    ),
                ),
                ("edits", models.PositiveIntegerField(default=1, help_text="Counts edits; a stale edit is refused.")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("deprecated_at", models.DateTimeField(blank=True, null=True)),
                ("deprecation_reason", models.TextField(blank=True)),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "deprecated_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "editors",
                    models.ManyToManyField(
                        help_text="Everybody who wrote a part of it, those of the version that it was made from too.",
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "template",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="changes.template"
                    ),
                ),
            ],
            options={
                "ordering": ["template_id", "-number"],
            },
        ),
        migrations.CreateModel(
            name="TemplateReview",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "role",
                    models.CharField(
                        choices=[("peer", "Peer"), ("cab", "CAB")],
                        help_text="The group by whose right it was given.",
                        max_length=20,
                    ),
                ),
                (
                    "decision",
                    models.CharField(choices=[("approved", "Approved"), ("returned", "Returned")], max_length=10),
                ),
                ("digest", models.CharField(max_length=64)),
                ("comment", models.TextField(blank=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("voided_at", models.DateTimeField(blank=True, null=True)),
                (
                    "reviewer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reviews",
                        to="changes.templateversion",
                    ),
                ),
            ],
            options={
                "ordering": ["version_id", "id"],
            },
        ),
        migrations.AddField(
            model_name="changerequest",
            name="template_version",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="changes",
                to="changes.templateversion",
            ),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="template_has_a_name"
            ),
        ),
        migrations.AddConstraint(
            model_name="template",
            constraint=models.CheckConstraint(
                condition=models.Q(("successor", models.F("id")), _negated=True),
                name="template_is_not_its_own_successor",
            ),
        ),
        migrations.AddConstraint(
            model_name="preapprovalrestoration",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason", ""), _negated=True), models.Q(("change_ids", []), _negated=True)
                ),
                name="restoration_says_why_and_what",
            ),
        ),
        migrations.AddIndex(
            model_name="templateversion",
            index=models.Index(fields=["state", "template"], name="template_version_by_state"),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(fields=("template", "number"), name="one_template_version_per_number"),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["draft", "proposed"])),
                fields=("template",),
                name="one_open_version_per_template",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "approved")),
                fields=("template",),
                name="one_approved_version_per_template",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "deprecated"), _negated=True),
                    models.Q(
                        ("deprecated_at__isnull", False),
                        ("deprecated_by__isnull", False),
                        models.Q(("deprecation_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="template_deprecation_names_person_and_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="templatereview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at", None)),
                fields=("version", "reviewer"),
                name="one_template_review_per_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="templatereview",
            constraint=models.UniqueConstraint(
                condition=models.Q(("voided_at", None)), fields=("version", "role"), name="one_template_review_per_role"
            ),
        ),
        require_event(table="changes_template", object_type="template", state_column=None),
        require_event(table="changes_templateversion", object_type="template_version"),
        require_event(table="changes_templatereview", object_type="template_review", state_column="decision"),
        require_event(table="changes_preapprovalrestoration", object_type="template_restoration", state_column=None),
        migrations.RunSQL(GUARDS, UNGUARDED),
    ]
