"""No event says that a state changed unless its row did; device runs and voided approvals have an event beside them."""

from django.db import migrations

from audit.ddl import require_change, require_event_about

DECIDED = "CASE void_cause WHEN 'withdrawn' THEN 'withdrawn' ELSE decision END"
WITH_STATE = {
    "change": "changes_changerequest",
    "run": "changes_run",
    "device_run": "changes_devicerun",
    "decision_step": "changes_rundecisionstep",
    "approval_policy": "changes_approvalpolicyversion",
    "template_version": "changes_templateversion",
    "scheduled_start": "changes_scheduledstart",
    "gate_exception": "changes_gateexception",
    "review": "changes_review",
    "review_action": "changes_reviewaction",
    "meeting": "changes_meeting",
    "thread": "changes_thread",
}
WITHOUT_STATE = {
    "template": "changes_template",
    "template_restoration": "changes_preapprovalrestoration",
    "maintenance_window": "changes_maintenancewindow",
    "change_freeze": "changes_changefreeze",
    "conflict_waiver": "changes_conflictwaiver",
    "kill_switch": "changes_killswitch",
    "delegation": "changes_delegation",
    "risk_answer": "changes_riskanswer",
    "risk_assessment": "changes_riskassessment",
    "risk_override": "changes_riskoverride",
}


class Migration(migrations.Migration):
    dependencies = [("changes", "0042_waiting_changes_by_template"), ("audit", "0004_no_event_without_change")]

    operations = [
        *(require_change(table=table, object_type=name) for name, table in WITH_STATE.items()),
        *(require_change(table=table, object_type=name, state_sql=None) for name, table in WITHOUT_STATE.items()),
        require_change(table="changes_approval", object_type="approval", state_sql=DECIDED),
        require_change(table="changes_planrevision", object_type="plan_demand", state_sql="demand_digest"),
        require_change(table="changes_templatereview", object_type="template_review", state_sql="decision"),
        # A device run is born with its run, whose event speaks for all of them.
        require_event_about(
            table="changes_devicerun", object_type="run", column="run_id", name="changes_devicerun_born_with_run"
        ),
        # Many approvals become void at once, with the event of their change.
        require_event_about(
            table="changes_approval",
            object_type="change",
            column="change_id",
            name="changes_approval_void_needs_event",
            on="UPDATE OF voided_at, void_cause",
            when="(NEW.voided_at, NEW.void_cause) IS DISTINCT FROM (OLD.voided_at, OLD.void_cause)",
        ),
    ]
