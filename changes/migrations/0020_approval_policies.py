"""Versions of approval policies, and demands that keep the digest with which they were settled.

The database itself refuses: a policy whose content is edited or removed, one that is activated by who wrote or
proposed it, an installation without an active policy, a demand that is changed without its event, and facts of a
closed plan that are changed.
"""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

FORWARDS = """
CREATE FUNCTION changes_policy_hands(asked_name text, asked_version bigint) RETURNS SETOF bigint
LANGUAGE sql STABLE AS $$
    SELECT v.author_id FROM changes_approvalpolicyversion v
    WHERE v.name = asked_name AND v.version <= asked_version AND v.author_id IS NOT NULL
      AND v.version > coalesce((SELECT max(o.version) FROM changes_approvalpolicyversion o
                                WHERE o.name = asked_name AND o.version < asked_version
                                  AND o.activated_at IS NOT NULL), 0)
$$;

CREATE FUNCTION changes_keep_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.digest <> encode(sha256(convert_to(NEW.document, 'UTF8')), 'hex') THEN
            RAISE EXCEPTION 'The digest of the policy % is not that of its document.', NEW.name
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_digest';
        END IF;
        IF NEW.state <> 'draft' AND (NEW.state <> 'active' OR NEW.author_id IS NOT NULL
                                     OR EXISTS (SELECT 1 FROM changes_approvalpolicyversion)) THEN
            RAISE EXCEPTION 'A new version of a policy begins as a draft.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_begins_as_draft';
        END IF;
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' OR (NEW.id, NEW.name, NEW.version, NEW.title, NEW.document, NEW.digest, NEW.created_at)
            IS DISTINCT FROM (OLD.id, OLD.name, OLD.version, OLD.title, OLD.document, OLD.digest, OLD.created_at)
            OR NEW.author_id IS DISTINCT FROM OLD.author_id THEN
        RAISE EXCEPTION 'A version of a policy stays as it was written: write another one.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'policy_stays';
    END IF;
    IF NEW.state = OLD.state THEN
        IF (NEW.proposed_by_id, NEW.proposed_at, NEW.activated_by_id, NEW.activated_at, NEW.retired_at)
           IS DISTINCT FROM (OLD.proposed_by_id, OLD.proposed_at, OLD.activated_by_id, OLD.activated_at, OLD.retired_at)
        THEN
            RAISE EXCEPTION 'Who proposed or activated a policy stays as it was.'
                USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'policy_stays';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (('draft', 'proposed'), ('retired', 'proposed'), ('proposed', 'active'),
                                      ('draft', 'retired'), ('proposed', 'retired'), ('active', 'retired')) THEN
        RAISE EXCEPTION 'A policy does not go from % to %.', OLD.state, NEW.state
            USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_steps';
    END IF;
    IF NEW.state = 'active' AND (
            NEW.activated_by_id IS NULL OR NEW.proposed_by_id IS NULL
            OR NEW.proposed_by_id IS DISTINCT FROM OLD.proposed_by_id
            OR NEW.activated_by_id = NEW.proposed_by_id
            OR NEW.activated_by_id IN (SELECT changes_policy_hands(NEW.name, NEW.version))) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or proposed a policy cannot activate it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_policy_stays BEFORE INSERT OR UPDATE OR DELETE ON changes_approvalpolicyversion
    FOR EACH ROW EXECUTE FUNCTION changes_keep_policy();
ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_policy_stays;

CREATE FUNCTION changes_require_active_policy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM changes_approvalpolicyversion WHERE state = 'active') THEN
        RAISE EXCEPTION 'There has to be an active approval policy.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'one_active_policy';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER changes_policy_is_active AFTER UPDATE OF state ON changes_approvalpolicyversion
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION changes_require_active_policy();
ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_policy_is_active;

-- A version that ships has no author; its record is the release. Whatever becomes of it needs an event.
CREATE CONSTRAINT TRIGGER changes_approvalpolicyversion_new_needs_event
    AFTER INSERT ON changes_approvalpolicyversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.author_id IS NOT NULL) EXECUTE FUNCTION audit_require_event('approval_policy', 'state');
ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_approvalpolicyversion_new_needs_event;
CREATE CONSTRAINT TRIGGER changes_approvalpolicyversion_needs_event
    AFTER UPDATE OF state ON changes_approvalpolicyversion DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit_require_event('approval_policy', 'state');
ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_approvalpolicyversion_needs_event;

CREATE FUNCTION changes_keep_demand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.demand IS NOT NULL OR NEW.demand_digest <> '' THEN
            RAISE EXCEPTION 'A plan begins without a demand.'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'demand_stays';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.demand IS DISTINCT FROM OLD.demand OR NEW.demand_digest <> OLD.demand_digest)
       AND (NEW.demand IS NULL OR NEW.demand_digest = '' OR NEW.demand_digest = OLD.demand_digest) THEN
        RAISE EXCEPTION 'What a policy asked of a plan is replaced together with its digest, and never taken away.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'demand_stays';
    END IF;
    IF OLD.state <> 'building' AND OLD.facts IS NOT NULL AND NEW.facts IS DISTINCT FROM OLD.facts THEN
        RAISE EXCEPTION 'The facts of a plan stay as planning found them. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'facts_stay';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_planrevision_demand_stays BEFORE INSERT OR UPDATE OF demand, demand_digest, facts
    ON changes_planrevision FOR EACH ROW EXECUTE FUNCTION changes_keep_demand();
ALTER TABLE changes_planrevision ENABLE ALWAYS TRIGGER changes_planrevision_demand_stays;
CREATE CONSTRAINT TRIGGER changes_planrevision_demand_needs_event
    AFTER UPDATE OF demand_digest ON changes_planrevision DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION audit_require_event('plan_demand', 'demand_digest');
ALTER TABLE changes_planrevision ENABLE ALWAYS TRIGGER changes_planrevision_demand_needs_event;
"""
BACKWARDS = """
DROP TRIGGER changes_planrevision_demand_needs_event ON changes_planrevision;
DROP TRIGGER changes_planrevision_demand_stays ON changes_planrevision;
DROP FUNCTION changes_keep_demand();
DROP TRIGGER changes_approvalpolicyversion_needs_event ON changes_approvalpolicyversion;
DROP TRIGGER changes_approvalpolicyversion_new_needs_event ON changes_approvalpolicyversion;
DROP TRIGGER changes_policy_is_active ON changes_approvalpolicyversion;
DROP FUNCTION changes_require_active_policy();
DROP TRIGGER changes_policy_stays ON changes_approvalpolicyversion;
DROP FUNCTION changes_keep_policy();
DROP FUNCTION changes_policy_hands(text, bigint);
"""
_PERSON = {"on_delete": django.db.models.deletion.PROTECT, "related_name": "+", "to": settings.AUTH_USER_MODEL}


