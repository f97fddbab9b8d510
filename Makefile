# Everything that people and CI run. Needs only git, make, and Python 3.11 or newer with pip.

PYTHON ?= python3
# uv is used where it works, since it is faster; `make UV=` does without.
UV ?= $(shell uv --version >/dev/null 2>&1 && echo uv)

# Every story, and one scenario: `make replay FILES=events/lifetimes` plays them all.
FILES ?= events/*.json events/lifetimes/slices-of-the-internet.json
FORMAT ?= email
CONFIG_ENV ?= default

FUNCTION := functions/security_group_alerter
SAM := .venv/sam/bin/sam
# What is deployed, what is nested in it, and what can be deployed beside it.
TEMPLATES := template.yaml $(wildcard stacks/*.yaml examples/*/template.yaml)
# The lock files are complete, so that there is nothing to resolve. Most of what is installed is never
# imported, so that nothing is compiled in advance.
INSTALL := --quiet --require-hashes --no-deps --no-compile
# No package may run code while it is installed.
WHEELS_ONLY := --only-binary :all:

export SAM_CLI_TELEMETRY = 0
# Tools that may keep their bytecode start in half the time.
unexport PYTHONDONTWRITEBYTECODE
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help setup replay history quick test faults e2e check golden bench bench-history bench-digest bench-sweep \
	build preflight bucket-policy deploy verify redrive sweep exposures snooze close lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: .venv/.dev .venv/sam/.installed .venv/e2e/.installed .venv/checkov/.installed ## Create all environments in .venv

replay: export FILES := $(FILES)
replay: .venv/.replay ## Print the alerts for FILES (default: the stories in events) as FORMAT (email, chat, sms, machine, json)
	@# FILES is one name with spaces in it, if there is such a file; else as if typed in a shell.
	@if [ -e "$$FILES" ]; then set -- "$$FILES"; else eval "set -- $$FILES"; fi; \
	PYTHONPATH=functions .venv/bin/python -m local.replay --format $(FORMAT) -- "$$@"

history: .venv/.replay ## List each time that something was open to the Internet: ARGS="PATH…", ARGS=s3://BUCKET, ARGS=--ledger; else a sample
	@PYTHONPATH=functions .venv/bin/python -m local.history --config-env $(CONFIG_ENV) $(ARGS)

quick: .venv/.dev ## While you work: format, lint, types and the tests of the core, in seconds
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/python -m pytest --quick -n auto --dist worksteal $(CORE_TESTS)

CORE_TESTS := tests/security_group_alerter tests/test_goldens.py tests/test_lifetimes.py

test: .venv/.dev .venv/sam/.installed .venv/e2e/.installed ## Run all tests; they must cover every branch of the function
	@# The end-to-end tests come first: they take longest, and one worker runs them all.
	@.venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder \
		--cov --cov-report=term-missing:skip-covered

e2e: .venv/.dev .venv/sam/.installed .venv/e2e/.installed ## Build the stack, deploy it to an AWS emulator, and check its alerts
	@.venv/bin/python -m pytest tests/e2e

faults: .venv/.dev ## Cause each fault and each kill at each AWS call, of which the other tests try a part; print the figures
	@.venv/bin/python -m pytest --all-faults tests/reliability

check: .venv/.dev .venv/sam/.installed .venv/checkov/.installed ## All that CI checks: format, lint, types, template, tests
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	@# With what is only informational, too.
	.venv/bin/cfn-lint --include-checks I --non-zero-exit-code informational -- $(TEMPLATES)
	@# Its findings are those of .ci/checkov_exceptions.toml, no more and no less.
	.venv/bin/python -m local.checkov $(TEMPLATES)
	@# Both ways, because each finds mistakes that the other does not. The first needs a Region, and
	@# looks for credentials that it does not use.
	@set -ex; export AWS_DEFAULT_REGION=us-east-1 AWS_EC2_METADATA_DISABLED=true; \
	for template in $(TEMPLATES); do \
		$(SAM) validate --template-file $$template; \
		$(SAM) validate --template-file $$template --lint; \
	done
	$(MAKE) test

golden: .venv/.dev ## Rewrite the expected alerts, and the tables in the documents: read the diff as prose
	@.venv/bin/python -m pytest tests/test_goldens.py tests/test_lifetimes.py tests/test_docs.py \
		--write-goldens

bench: .venv/.replay ## Measure the function against its goals and beside others; fails if one is missed (Linux)
	@# On the runtime's Python, if one runs here by now.
	@.venv/bin/python -m benchmarks.interpreter .venv/bench || rm -rf .venv/bench
	@$(MAKE) .venv/bench/.installed
	@PYTHONPATH=functions .venv/bin/python -m benchmarks

bench-history: .venv/.replay ## Measure make history against other ways to read an archive; ARGS=--year reads a year (Linux)
	@PYTHONPATH=functions .venv/bin/python -m benchmarks.archive $(ARGS)

bench-digest: .venv/.replay ## Measure a digest of 10,000 alerted events and 500 open groups (Linux)
	@PYTHONPATH=functions .venv/bin/python -m benchmarks.digest

bench-sweep: .venv/.dev ## Measure a sweep of 1,000 accounts in 17 Regions, and work out what it costs
	@PYTHONPATH=functions .venv/bin/python -m benchmarks.sweep

build: .venv/sam/.installed ## Build what is deployed, in .aws-sam
	@# The function's own Makefile wants a Python with pip: here is one.
	@PYTHON="$(CURDIR)/.venv/bin/python" $(SAM) build

