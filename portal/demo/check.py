"""One change from draft to closed, over the REST API of a running demo, with a line per step."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from changes.domain.plan import merkle_root
from portal.demo.client import Answer, Caller, CallError

PLAN_WITHIN_S = 120.0
RUN_WITHIN_S = 240.0
POLL_S = 0.5
CHANGES = "/api/v1/changes/"
ACTORS = ("olivia", "pete", "ana", "maria", "audrey")

CONTENT = """\
{% for server in ntp_servers -%}
ntp server {{ server }}
{% endfor -%}
banner motd ^{{ banner }}^
"""
TOLD_BY_THE_LOG = frozenset({
    "change.created", "plan.requested", "plan.ready", "change.submitted", "change.assess_refused", "change.assessed",
    "change.approve_refused", "change.authorized", "approval.approved", "change.started", "run.started",
    "device_run.step_entered", "device_run.ended", "run.ended", "change.finished", "change.close_refused",
    "change.closed",
})  # fmt: skip


class Logins(Protocol):
    """Knows the demo's passwords."""

    def password(self, username: str) -> str:
        """The password of one of the demo's people."""
        ...


@dataclass
class Story:
    """The people, and what is known of the change so far."""

    people: dict[str, Caller]
    change: dict[str, Any] = field(default_factory=dict)
    plan: dict[str, Any] = field(default_factory=dict)
    run: dict[str, Any] = field(default_factory=dict)

    def at(self, call: str = "") -> str:
        """The change's address, or that of one of its calls."""
        return f"{CHANGES}{self.change['id']}/{call}{'/' if call else ''}"


def run_check(base_url: str, logins: Logins, *, say: Callable[[str], object] = sys.stdout.write) -> int:
    """Drive one change from draft to closed, and show that what must be refused is refused.

    Prints a line per step with the seconds that it took. One device of the demo rejects a line, so the run must end
    as *partial*, with that device backed out.

    Returns:
        0, or 1 after a sentence about what went wrong.
    """
    story = Story({name: Caller(base_url, name, logins.password(name)) for name in ACTORS})
    began = time.monotonic()
    try:
        for step in STEPS:
            started = time.monotonic()
            said = step(story)
            say(f"  {time.monotonic() - started:5.1f} s  {said}\n")
    except (CallError, KeyError, IndexError, TypeError) as error:
        say(f"The check failed at “{step.__name__.strip('_').replace('_', ' ')}”: {_sentence(error)}\n")
        return 1
    finally:
        _sign_out(story)
    say(f"The check is done after {time.monotonic() - began:.1f} s: everything went as it must.\n")
    return 0


def _sentence(error: Exception) -> str:
    return str(error) if isinstance(error, CallError) else f"an answer lacks what it must hold ({error!r})."


def _sign_out(story: Story) -> None:
    for caller in story.people.values():
        try:
            caller.sign_out()
        except CallError:
            return  # the server is gone; the tokens end by themselves within a day


def _must(condition: object, sentence: str) -> None:
    if not condition:
        raise CallError(sentence)


def _refused(answer: Answer, status: int, code: str) -> None:
    _must(
        answer.status == status and answer.body.get("code") == code,
        f"Expected a refusal with {status} {code}, but got {answer.status}: {answer.text[:300]}",
    )


def _people_sign_in(story: Story) -> str:
    for caller in story.people.values():
        caller.sign_in("demo check")
    return f"{', '.join(story.people)} sign in and get API tokens"


def _olivia_writes_a_change(story: Story) -> str:
    stamp = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    body = {
        "title": "Set NTP servers and a banner on all access switches in site FRA",
        "reason": "Clocks must agree before certificates are renewed, and the banner is due for its yearly review.",
        "content": CONTENT,
        "variables": {
            "ntp_servers": ["10.0.0.123", "10.0.0.124"],
            "banner": f"Authorised access only. Reviewed {stamp} UTC.",
        },
        "targets": {"filter": {"site": "FRA", "role": "access"}},
        # One device of the demo refuses banners; the run goes on without it.
        "strategy": {"failures_allowed": 1},
        "checks": {
            "post": [
                {
                    "name": "Both NTP servers are configured",
                    "command": "show running-config | include ntp server",
                    "expect": "contains",
                    "value": "ntp server 10.0.0.124",
                    "timeout_s": 10,
                }
            ]
        },
    }
    story.change = story.people["olivia"].post(CHANGES, body, expect=201)
    return f"olivia writes {story.change['number']} for the filter site=FRA, role=access"


