"""What a rule that looks back at an event could miss once the event was in an archive, and what was left of dead ends.

- A change of which a part has gone already is held by a range with that part, too.
- A thing whose events are all in archives does not begin anew: the guard of states asked them only where an event said
  that it went on from some state.
- Who begins a transaction that sees the database as it was then (REPEATABLE READ, SERIALIZABLE) does not see a hold
  that was placed since. Events leave only where each statement sees what is committed.
- A hold is released on its newest proposal, which has to be sealed itself; an older one that was declined does not do.
- A recorded archive whose file is lost, or whose events may not leave any more, can be given up: its events stay in
  the table, and go to another archive later.
- Texts of an archived event can be redacted, too: all of them at once (``*``), by two people as ever. What is left of
  the event says who caused it, so that it is not decided by that person. The sealer's user takes them out of the file.
"""

from django.db import migrations, models

# A range holds every event of a change that has one in it, wherever that one is now.
DUE = """
CREATE OR REPLACE VIEW audit_due_event AS
WITH period AS MATERIALIZED (
    SELECT change_class, clock_timestamp() - make_interval(days => days) AS before
    FROM audit_retention_period WHERE days IS NOT NULL
), hold AS MATERIALIZED (
    SELECT change_id, since, coalesce(until, 'infinity') AS until FROM audit_legal_hold WHERE state <> 'released'
), asked AS MATERIALIZED (
    SELECT redaction.event_id, event.change_id FROM audit_redaction redaction
    JOIN audit_event event ON event.id = redaction.event_id WHERE redaction.state = 'proposed'
), ended AS MATERIALIZED (
    SELECT c.change_id, c.change_class, period.before FROM audit_ended_change c JOIN period USING (change_class)
    WHERE c.ended_at < period.before
        AND NOT EXISTS (SELECT FROM hold WHERE hold.change_id = c.change_id)
        AND NOT EXISTS (SELECT FROM hold JOIN audit_event held
                        ON held.change_id = c.change_id AND held.at >= hold.since AND held.at < hold.until)
        AND NOT EXISTS (SELECT FROM hold JOIN audit_archived_event held
                        ON held.change_id = c.change_id AND held.at >= hold.since AND held.at < hold.until)
        AND NOT EXISTS (SELECT FROM asked WHERE asked.change_id = c.change_id)
), due AS (
    SELECT event.id, event.at, event.change_id, ended.change_class FROM ended
    JOIN audit_event event ON event.change_id = ended.change_id AND event.at < ended.before
    UNION ALL
    SELECT event.id, event.at, event.change_id, period.change_class FROM period
    JOIN audit_event event ON event.change_id IS NULL AND event.at < period.before
    WHERE period.change_class = 'none' AND (event.state_to = '' OR event.state_to = event.state_from)
        AND NOT audit_always_kept(event.object_type, event.action)
        AND NOT EXISTS (SELECT FROM hold WHERE event.at >= hold.since AND event.at < hold.until)
        AND NOT EXISTS (SELECT FROM asked WHERE asked.event_id = event.id)
)
SELECT leaf.leaf_index, due.id AS event_id, due.at, due.change_id, due.change_class
FROM due JOIN audit_leaf leaf ON leaf.event_id = due.id
WHERE leaf.leaf_index < (SELECT max(tree_size) FROM audit_checkpoint);
"""

GIVEN_UP = """
ALTER TABLE audit_archive DROP CONSTRAINT audit_archive_state_check;
ALTER TABLE audit_archive ADD CONSTRAINT audit_archive_state_check CHECK (state IN ('recorded', 'removed', 'given_up'));
ALTER TABLE audit_archived_event ADD COLUMN actor_id bigint;
"""