preflight: .venv/.replay ## Check what would make the deployment fail or cost too much; changes nothing; ARGS="--parameter Name=Value"
	@.venv/bin/python -m local.preflight --config-env $(CONFIG_ENV) $(ARGS)

bucket-policy: .venv/.replay ## Print the policy that your own bucket needs for the trail; ARGS as for preflight
	@.venv/bin/python -m local.bucket_policy --config-env $(CONFIG_ENV) $(ARGS)

deploy: .venv/.replay .venv/sam/.installed ## Check, ask what has no good default, build, deploy; CONFIG_ENV in samconfig.toml; ARGS=--help
	@.venv/bin/python -m local.deploy --config-env $(CONFIG_ENV) $(ARGS)

verify: .venv/.replay ## After the deployment: check every part of the alert path; changes nothing
	@.venv/bin/python -m local.verify --config-env $(CONFIG_ENV) $(ARGS)

redrive: .venv/.replay ## List the deliveries that failed; ARGS=--show prints them, ARGS=--invoke tries them again
	@.venv/bin/python -m local.redrive --config-env $(CONFIG_ENV) $(ARGS)

sweep: .venv/.replay ## Read every account and Region now, instead of tonight; ARGS=--help
	@.venv/bin/python -m local.sweep --config-env $(CONFIG_ENV) $(ARGS)

exposures: .venv/.replay ## List what is open to the Internet now, by the stack's ledger; ARGS="--json", "--look", "--severity HIGH"
	@.venv/bin/python -m local.exposures --config-env $(CONFIG_ENV) $(ARGS)

snooze: .venv/.replay ## Quiet the reminders of a group: ARGS="sg-… --until 2026-12-24 --why 'text'"; ARGS=--list
	@.venv/bin/python -m local.snooze --config-env $(CONFIG_ENV) $(ARGS)

close: .venv/.replay ## Close what is open to the Internet in one group, as you, after asking: ARGS="sg-… [--port 22]"; ARGS=--help
	@.venv/bin/python -m local.close $(ARGS)

# In this order, since each file constrains the next: everything runs the versions that are deployed.
lock: ## Pin the newest versions of all requirements (needs uv)
	@$(LOCK) $(FUNCTION)/requirements.in -o $(FUNCTION)/requirements.txt
	@$(LOCK) requirements/replay.in -o requirements/replay.txt
	@$(LOCK) requirements/dev.in -o requirements/dev.txt
	@$(LOCK) requirements/sam.in -o requirements/sam.txt
	@$(LOCK) requirements/e2e.in -o requirements/e2e.txt
	@$(LOCK) requirements/checkov.in -o requirements/checkov.txt
	@$(LOCK) requirements/bench.in -o requirements/bench.txt
	@$(LOCK) benchmarks/requirements.in -o benchmarks/requirements.txt
	@! grep -n '://' $(FUNCTION)/requirements.txt benchmarks/requirements.txt requirements/*.txt  # no address may be pinned

LOCK = uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command 'make lock'

clean: ## Remove environments, builds and caches
	@rm -rf .venv .aws-sam .coverage htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find functions local tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. A stamp is newer than the lock file that was installed.

.venv/.replay: requirements/replay.txt | .venv/bin/pip
	$(call install,.venv,$<,$(WHEELS_ONLY))
	@touch $@

# dev's lock file contains all of replay's.
.venv/.dev: requirements/dev.txt | .venv/bin/pip
	$(call install,.venv,$<,$(WHEELS_ONLY))
	@touch .venv/.replay $@

# Not only wheels: SAM pins a watchdog without wheels for Python 3.14 on macOS, and for musl.
.venv/sam/.installed: requirements/sam.txt | .venv/sam/bin/pip
	$(call install,.venv/sam,$<)
	@touch $@

.venv/e2e/.installed: requirements/e2e.txt | .venv/e2e/bin/pip
	$(call install,.venv/e2e,$<,$(WHEELS_ONLY))
	@touch $@

.venv/checkov/.installed: requirements/checkov.txt | .venv/checkov/bin/pip
	$(call install,.venv/checkov,$<,$(WHEELS_ONLY))
	@touch $@

.venv/bench/.installed: requirements/bench.txt | .venv/bench/bin/pip
	$(call install,.venv/bench,$<,$(WHEELS_ONLY))
	@touch $@

.venv/bench/bin/pip: private PYTHON = $(shell .venv/bin/python -m benchmarks.interpreter)
.venv/sam/bin/pip .venv/e2e/bin/pip .venv/checkov/bin/pip .venv/bench/bin/pip: | .venv/bin/pip
.venv/bin/pip .venv/sam/bin/pip .venv/e2e/bin/pip .venv/checkov/bin/pip .venv/bench/bin/pip: %/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	echo "Python 3.11 or newer is needed; $(PYTHON) is: $$($(PYTHON) -V 2>&1 | head -n 1)." \
	"Name another: make PYTHON=python3.13 …" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "$(PYTHON) cannot make virtual environments: install its venv package" \
	"(Debian, Ubuntu: apt install python3-venv)." >&2; exit 1; }
	@echo "Making $* (once) …" >&2
	@$(PYTHON) -m venv --clear $*

define install
@echo "Installing $(2) in $(1) (once) …" >&2
@$(if $(strip $(UV)),$(UV) pip install --python $(1)/bin/python,\
	$(1)/bin/python -m pip install --disable-pip-version-check) $(INSTALL) $(3) -r $(2) >&2
endef