def _person() -> models.ForeignKey:
    return models.ForeignKey(blank=True, null=True, **_PERSON)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_append_only"),
        ("changes", "0019_discussions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ApprovalPolicyVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40)),
                ("version", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("document", models.TextField(help_text="Canonical JSON.")),
                ("digest", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "judged_at",
                    models.DateTimeField(
                        blank=True,
                        null=True,
                        help_text="When every waiting change had been judged again by this version.",
                    ),
                ),
                ("activated_by", _person()),
                ("author", _person()),
                ("proposed_by", _person()),
            ],
            options={
                "ordering": ["-id"],
                "constraints": [
                    models.UniqueConstraint(fields=("name", "version"), name="one_policy_per_name_and_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("state", "active")), fields=("state",), name="one_active_policy"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="policy_has_a_digest"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="planrevision",
            name="demand_digest",
            field=models.CharField(
                blank=True,
                help_text="SHA-256 of the canonical demand; it stands in the audit event as well.",
                max_length=64,
            ),
        ),
        migrations.AddField(
            model_name="planrevision",
            name="judged_by",
            field=models.CharField(
                blank=True, help_text="Digest of the policy that judged it last.", max_length=64
            ),
        ),
        migrations.AlterField(
            model_name="planrevision", name="policy_version", field=models.CharField(max_length=60)
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
