"""What the database itself refuses about approvals: who gives one, what it counts for, and a change without its quorum.

The same rules stand in :mod:`changes.domain.policy`; the services ask them first and answer in sentences. These are
for whatever does not go through the services. A stage that is not known counts as lacking.
"""

from django.db import migrations

BUILTIN = (
    '[{"name": "peer", "event": "assess", "groups": ["peer"], "quorum": 1},'
    ' {"name": "cab", "event": "authorize", "groups": ["cab"], "quorum": 1}]'
)

FORWARDS = """
-- Everybody who wrote a part of what is sent. A new kind of author is added here, and in changes.services.people.
CREATE OR REPLACE FUNCTION changes_hands(the_change bigint) RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    SELECT c.author_id::bigint FROM changes_changerequest c WHERE c.id = the_change
    UNION SELECT c.last_editor_id FROM changes_changerequest c WHERE c.id = the_change
    UNION SELECT e.user_id FROM changes_changerequest_editors e WHERE e.changerequest_id = the_change
    UNION SELECT t.user_id FROM changes_templateversion_editors t
          JOIN changes_changerequest c ON c.template_version_id = t.templateversion_id WHERE c.id = the_change
$$;

-- What was asked of a revision; one that was submitted before policies were data has the builtin policy's stages.
CREATE FUNCTION changes_asked_stages(demand jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN demand IS NULL THEN 'BUILTIN_STAGES'::jsonb
                ELSE coalesce(nullif(demand -> 'stages', 'null'::jsonb), '[]'::jsonb) END
$$;

-- The first stage of a revision that lacks approvals; null: every stage has its quorum. Nobody counts twice.
CREATE FUNCTION changes_stage_lacking(the_revision bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
    plan changes_planrevision;
    asked jsonb;
    given record;
    counted integer;
    used bigint[];
    by_groups text[];
    hours integer;
    hands bigint[];
BEGIN
    SELECT * INTO plan FROM changes_planrevision WHERE id = the_revision;
    IF NOT FOUND OR plan.digest = '' OR plan.state <> 'ready' THEN
        RETURN 'every';
    END IF;
    hands := array(SELECT changes_hands(plan.change_id));
    FOR asked IN SELECT value FROM jsonb_array_elements(changes_asked_stages(plan.demand)) LOOP
        counted := 0;
        used := '{}';
        by_groups := '{}';
        hours := coalesce((asked ->> 'expires_after_h')::integer, 0);
        FOR given IN
            SELECT a.approver_id::bigint AS person, a.on_behalf_of_id::bigint AS absent, a."group" AS by_group
            FROM changes_approval a
            WHERE a.revision_id = the_revision AND a.stage = asked ->> 'name' AND a.decision = 'approved'
              AND a.voided_at IS NULL AND a.plan_digest = plan.digest
              AND (hours = 0 OR a.created_at + make_interval(hours => hours) > statement_timestamp())
            ORDER BY a.id
        LOOP
            CONTINUE WHEN given.person = ANY (hands || used) OR coalesce(given.absent, 0) = ANY (hands || used);
            used := used || given.person || coalesce(given.absent, given.person);
            by_groups := by_groups || given.by_group::text;
            counted := counted + 1;
        END LOOP;
        IF counted < greatest(coalesce((asked ->> 'quorum')::integer, 1), 1) THEN
            RETURN asked ->> 'name';
        END IF;
        IF coalesce((asked ->> 'from_each_group')::boolean, false) AND EXISTS (
                SELECT 1 FROM jsonb_array_elements_text(asked -> 'groups') AS needed
                WHERE NOT needed.value = ANY (by_groups)) THEN
            RETURN asked ->> 'name';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE FUNCTION changes_require_quorum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    begun CONSTANT text[] := '{implementing,paused,rolling_back,review}';
    lacking text;
    asked jsonb;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.revision_id IS NOT DISTINCT FROM OLD.revision_id AND NEW.type = OLD.type
       AND (NEW.state = OLD.state
            -- What was begun may always be held, taken back and ended; begun anew it may not be.
            OR (OLD.state = ANY (begun) AND NEW.state = ANY (begun)
                AND NOT (OLD.state = 'review' AND NEW.state = 'implementing'))) THEN
        RETURN NEW;
    END IF;
    SELECT changes_asked_stages(r.demand) INTO asked FROM changes_planrevision r WHERE r.id = NEW.revision_id;
    lacking := changes_stage_lacking(NEW.revision_id);
    IF lacking IS NULL AND asked = '[]'::jsonb AND NOT (
            NEW.type = 'standard' AND NEW.template_version_id IS NOT NULL AND EXISTS (
                SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id AND r.change_id = NEW.id
                AND r.demand -> 'pre_approved' = 'true'::jsonb)) THEN
        lacking := 'every';
    END IF;
    IF lacking IS NULL AND NOT EXISTS (
            SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id AND r.change_id = NEW.id) THEN
        lacking := 'every';
    END IF;
    IF lacking IS NOT NULL THEN
        RAISE EXCEPTION 'PLAN_NOT_APPROVED: the change % cannot become %: approvals are missing in the stage %',
            NEW.id, NEW.state, lacking
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_quorum';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_changerequest_quorum BEFORE INSERT OR UPDATE OF state, revision_id, type
    ON changes_changerequest FOR EACH ROW
    WHEN (NEW.state IN ('approved', 'scheduled', 'implementing', 'paused', 'rolling_back', 'review'))
    EXECUTE FUNCTION changes_require_quorum();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_quorum;

-- What was asked is settled when a change is submitted. Once it was approved, nothing less can be put in its place.
CREATE FUNCTION changes_freeze_demand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = OLD.change_id AND c.revision_id = OLD.id
               AND c.state NOT IN ('draft', 'assessment', 'authorization')) THEN
        RAISE EXCEPTION 'What a policy asked of an approved plan stays.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'demand_stays';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_planrevision_demand_frozen BEFORE UPDATE OF demand, digest, change_id ON changes_planrevision
    FOR EACH ROW WHEN (NEW.demand IS DISTINCT FROM OLD.demand OR NEW.digest <> OLD.digest
                       OR NEW.change_id <> OLD.change_id)
    EXECUTE FUNCTION changes_freeze_demand();
ALTER TABLE changes_planrevision ENABLE ALWAYS TRIGGER changes_planrevision_demand_frozen;

-- Replaces that of 0002: the same of the absent member, and of who carried the change out.
CREATE OR REPLACE FUNCTION changes_refuse_own_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_hands(NEW.change_id) AS hand
               WHERE hand IN (NEW.approver_id, NEW.on_behalf_of_id)) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who wrote or edited a change cannot decide on it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    IF NEW.decision = 'approved' AND EXISTS (
            SELECT 1 FROM changes_run r LEFT JOIN changes_run_implementers i ON i.run_id = r.id
            WHERE r.change_id = NEW.change_id
              AND (r.started_by_id IN (NEW.approver_id, NEW.on_behalf_of_id)
                   OR i.user_id IN (NEW.approver_id, NEW.on_behalf_of_id))) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who implemented a change cannot approve it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id
                   AND r.change_id = NEW.change_id AND r.digest = NEW.plan_digest) THEN
        RAISE EXCEPTION 'GATE_DIGEST_MISMATCH: the decision names another digest than its plan has'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_digest';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER changes_approval_separation_of_duties ON changes_approval;
CREATE TRIGGER changes_approval_separation_of_duties BEFORE INSERT OR UPDATE OF approver_id, on_behalf_of_id, change_id,
    revision_id, plan_digest, decision ON changes_approval FOR EACH ROW EXECUTE FUNCTION changes_refuse_own_approval();
ALTER TABLE changes_approval ENABLE ALWAYS TRIGGER changes_approval_separation_of_duties;

-- Replaces that of 0004: a decision is voided together with the cause.
CREATE OR REPLACE FUNCTION changes_keep_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_approval;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.voided_at := OLD.voided_at;
        kept.void_cause := OLD.void_cause;
        IF kept IS NOT DISTINCT FROM OLD AND (
            (NEW.voided_at, NEW.void_cause) IS NOT DISTINCT FROM (OLD.voided_at, OLD.void_cause)
            OR (OLD.voided_at IS NULL AND NEW.voided_at IS NOT NULL)) THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A decision stays as it was made: it can be voided once, and neither be changed nor be removed.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'decision_stays';
END $$;
CREATE TRIGGER changes_approval_never_emptied BEFORE TRUNCATE ON changes_approval
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_decision();
ALTER TABLE changes_approval ENABLE ALWAYS TRIGGER changes_approval_never_emptied;

CREATE FUNCTION changes_in_group(person bigint, names text[]) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT 1 FROM auth_user_groups m JOIN auth_group g ON g.id = m.group_id
                   WHERE m.user_id = person AND g.name = ANY (names))
$$;

-- What a new decision has to be: one for each person, in a stage that is asked, by the right of one of its groups.
CREATE FUNCTION changes_judge_decision() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    plan changes_planrevision;
    asked jsonb;
    holder bigint := coalesce(NEW.on_behalf_of_id, NEW.approver_id);
BEGIN
    IF NEW.voided_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    -- One after the other: two decisions about one revision cannot both miss the other one.
    SELECT * INTO plan FROM changes_planrevision WHERE id = NEW.revision_id FOR NO KEY UPDATE;
    IF EXISTS (SELECT 1 FROM changes_approval a WHERE a.revision_id = NEW.revision_id AND a.voided_at IS NULL
               AND (a.approver_id IN (NEW.approver_id, NEW.on_behalf_of_id)
                    OR a.on_behalf_of_id IN (NEW.approver_id, NEW.on_behalf_of_id))) THEN
        RAISE EXCEPTION 'GATE_DUPLICATE: one of these people has already decided about this revision'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'one_decision_per_person';
    END IF;
    IF NEW.created_at > clock_timestamp() THEN
        RAISE EXCEPTION 'A decision is not made in the future.'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_time';
    END IF;
    IF NEW.decision NOT IN ('approved', 'abstained') THEN
        RETURN NEW;
    END IF;
    SELECT value INTO asked FROM jsonb_array_elements(changes_asked_stages(plan.demand))
        WHERE value ->> 'name' = NEW.stage;
    IF asked IS NULL OR NOT asked -> 'groups' ? NEW."group"
       OR NOT changes_in_group(holder, ARRAY[NEW."group"::text])
       OR changes_in_group(NEW.approver_id, '{auditor}') OR changes_in_group(holder, '{auditor}')
       OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = NEW.approver_id AND u.is_active) THEN
        RAISE EXCEPTION 'GATE_ROLE_DENIED: nobody decides in the stage % by that right', NEW.stage
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_right';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM changes_changerequest c WHERE c.id = NEW.change_id AND c.revision_id = NEW.revision_id
                   AND c.state IN ('assessment', 'authorization')) THEN
        RAISE EXCEPTION 'illegal_transition: the change is not in review with this plan'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_in_review';
    END IF;
    IF NEW.carried_from <> '' THEN
        PERFORM changes_judge_carried(NEW, plan);
        RETURN NEW;
    END IF;
    IF NEW.decision = 'approved' AND NOT EXISTS (
            SELECT 1 FROM changes_planopening o WHERE o.revision_id = NEW.revision_id AND o.person_id = NEW.approver_id)
    THEN
        RAISE EXCEPTION 'PLAN_NOT_OPENED: who approves a plan has opened it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_opened';
    END IF;
    IF NEW.on_behalf_of_id IS NOT NULL AND (
            NOT changes_in_group(NEW.approver_id, ARRAY(SELECT jsonb_array_elements_text(asked -> 'delegates')))
            OR NOT EXISTS (SELECT 1 FROM changes_delegation d
                WHERE d.principal_id = NEW.on_behalf_of_id AND d.delegate_id = NEW.approver_id AND d.revoked_at IS NULL
                  AND d.starts_at <= statement_timestamp() AND statement_timestamp() < d.ends_at
                  AND (d.groups = '{}' OR NEW."group" = ANY (d.groups)))) THEN
        RAISE EXCEPTION 'DELEGATION_REFUSED: no delegation in force lets this person decide for that one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delegation_in_force';
    END IF;
    RETURN NEW;
END $$;

-- An approval is carried over from one that the same people gave, where every device's plan was in what they saw.
CREATE FUNCTION changes_judge_carried(given changes_approval, plan changes_planrevision) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
    source bigint;
BEGIN
    SELECT a.revision_id INTO source FROM changes_approval a
    WHERE a.change_id = given.change_id AND a.revision_id <> given.revision_id AND a.decision = 'approved'
      AND given.decision = 'approved' AND a.approver_id = given.approver_id AND a.stage = given.stage
      AND a.on_behalf_of_id IS NOT DISTINCT FROM given.on_behalf_of_id AND a.created_at = given.created_at
      AND (a.plan_digest = given.carried_from OR a.carried_from = given.carried_from)
      AND a.void_cause IN ('', 'returned')
    ORDER BY a.id DESC LIMIT 1;
    IF source IS NULL
       OR NOT EXISTS (SELECT 1 FROM changes_changerequest c
                      WHERE c.id = given.change_id AND c.risk_level IN ('low', 'medium'))
       OR plan.demand -> 'duties' @> '[{"duty": "no_carry_over"}]'::jsonb
       OR EXISTS (SELECT 1 FROM changes_deviceplan n WHERE n.revision_id = plan.id AND NOT EXISTS (
                  SELECT 1 FROM changes_deviceplan o WHERE o.revision_id = source AND o.device_id = n.device_id
                  AND o.digest = n.digest)) THEN
        RAISE EXCEPTION 'CARRY_OVER_REFUSED: no earlier approval covers every device of this plan'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'approval_carried_over';
    END IF;
END $$;
CREATE TRIGGER changes_approval_judged BEFORE INSERT ON changes_approval
    FOR EACH ROW EXECUTE FUNCTION changes_judge_decision();
ALTER TABLE changes_approval ENABLE ALWAYS TRIGGER changes_approval_judged;

-- Who approved a plan does not start it, and, where its policy says so, neither does who wrote it.
CREATE FUNCTION changes_refuse_own_start() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM changes_approval a WHERE a.revision_id = NEW.revision_id AND a.decision = 'approved'
               AND a.voided_at IS NULL AND NEW.started_by_id IN (a.approver_id, a.on_behalf_of_id)) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: who approved a plan cannot start it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    IF EXISTS (SELECT 1 FROM changes_planrevision r WHERE r.id = NEW.revision_id
               AND r.demand -> 'duties' @> '[{"duty": "implementer_apart"}]'::jsonb)
       AND EXISTS (SELECT 1 FROM changes_hands(NEW.change_id) AS hand WHERE hand = NEW.started_by_id) THEN
        RAISE EXCEPTION 'GATE_SELF_APPROVAL: by the policy of this change somebody else than its authors implements it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'separation_of_duties';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_run_started_apart BEFORE INSERT OR UPDATE OF started_by_id, revision_id, change_id ON changes_run
    FOR EACH ROW EXECUTE FUNCTION changes_refuse_own_start();
ALTER TABLE changes_run ENABLE ALWAYS TRIGGER changes_run_started_apart;

CREATE FUNCTION changes_keep_delegation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept changes_delegation;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        kept.revoked_at := OLD.revoked_at;
        kept.revoked_by_id := OLD.revoked_by_id;
        IF kept IS NOT DISTINCT FROM OLD AND OLD.revoked_at IS NULL THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'A delegation stays as it was made: it can be revoked once, and neither be changed nor be removed.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'delegation_stays';
END $$;
CREATE TRIGGER changes_delegation_stays BEFORE UPDATE OR DELETE ON changes_delegation
    FOR EACH ROW EXECUTE FUNCTION changes_keep_delegation();
ALTER TABLE changes_delegation ENABLE ALWAYS TRIGGER changes_delegation_stays;
""".replace("BUILTIN_STAGES", BUILTIN)

BACKWARDS = """
DROP TRIGGER changes_delegation_stays ON changes_delegation;
DROP FUNCTION changes_keep_delegation();
DROP TRIGGER changes_run_started_apart ON changes_run;
DROP FUNCTION changes_refuse_own_start();
DROP TRIGGER changes_approval_judged ON changes_approval;
DROP FUNCTION changes_judge_decision();
DROP FUNCTION changes_judge_carried(changes_approval, changes_planrevision);
DROP FUNCTION changes_in_group(bigint, text[]);
DROP TRIGGER changes_approval_never_emptied ON changes_approval;
DROP TRIGGER changes_planrevision_demand_frozen ON changes_planrevision;
DROP FUNCTION changes_freeze_demand();
DROP TRIGGER changes_changerequest_quorum ON changes_changerequest;
DROP FUNCTION changes_require_quorum();
DROP FUNCTION changes_stage_lacking(bigint);
DROP FUNCTION changes_asked_stages(jsonb);
"""


class Migration(migrations.Migration):
    """The guards; those of 0002 and 0004 that were replaced keep their stricter form when this is taken back."""

    dependencies = [("changes", "0023_delegations")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
