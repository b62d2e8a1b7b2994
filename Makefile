# The project's commands. `make demo` and `make test` need Python 3.11 or newer and make; nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO_ARGS ?=
PYTEST_ARGS ?=
CHAOS_SCALE_FAULTS ?= 50
CHAOS_SCALE_MESSAGES ?= 40000
CHAOS_SCALE_ENGINE ?= procrastinate
BY_CELERY = $(filter celery,$(CHAOS_SCALE_ENGINE))

.DEFAULT_GOAL := help
.PHONY: help install demo test check fmt interop browser services chaos chaos-scale bench words clean

help: ## Show these lines
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(READY) ## Make .venv with everything that running, testing and checking need

# Two steps: what builds the project (and dkimpy, which comes unbuilt), then the project, all as pinned in constraints.txt.
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; say make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt hatchling setuptools
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-build-isolation --editable '.[dev]'
	@touch $@

demo: $(READY) ## Watch the course arrive in three inboxes (DEMO_ARGS="--once --json" for programs)
	@$(BIN)/sequencer demo $(DEMO_ARGS)

check: $(READY) ## Format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

fmt: $(READY) ## Format the code, and mend what lint can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: check ## Everything: check, then all tests on SQLite and PostgreSQL, with coverage
	$(BIN)/python -m pytest --numprocesses 2 --durations=25 --cov --cov-report=term $(PYTEST_ARGS)
	@$(BIN)/coverage report --include='sequencer/core/*' --fail-under=100 > /dev/null || (echo 'The core is not covered to 100 %.'; exit 1)

interop: $(READY) ## Send through real Postfix, Exim and OpenSMTPD, past SpamAssassin (needs root and Debian's apt-get)
	tests/interop/install.sh
	$(BIN)/python -m pytest tests/interop $(PYTEST_ARGS)

browser: $(READY) ## Visit every page with Debian's Chromium: keys, no scripts, axe-core, dark, narrow
	tests/browser/install.sh
	$(BIN)/python -m pytest tests/browser $(PYTEST_ARGS)

services: $(READY) ## Send by real Procrastinate, Redis, RabbitMQ and PgBouncer that fail in between (needs root and Debian's apt-get)
	tests/services/install.sh
	$(BIN)/python -m pytest tests/services $(PYTEST_ARGS)

chaos: $(READY) ## Kill the sender a hundred times in 20,000 messages, send 10,000 to a relay of chaos, and count
	CHAOS_KILLS=100 CHAOS_MESSAGES=20000 $(BIN)/python -m pytest tests/chaos -q -s $(PYTEST_ARGS)
	SOAK_PEOPLE=10000 $(BIN)/python -m pytest tests/adapters/delivery/test_soak.py -q -s -k sqlite $(PYTEST_ARGS)

chaos-scale: $(READY) ## Kill three workers on PostgreSQL fifty times, freeze them as often past their leases, and count (CHAOS_SCALE_ENGINE=celery: by Redis)
	$(if $(BY_CELERY),tests/services/install.sh)
	CHAOS_SCALE_FAULTS=$(CHAOS_SCALE_FAULTS) CHAOS_SCALE_MESSAGES=$(CHAOS_SCALE_MESSAGES) CHAOS_SCALE_ENGINE=$(CHAOS_SCALE_ENGINE) \
	$(BIN)/python -m pytest $(if $(BY_CELERY),tests/services/test_kills.py,tests/chaos/test_fleet.py) -q -s $(PYTEST_ARGS)

bench: $(READY) ## Measure what docs/performance.md claims
	$(BIN)/python -m benchmarks

words: $(READY) ## Bring templates/locale/*.po up to date, and count what is left to translate
	$(BIN)/python -m sequencer.cli.words

clean: ## Remove what was made here
	rm -rf $(VENV) .interop .browser .services dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.*