def _bad_input_is_refused(story: Story) -> str:
    olivia = story.people["olivia"]
    wrong: list[dict[str, object]] = [{"targets": {}}, {"variables": {"banner": "one\nreload"}}, {"content": ""}]
    for fields in wrong:
        _refused(olivia.call("PATCH", story.at(), fields), 400, "invalid_input")
    _refused(olivia.call("GET", "/api/v1/devices/?colour=red"), 400, "unknown_filter")
    _must(olivia.get(story.at())["version"] == 1, "A refused edit has changed the draft.")
    return "no targets, a line break in a variable, no content, an unknown filter: each refused with 400"


def _the_plan_is_built(story: Story) -> str:
    olivia = story.people["olivia"]
    asked = olivia.post(story.at("plan"), expect=202)
    story.plan = _poll(olivia, story.at("plan"), lambda plan: plan["state"] != "building", PLAN_WITHIN_S, "the plan")
    _must(story.plan["state"] == "ready", f"The plan is {story.plan['state']}: {story.plan['detail']}")
    return f"workers read {asked['device_count']} devices; the plan's digest is {story.plan['digest'][:16]}…"


def _olivia_reads_the_plan(story: Story) -> str:
    devices = list(story.people["olivia"].pages(f"{story.at('plan')}?limit=2", "devices"))
    _must(len(devices) == story.plan["device_count"], "The pages of the plan hold another number of devices.")
    root = merkle_root([device["digest"] for device in devices])
    _must(root == story.plan["digest"], "The plan's digest is not the Merkle root of its devices' digests.")
    _must(all("banner motd" in device["diff"] for device in devices), "A device's diff does not show the banner.")
    _must(all(device["backout"] for device in devices), "A device has no backout.")
    lines = sum(device["lines_added"] for device in devices)
    return f"olivia reads {len(devices)} diffs (+{lines} lines); their digests give the plan's digest"


def _olivia_submits(story: Story) -> str:
    state = story.people["olivia"].post(story.at("submit"))["state"]
    return f"olivia submits it for {state}"


def _pete_must_open_the_plan_first(story: Story) -> str:
    body = {"plan_digest": story.plan["digest"]}
    _refused(story.people["pete"].call("POST", story.at("assess"), body), 403, "PLAN_NOT_OPENED")
    return "pete cannot assess a plan that he has not opened (403 PLAN_NOT_OPENED)"


def _pete_assesses(story: Story) -> str:
    pete = story.people["pete"]
    digest = pete.get(story.at("plan"))["digest"]
    pete.post(story.at("assess"), {"plan_digest": digest, "comment": "The diffs are what was asked for."})
    return "pete opens the plan and assesses it"


def _olivia_cannot_approve(story: Story) -> str:
    answer = story.people["olivia"].call("POST", story.at("approve"), {"plan_digest": story.plan["digest"]})
    _must(answer.status == 403, f"The author approved, or the refusal is odd: {answer.status} {answer.text[:300]}")
    codes = [reason["code"] for reason in answer.body["reasons"]]
    _must("GATE_SELF_APPROVAL" in codes, f"The refusal does not name GATE_SELF_APPROVAL: {codes}")
    return f"olivia cannot approve what she wrote (403 {', '.join(codes)})"


def _an_old_digest_is_refused(story: Story) -> str:
    ana = story.people["ana"]
    ana.get(story.at("plan"))
    _refused(ana.call("POST", story.at("approve"), {"plan_digest": "0" * 64}), 409, "GATE_DIGEST_MISMATCH")
    return "ana's approval of another digest is refused (409 GATE_DIGEST_MISMATCH)"


def _ana_approves(story: Story) -> str:
    state = story.people["ana"].post(story.at("approve"), {"plan_digest": story.plan["digest"]})["state"]
    _must(state == "approved", f"After the last approval the change is {state}.")
    return "ana approves exactly the plan that she opened"


def _olivia_starts_it(story: Story) -> str:
    run = story.people["olivia"].post(story.at("start"), expect=202)
    story.run = {"id": run["id"]}
    return f"olivia starts run {run['id']} on {run['device_count']} devices"


