"""What live pages follow: which transaction last changed what people see of a run, its waves and its devices.

A column that the database sets costs the workers no statement, and, as it is in no index, spoils none of their
updates in place. Renewing a lease, or calling workers, moves nothing that people see.
"""

from django.db import migrations, models

SEEN = {
    "run": ("state", "outcome", "abort", "stop_after_wave", "code", "detail", "ended_at"),
    "wave": ("state", "opened_at", "worked_at", "gate_until", "decided_by_id", "code", "detail", "ended_at"),
    "devicerun": (
        "state", "code", "detail", "lines_sent", "lines_applied", "goal", "drift", "started_at", "ended_at",
    ),
    "wavecheck": ("verdict", "code"),
}  # fmt: skip

FUNCTION = """
CREATE FUNCTION changes_note_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.moved_xid := pg_current_xact_id()::text::bigint;
    RETURN NEW;
END $$;
"""


def _trigger(table: str, columns: tuple[str, ...]) -> str:
    before, after = (", ".join(f"{row}.{column}" for column in columns) for row in ("OLD", "NEW"))
    return f"""
CREATE TRIGGER changes_{table}_moved BEFORE UPDATE ON changes_{table} FOR EACH ROW
    WHEN (({before}) IS DISTINCT FROM ({after})) EXECUTE FUNCTION changes_note_move();
"""


FORWARDS = FUNCTION + "".join(_trigger(table, columns) for table, columns in SEEN.items())
BACKWARDS = (
    "".join(f"DROP TRIGGER changes_{table}_moved ON changes_{table};" for table in SEEN)
    + "DROP FUNCTION changes_note_move();"
)


class Migration(migrations.Migration):
    dependencies = [("changes", "0010_wave_checks_and_windows")]

    operations = [
        *(
            migrations.AddField(name, "moved_xid", models.BigIntegerField(editable=False, null=True))
            for name in ("run", "wave", "devicerun", "wavecheck")
        ),
        migrations.RunSQL(FORWARDS, BACKWARDS),
    ]
