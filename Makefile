# Two commands for a fresh machine: `make demo` and `make test`. The rest is for people who work on Countersign.
# Variables: PYTHON (an interpreter, 3.11 or newer), PORT (of the web server), ARGS (passed on), CHROMIUM, NO_APT, CI.

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
DEVICES ?= 12
WORKERS ?= 3
BENCH ?= execution

VENV := .venv/bin
MANAGE := $(VENV)/python manage.py
CODE := audit changes devices portal tests manage.py

# Compiled code is kept, whatever the shell says: else each of many processes would compile all of it again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup dev demo demo-reset test test-netbox test-hosts lint types arch fmt bench chaos quorum docs walkthrough run worker sealer lab lock ci

help:
	@echo "make demo          everything on this machine, to look at; Ctrl-C ends it (PORT=8001 for another port)"
	@echo "make demo-reset    forget the demo's data"
	@echo "make test          run all tests (ARGS='tests/unit -k states' for some)"
	@echo "make test-netbox   the tests that need a real NetBox, which it installs and starts"
	@echo "make test-hosts    two hosts in network namespaces share a run and one is cut off (needs root)"
	@echo "make lint types arch    what CI checks before the tests; make fmt corrects what can be corrected"
	@echo "make run | worker | sealer | lab    one part alone: web server, workers, audit sealer, simulated devices"
	@echo "make chaos         kill workers, database and devices at every step (ARGS='--seeds 1-50'; FRR needs root)"
	@echo "make setup | lock | docs | bench    packages, lock files, API description, measurements"
	@echo "make walkthrough   play the auditor's guide in a browser and take its pictures anew"

setup:
	@PYTHON="$(PYTHON)" requirements/install.sh base

dev:
	@PYTHON="$(PYTHON)" requirements/install.sh dev

demo: setup
	@$(MANAGE) demo --port $(PORT) $(ARGS)

demo-reset: setup
	@$(MANAGE) demo_reset

# A chromium.sh, frr.sh, redis.sh, pango.sh or go.sh that finds nothing to run under CI=true ends the recipe here, by -e.
test: dev
	@set -e; CHROMIUM="$$(requirements/chromium.sh)"; export CHROMIUM; requirements/frr.sh; requirements/redis.sh; requirements/pango.sh; requirements/go.sh; \
	$(VENV)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

# A real NetBox beside the tests; about fifteen minutes the first time, one minute from then on. Stops it afterwards.
test-netbox: dev
	@tests/netbox/netbox_lab.sh start
	@$(VENV)/python -m pytest tests/netbox -m netbox -p no:xdist $(ARGS); \
	status=$$?; tests/netbox/netbox_lab.sh stop; exit $$status

lint: dev
	$(VENV)/python -m ruff check
	$(VENV)/python -m ruff format --check
	find templates -name '*.html' -print0 | xargs -0r $(VENV)/djade --target-version 5.2 --check
	DJANGO_SETTINGS_MODULE=tests.settings $(MANAGE) makemigrations --check --dry-run

types: dev
	$(VENV)/python -m mypy $(CODE)

arch: dev
	$(VENV)/lint-imports --no-cache

fmt: dev
	$(VENV)/python -m ruff check --fix --exit-zero
	$(VENV)/python -m ruff format
	@find templates -name '*.html' -print0 | xargs -0r $(VENV)/djade --target-version 5.2 || true

# A run of 100 devices against bare nornir, alternating, with 0, 20 and 100 ms (ARGS="--devices 50 --round-trips 20"; docs/performance.md);
# BENCH=diff, scrub, inventory, backup or audit measures that part alone; BENCH=canary has a canary fail before 2,000 devices; BENCH=hang
# kills the parts of a worker; BENCH=memory has a worker go through 10,000 device runs; BENCH=gate has approvals wait for their seal;
# BENCH=sealing or export takes a million events through the audit log and out of the house.
bench: dev
	@if [ "$(BENCH)" = execution ]; then PYTHON="$(PYTHON)" requirements/install.sh bench; fi
	@$(VENV)/python -m tests.bench.$(BENCH)_bench $(ARGS)

# Two hosts in network namespaces share a run, and one loses its way to the database. Root and iproute2; a minute and a half.
test-hosts: dev
	@$(VENV)/python -m tests.hosts $(ARGS)

# Every fault at every recorded step, then random schedules; ends with a table. Takes hours; ARGS plays a part of it:
# ARGS="--kinds cli --seeds 1-50", ARGS="--kinds frr --every-point --faults kill". See docs/execution.md.
chaos: dev
	@$(VENV)/python -m tests.chaos $(or $(ARGS),--kinds cli,eos --every-point --seeds 1-200 --rollback-seeds 1-100)

# Random calls of the API by people short of the quorum, under random policies; ARGS is the number of sequences.
quorum: dev
	@COUNTERSIGN_PROPERTY_EXAMPLES=$(or $(ARGS),300) $(VENV)/python -m pytest -q -p no:xdist -p no:logging -o timeout=0 tests/integration/approvals/test_quorum_property.py

# Refuses an API description that is incomplete.
docs: dev
	@mkdir -p var && $(MANAGE) spectacular --validate --fail-on-warn --file var/openapi.yaml
	@echo "The API's description is in var/openapi.yaml; the guides are in docs/."

# Every step of docs/auditors-walkthrough.md in a demo of its own, by a browser; its pictures in docs/images are taken anew.
walkthrough: dev
	@set -e; CHROMIUM="$$(requirements/chromium.sh)"; export CHROMIUM; \
	COUNTERSIGN_SCREENSHOTS=var/pictures $(VENV)/python -m tests.e2e.guide_pictures $(ARGS)

sealer: setup
	@$(MANAGE) audit_key make --if-missing
	$(MANAGE) audit_sealer $(ARGS)

run: setup
	$(MANAGE) migrate --verbosity 0
	COUNTERSIGN_DEBUG=1 $(MANAGE) runserver $(PORT)

worker: setup
	$(MANAGE) worker $(ARGS)

lab: setup
	$(MANAGE) lab --devices $(DEVICES) $(ARGS)

# UPGRADE=--upgrade takes the newest versions that pyproject.toml allows.
LOCK := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(UPGRADE)
lock:
	@command -v uv >/dev/null || { echo "uv is needed to make lock files: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(LOCK) requirements/build.in -o requirements/build.lock
	$(LOCK) pyproject.toml -o requirements/base.lock
	$(LOCK) pyproject.toml --extra redis -c requirements/base.lock -o requirements/redis.lock
	$(LOCK) pyproject.toml --group dev -o requirements/dev.lock
	$(LOCK) --group bench -c requirements/base.lock -o requirements/bench.lock

ci:
	.ci/run
