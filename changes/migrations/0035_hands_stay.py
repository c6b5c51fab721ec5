"""Who had a hand in a change keeps it, and a policy begins as a draft that nobody has decided about.

The stages of a plan that was submitted before policies were data are those of *builtin*, with its delegates.

Whoever could take a name from the list of those who wrote a change, or carried it out, could then have that person
approve it. Names are only ever added.
"""

from django.db import migrations

BUILTIN = (
    '[{{"name": "peer", "event": "assess", "groups": ["peer"], "quorum": 1{peer}}},'
    ' {{"name": "cab", "event": "authorize", "groups": ["cab"], "quorum": 1{cab}}}]'
)
ASKED = """
CREATE OR REPLACE FUNCTION changes_asked_stages(demand jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN demand IS NULL THEN 'BUILTIN_STAGES'::jsonb
                ELSE coalesce(nullif(demand -> 'stages', 'null'::jsonb), '[]'::jsonb) END
$$;
"""
NOW = BUILTIN.format(peer=', "delegates": ["peer"]', cab=', "delegates": ["cab"]')
BEFORE = BUILTIN.format(peer="", cab="")

FORWARDS = """
CREATE FUNCTION changes_keep_hands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Who wrote a change or carried it out stays on record: names are added, never taken away.'
        USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'hands_stay';
END $$;
CREATE TRIGGER changes_editors_stay BEFORE UPDATE OR DELETE ON changes_changerequest_editors
    FOR EACH ROW EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_changerequest_editors ENABLE ALWAYS TRIGGER changes_editors_stay;
CREATE TRIGGER changes_editors_never_emptied BEFORE TRUNCATE ON changes_changerequest_editors
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_changerequest_editors ENABLE ALWAYS TRIGGER changes_editors_never_emptied;
CREATE TRIGGER changes_implementers_stay BEFORE UPDATE OR DELETE ON changes_run_implementers
    FOR EACH ROW EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_run_implementers ENABLE ALWAYS TRIGGER changes_implementers_stay;
CREATE TRIGGER changes_implementers_never_emptied BEFORE TRUNCATE ON changes_run_implementers
    FOR EACH STATEMENT EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_run_implementers ENABLE ALWAYS TRIGGER changes_implementers_never_emptied;
CREATE TRIGGER changes_run_starter_stays BEFORE UPDATE OF started_by_id ON changes_run
    FOR EACH ROW WHEN (NEW.started_by_id IS DISTINCT FROM OLD.started_by_id) EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_run ENABLE ALWAYS TRIGGER changes_run_starter_stays;
CREATE TRIGGER changes_changerequest_author_stays BEFORE UPDATE OF author_id ON changes_changerequest
    FOR EACH ROW WHEN (NEW.author_id <> OLD.author_id) EXECUTE FUNCTION changes_keep_hands();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_author_stays;

-- Who is followed by another last editor stays among the editors.
CREATE FUNCTION changes_keep_last_editor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changes_changerequest_editors (changerequest_id, user_id) VALUES (OLD.id, OLD.last_editor_id)
    ON CONFLICT DO NOTHING;
    RETURN NEW;
END $$;
CREATE TRIGGER changes_changerequest_last_editor_stays BEFORE UPDATE OF last_editor_id ON changes_changerequest
    FOR EACH ROW WHEN (NEW.last_editor_id <> OLD.last_editor_id) EXECUTE FUNCTION changes_keep_last_editor();
ALTER TABLE changes_changerequest ENABLE ALWAYS TRIGGER changes_changerequest_last_editor_stays;

-- Replaces that of 0034: a plan may always give way to another one, with the facts that it had.
CREATE OR REPLACE FUNCTION changes_keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF changes_plan_is_settled(OLD.id) AND (NEW.state NOT IN (OLD.state, 'superseded')
                                            OR NEW.facts IS DISTINCT FROM OLD.facts) THEN
        RAISE EXCEPTION 'The state and the facts of a plan that was submitted stay. Build a new plan.'
            USING ERRCODE = 'insufficient_privilege', CONSTRAINT = 'plan_stays';
    END IF;
    RETURN NEW;
END $$;

-- What was decided about a version counts when it is activated, so that a new one has had none of it.
CREATE FUNCTION changes_policy_begins_anew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Nobody has proposed or activated a version of a policy before it was written.'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'policy_begins_as_draft';
END $$;
CREATE TRIGGER changes_policy_begins BEFORE INSERT ON changes_approvalpolicyversion FOR EACH ROW
    WHEN (NEW.proposed_by_id IS NOT NULL OR NEW.activated_by_id IS NOT NULL
          OR (NEW.state = 'draft' AND NEW.activated_at IS NOT NULL))
    EXECUTE FUNCTION changes_policy_begins_anew();
ALTER TABLE changes_approvalpolicyversion ENABLE ALWAYS TRIGGER changes_policy_begins;
"""
BACKWARDS = """
DROP TRIGGER changes_policy_begins ON changes_approvalpolicyversion;
DROP FUNCTION changes_policy_begins_anew();
DROP TRIGGER changes_changerequest_last_editor_stays ON changes_changerequest;
DROP FUNCTION changes_keep_last_editor();
DROP TRIGGER changes_changerequest_author_stays ON changes_changerequest;
DROP TRIGGER changes_run_starter_stays ON changes_run;
DROP TRIGGER changes_implementers_never_emptied ON changes_run_implementers;
DROP TRIGGER changes_implementers_stay ON changes_run_implementers;
DROP TRIGGER changes_editors_never_emptied ON changes_changerequest_editors;
DROP TRIGGER changes_editors_stay ON changes_changerequest_editors;
DROP FUNCTION changes_keep_hands();
"""


class Migration(migrations.Migration):
    """Functions and triggers alone."""

    dependencies = [("changes", "0034_plans_stay")]

    operations = [
        migrations.RunSQL(FORWARDS, BACKWARDS),
        migrations.RunSQL(ASKED.replace("BUILTIN_STAGES", NOW), ASKED.replace("BUILTIN_STAGES", BEFORE)),
    ]