# What stands in a function of before, and what stands there from now on: whatever else was changed in it since.
PLACES = (
    (
        "audit_hold_moves()",
        """SELECT FROM audit_event event JOIN audit_leaf leaf ON leaf.event_id = event.id
            WHERE event.object_type = 'legal_hold' AND event.object_id = OLD.id::text
                AND event.action = 'legal_hold.release_proposed' AND event.actor_id = OLD.proposed_by_id)""",
        """SELECT FROM (
                SELECT id, action, actor_id FROM audit_event
                WHERE object_type = 'legal_hold' AND object_id = OLD.id::text AND state_to = 'release_proposed'
                ORDER BY id DESC LIMIT 1) newest JOIN audit_leaf leaf ON leaf.event_id = newest.id
            WHERE newest.action = 'legal_hold.release_proposed' AND newest.actor_id = OLD.proposed_by_id)""",
    ),
    (
        "audit_archive_moves()",
        "NEW.state <> 'removed'",
        "NEW.state NOT IN ('removed', 'given_up')",
    ),
    (
        "audit_redaction_waits_for_holds()",
        "IF NOT FOUND THEN\n        RAISE EXCEPTION 'The redaction % is refused: event % went",
        "IF NOT FOUND AND NEW.paths <> ARRAY['*'] THEN RAISE EXCEPTION 'The redaction % is refused: event % went",
    ),
    (
        "audit_redaction_guard()",
        "o.value IS NOT NULL)) THEN",
        """o.value IS NOT NULL))
            AND NOT (NEW.paths = ARRAY['*'] AND EXISTS (
                SELECT FROM audit_archived_event WHERE event_id = NEW.event_id)) THEN""",
    ),
    (
        "audit_redaction_guard()",
        "EXISTS (SELECT FROM audit_event WHERE id = NEW.event_id AND actor_id = NEW.decided_by_id) THEN",
        """NEW.decided_by_id IN (
                SELECT actor_id FROM audit_event WHERE id = NEW.event_id
                UNION ALL SELECT actor_id FROM audit_archived_event WHERE event_id = NEW.event_id) THEN""",
    ),
    (
        "audit_redaction_guard()",
        "OR other.id = (SELECT actor_id FROM audit_event WHERE id = NEW.event_id)",
        """OR other.id IN (
                           SELECT actor_id FROM audit_event WHERE id = NEW.event_id
                           UNION ALL SELECT actor_id FROM audit_archived_event WHERE event_id = NEW.event_id)""",
    ),
    (
        "audit_archive_remove(bigint, text)",
        "BEGIN\n    LOCK TABLE",
        """BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'Events leave in a READ COMMITTED transaction alone: another does not see holds that were'
            ' placed since it began.' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    LOCK TABLE""",
    ),
    (
        "audit_archive_remove(bigint, text)",
        "CASE WHEN event.state_to <> event.state_from THEN event.state_to ELSE '' END\n",
        "CASE WHEN event.state_to <> event.state_from THEN event.state_to ELSE '' END, event.actor_id\n",
    ),
    (
        "audit_stateful_compile()",
        "CASE WHEN NEW.state_from <> '' THEN (",
        "(SELECT (",
    ),
    (
        "audit_stateful_compile()",
        "ORDER BY event_id DESC LIMIT 1) END)",
        "ORDER BY event_id DESC LIMIT 1)))",
    ),
)

_EXCHANGE = """
DO $do$
DECLARE
    source text := pg_get_functiondef({function}::regprocedure);
BEGIN
    IF strpos(source, {new}) > 0 THEN
        RETURN;
    ELSIF strpos(source, {old}) = 0 THEN
        RAISE EXCEPTION 'The function % is not the one that this migration knows.', {function};
    END IF;
    EXECUTE replace(source, {old}, {new});
END
$do$;
"""


def exchange(function: str, old: str, new: str) -> str:
    """The statement that exchanges a piece of a function's text, and fails where the piece is not there."""
    named = {"function": f"$name${function}$name$", "old": f"$piece${old}$piece$", "new": f"$piece${new}$piece$"}
    return _EXCHANGE.format(**named)


HELD_BY = """
DO $do$
BEGIN
    EXECUTE format($ddl$
-- The hold that keeps an event: of its change, of a range with its time, or of a range with one of its change's events.
-- What is left of an archived event counts as the event does.
CREATE OR REPLACE FUNCTION audit_held_by(event bigint) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
SELECT hold.id FROM audit_legal_hold hold JOIN (
    SELECT change_id, at FROM audit_event WHERE id = event
    UNION ALL
    SELECT change_id, at FROM audit_archived_event WHERE event_id = event) kept ON hold.state <> 'released'
WHERE hold.change_id = kept.change_id
    OR (kept.at >= hold.since AND kept.at < coalesce(hold.until, 'infinity'))
    OR EXISTS (SELECT FROM audit_event other WHERE other.change_id = kept.change_id
                   AND other.at >= hold.since AND other.at < coalesce(hold.until, 'infinity'))
    OR EXISTS (SELECT FROM audit_archived_event other WHERE other.change_id = kept.change_id
                   AND other.at >= hold.since AND other.at < coalesce(hold.until, 'infinity'))
ORDER BY hold.id LIMIT 1
$body$;

-- The file is lost, or its events may not leave any more: they stay, and go to another archive when they may.
CREATE FUNCTION audit_archive_give_up(archive bigint) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, %1$I, pg_temp AS $body$
BEGIN
    UPDATE audit_archive SET state = 'given_up' WHERE id = archive AND state = 'recorded';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'There is no recorded archive %% whose events are still in the table.', archive
            USING ERRCODE = 'no_data_found';
    END IF;
END
$body$
    $ddl$, current_schema());
END
$do$;
REVOKE EXECUTE ON FUNCTION audit_archive_give_up(bigint) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """A state, a column, a view, and pieces of functions."""

    dependencies = [("audit", "0011_closer_redactions")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(GIVEN_UP, migrations.RunSQL.noop)],
            state_operations=[migrations.AddField("archivedevent", "actor_id", models.BigIntegerField(null=True))],
        ),
        migrations.RunSQL(DUE, migrations.RunSQL.noop),
        migrations.RunSQL(HELD_BY, "DROP FUNCTION audit_archive_give_up(bigint)"),
        *(migrations.RunSQL(exchange(*place), exchange(place[0], place[2], place[1])) for place in PLACES),
        migrations.RunSQL("SELECT audit_stateful_compile()", "SELECT audit_stateful_compile()"),
    ]
