from django.urls import URLPattern, path

from portal.views import change, decision_steps, decisions, decisions_confirmed, plan, risk, rollback, run, wave_gate

urlpatterns: list[URLPattern] = [
    path("<int:change_id>/", change.change_detail, name="change-detail"),
    path("<int:change_id>/approvals/", change.change_approvals, name="change-approvals"),
    path("<int:change_id>/execution/", change.change_execution, name="change-execution"),
    path("<int:change_id>/timeline/", change.change_timeline, name="change-timeline"),
    path("<int:change_id>/plan/", plan.change_plan, name="change-plan"),
    path("<int:change_id>/plan/build/", decisions.plan_build, name="plan-build"),
    path("<int:change_id>/plan/<int:position>/viewed/", plan.device_viewed, name="device-viewed"),
    path("<int:change_id>/plan/<int:position>/lines/", plan.plan_lines, name="plan-lines"),
    path("<int:change_id>/submit/", decisions.change_submit, name="change-submit"),
    path("<int:change_id>/withdraw/", decisions.change_withdraw, name="change-withdraw"),
    path("<int:change_id>/assess/", decisions.change_assess, name="change-assess"),
    path("<int:change_id>/approve/", decisions.change_approve, name="change-approve"),
    path("<int:change_id>/reject/", decisions.change_reject, name="change-reject"),
    path("<int:change_id>/request-changes/", decisions.change_request_changes, name="change-request-changes"),
    path("<int:change_id>/cancel/", decisions_confirmed.change_cancel, name="change-cancel"),
    path("<int:change_id>/start/", decisions_confirmed.change_start, name="change-start"),
    path("<int:change_id>/risk/answer/", risk.risk_answered, name="risk-answer"),
    path("<int:change_id>/risk/override/", risk.risk_overridden, name="risk-override"),
    path("<int:change_id>/steps/", decision_steps.change_steps, name="change-steps"),
    path("<int:change_id>/gate/", wave_gate.change_gate, name="change-gate"),
    path("<int:change_id>/rollback/", rollback.change_roll_back, name="change-rollback"),
    path("<int:change_id>/close/", decisions_confirmed.change_close, name="change-close"),
    path("<int:change_id>/runs/<int:run_id>/", run.run_detail, name="run-detail"),
    path("<int:change_id>/runs/<int:run_id>/live/", run.run_live, name="run-live"),
    path("<int:change_id>/runs/<int:run_id>/branch/", run.run_branch, name="run-branch"),
    path("<int:change_id>/runs/<int:run_id>/devices/<int:device_run_id>/", run.run_device, name="run-device"),
    path("<int:change_id>/runs/<int:run_id>/devices/<int:device_run_id>/session/", run.run_session, name="run-session"),
]
