"""What plans warn of and touch, and the risk of changes: assessments, answers and overrides, each with its event.

The database itself refuses: warnings of a closed plan that are changed, an assessment, answer or override that is
changed or removed, an override that names another plan, one downward by who wrote or edited the change, and a risk
level of a submitted change that is not the one of its plan's newest assessment.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from audit.ddl import require_event

FORWARDS = """
CREATE FUNCTION changes_keep_findings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id AND r.state = 'ready') THEN
        RAISE EXCEPTION 'What a plan warns of stays as planning found it. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'findings_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_deviceplan_findings_stay
    BEFORE UPDATE OF warnings, kinds, new_addresses, unprotected, rollback ON changes_deviceplan FOR EACH ROW
    WHEN ((NEW.warnings, NEW.kinds, NEW.new_addresses, NEW.rollback)
          IS DISTINCT FROM (OLD.warnings, OLD.kinds, OLD.new_addresses, OLD.rollback)
          OR NEW.unprotected IS DISTINCT FROM OLD.unprotected)
    EXECUTE FUNCTION changes_keep_findings();
ALTER TABLE changes_deviceplan ENABLE ALWAYS TRIGGER changes_deviceplan_findings_stay;

CREATE FUNCTION changes_keep_risk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        RAISE EXCEPTION 'What was assessed, answered or set about a risk stays. Add another row.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'risk_stays';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id
                   AND r.change_id = NEW.change_id AND r.digest = NEW.plan_digest) THEN
        RAISE EXCEPTION 'GATE_DIGEST_MISMATCH: the risk names another digest than its plan has'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_digest';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_riskanswer_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_riskanswer
    FOR EACH ROW EXECUTE FUNCTION changes_keep_risk();
ALTER TABLE changes_riskanswer ENABLE ALWAYS TRIGGER changes_riskanswer_stays;
CREATE TRIGGER changes_riskassessment_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_riskassessment
    FOR EACH ROW EXECUTE FUNCTION changes_keep_risk();
ALTER TABLE changes_riskassessment ENABLE ALWAYS TRIGGER changes_riskassessment_stays;
CREATE TRIGGER changes_riskoverride_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_riskoverride
    FOR EACH ROW EXECUTE FUNCTION changes_keep_risk();
ALTER TABLE changes_riskoverride ENABLE ALWAYS TRIGGER changes_riskoverride_stays;

CREATE FUNCTION changes_refuse_own_lowering() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    SELECT a.level INTO held FROM changes_riskassessment a WHERE a.revision_id = NEW.revision_id
    ORDER BY a.id DESC LIMIT 1;
    IF array_position(ARRAY['low', 'medium', 'high'], NEW.level::text)
       >= array_position(ARRAY['low', 'medium', 'high'], coalesce(held, NEW.computed)::text) THEN
        RETURN NEW;
    END IF;
    IF NEW.reason = '' OR EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id
               AND NEW.person_id IN (c.author_id, c.last_editor_id))
       OR EXISTS (SELECT 1 FROM changes_changerequest_editors e
                  WHERE e.changerequest_id = NEW.change_id AND e.user_id = NEW.person_id) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: lowering a risk takes a reason, and somebody who did not write the change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_riskoverride_separation_of_duties BEFORE INSERT ON changes_riskoverride
    FOR EACH ROW EXECUTE FUNCTION changes_refuse_own_lowering();
ALTER TABLE changes_riskoverride ENABLE ALWAYS TRIGGER changes_riskoverride_separation_of_duties;

CREATE FUNCTION changes_keep_risk_level() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.risk_level IS DISTINCT FROM (SELECT a.level FROM changes_riskassessment a
                                        WHERE a.revision_id = NEW.revision_id ORDER BY a.id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'The risk level of a submitted change is that of its newest assessment.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'risk_level_is_assessed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_changerequest_risk_level BEFORE UPDATE OF risk_level ON changes_changerequest FOR EACH ROW
    WHEN (NEW.risk_level IS DISTINCT FROM OLD.risk_level AND NEW.state <> 'draft')
    EXECUTE FUNCTION changes_keep_risk_level();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_risk_level;
"""
BACKWARDS = """
DROP TRIGGER changes_changerequest_risk_level ON changes_changerequest;
DROP FUNCTION changes_keep_risk_level();
DROP TRIGGER changes_riskoverride_separation_of_duties ON changes_riskoverride;
DROP FUNCTION changes_refuse_own_lowering();
DROP TRIGGER changes_riskoverride_stays ON changes_riskoverride;
DROP TRIGGER changes_riskassessment_stays ON changes_riskassessment;
DROP TRIGGER changes_riskanswer_stays ON changes_riskanswer;
DROP FUNCTION changes_keep_risk();
DROP TRIGGER changes_deviceplan_findings_stay ON changes_deviceplan;
DROP FUNCTION changes_keep_findings();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0026_meetings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="deviceplan",
            name="kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                blank=True,
                default=list,
                help_text="The kinds of content that it touches.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="deviceplan",
            name="new_addresses",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=150),
                blank=True,
                default=list,
                help_text="What it adds, each as “VRF address”.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="deviceplan",
            name="rollback",
            field=models.CharField(
                blank=True, help_text="How good its way back is, in the risk's words.", max_length=10
            ),
        ),
        migrations.AddField(
            model_name="deviceplan",
            name="unprotected",
            field=models.BooleanField(
                help_text="Whether the device keeps the change when the session is lost; empty: not planned.", null=True
            ),
        ),
        migrations.CreateModel(
            name="RiskAnswer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("plan_digest", models.CharField(max_length=64)),
                ("fact", models.CharField(max_length=40)),
                ("answer", models.CharField(max_length=40)),
                ("answered_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_answers",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_answers",
                        to="changes.planrevision",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RiskOverride",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("plan_digest", models.CharField(max_length=64)),
                (
                    "level",
                    models.CharField(choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=10),
                ),
                (
                    "computed",
                    models.CharField(choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=10),
                ),
                ("reason", models.TextField(blank=True)),
                ("set_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_overrides",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_overrides",
                        to="changes.planrevision",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="RiskAssessment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("plan_digest", models.CharField(max_length=64)),
                ("weights", models.CharField(max_length=20)),
                ("facts", models.JSONField()),
                ("result", models.JSONField(help_text="The components, each with its points and reason.")),
                ("score", models.PositiveSmallIntegerField()),
                (
                    "computed",
                    models.CharField(choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=10),
                ),
                (
                    "level",
                    models.CharField(choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], max_length=10),
                ),
                ("assessed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "change",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_assessments",
                        to="changes.changerequest",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="risk_assessments",
                        to="changes.planrevision",
                    ),
                ),
                (
                    "override",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="changes.riskoverride",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["revision", "-id"], name="risk_by_revision")],
            },
        ),
        require_event(table="changes_riskanswer", object_type="risk_answer", state_column=None),
        require_event(table="changes_riskassessment", object_type="risk_assessment", state_column=None),
        require_event(table="changes_riskoverride", object_type="risk_override", state_column=None),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