def _the_devices_go_through_their_steps(story: Story) -> str:
    seen: set[str] = set()

    def ended(run: dict[str, Any]) -> bool:
        seen.update(device["state"] for device in run["devices"])
        return bool(run["state"] == "ended")

    address = f"/api/v1/runs/{story.run['id']}/"
    story.run = _poll(story.people["olivia"], address, ended, RUN_WITHIN_S, "the run")
    counts = Counter(device["state"] for device in story.run["devices"])
    told = ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in counts.most_common())
    _must(
        story.run["outcome"] == "partial" and counts["rolled_back"] == 1,
        f"Expected one device to be rolled back and the others to succeed, but the run ended as"
        f" {story.run['outcome']}: {told}. `make demo-reset` restores the demo's devices.",
    )
    return f"the run ends as partial: {told}; states seen on the way: {', '.join(sorted(seen - set(counts))) or 'none'}"


def _the_page_says_why(story: Story) -> str:
    [device] = [device for device in story.run["devices"] if device["state"] == "rolled_back"]
    _must(device["code"] == "COMMAND_REJECTED", f"{device['device']['name']} ended with {device['code']}.")
    _must(device["before_sha256"] == device["after_sha256"], "The device that was backed out is not as it was before.")
    _must(device["reason"]["next_step"], "The refusal does not say what to do next.")
    for good in story.run["devices"]:
        _must(good is device or "ntp server 10.0.0.124" in _text(good), f"{good['device']['name']} shows no change.")
    return f"{device['device']['name']}: {device['detail']} It is as it was. {device['reason']['next_step']}"


def _text(device: dict[str, Any]) -> str:
    return str(device["diff"]) + json.dumps(device["log"])


def _maria_closes_it(story: Story) -> str:
    maria = story.people["maria"]
    _refused(maria.call("POST", story.at("close"), {"close_code": "successful"}), 400, "invalid_input")
    body = {"close_code": "successful_with_issues", "comment": "One switch refused the banner and follows separately."}
    closed = maria.post(story.at("close"), body)
    _must(closed["state"] == "closed", f"The change is {closed['state']} after closing.")
    return "maria cannot close it as successful; she closes it as successful_with_issues"


def _olivia_cannot_read_the_log(story: Story) -> str:
    answer = story.people["olivia"].call("GET", "/api/v1/audit/events/")
    _must(answer.status == 403, f"Somebody who is no auditor read the audit log: {answer.status}.")
    return "olivia may not read the audit log (403)"


def _audrey_exports_the_log(story: Story) -> str:
    audrey, query = story.people["audrey"], f"change_id={story.change['id']}"
    table = list(csv.DictReader(io.StringIO(_export(audrey, "csv", query))))
    lines = [json.loads(line) for line in _export(audrey, "jsonl", query).splitlines()]
    _must([row["id"] for row in table] == [str(line["id"]) for line in lines], "CSV and JSON Lines differ.")
    for found in ({row["action"] for row in table}, {line["body"]["action"] for line in lines}):
        missing = sorted(TOLD_BY_THE_LOG - found)
        _must(not missing, f"The audit log lacks {', '.join(missing)}.")
    return f"audrey exports {len(lines)} events as CSV and as JSON Lines; every step of the story is in both"


def _export(caller: Caller, form: str, query: str) -> str:
    answer = caller.call("GET", f"/api/v1/audit/export/?format={form}&{query}")
    _must(answer.status == 200, f"The export ended with {answer.status}: {answer.text[:300]}")
    return answer.text


def _poll(
    caller: Caller, address: str, done: Callable[[dict[str, Any]], bool], within_s: float, what: str
) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while True:
        found: dict[str, Any] = caller.get(address)
        if done(found):
            return found
        _must(time.monotonic() < deadline, f"Waited {within_s:.0f} s in vain for {what}: {found.get('progress')}.")
        time.sleep(POLL_S)


STEPS: tuple[Callable[[Story], str], ...] = (
    _people_sign_in,
    _olivia_writes_a_change,
    _bad_input_is_refused,
    _the_plan_is_built,
    _olivia_reads_the_plan,
    _olivia_submits,
    _pete_must_open_the_plan_first,
    _pete_assesses,
    _olivia_cannot_approve,
    _an_old_digest_is_refused,
    _ana_approves,
    _olivia_starts_it,
    _the_devices_go_through_their_steps,
    _the_page_says_why,
    _maria_closes_it,
    _olivia_cannot_read_the_log,
    _audrey_exports_the_log,
)
