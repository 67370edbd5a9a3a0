# Carillon: everything a developer types. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin


.PHONY: help setup run demo compile check fmt test test-fast fuzz bench soak lock clean

help: ## list the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.installed: requirements.lock pyproject.toml tools/setup carillon/mediaplane/kernel.c
	@tools/setup run

$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml tools/setup carillon/mediaplane/kernel.c
	@tools/setup dev

setup: $(VENV)/.installed-dev ## install everything, test phones and browser included

run: $(VENV)/.installed ## start the phone system and print its address
	@exec $(CURDIR)/$(BIN)/carillon run

demo: $(VENV)/.installed ## create the demo company and print its sign-in
	@$(BIN)/carillon demo

compile: $(VENV)/.installed-dev ## make machine code of SIP and flows, for a switch a fifth faster (a minute)
	@$(BIN)/python tools/compile.py

fmt: $(VENV)/.installed-dev ## format the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

check: $(VENV)/.installed-dev ## format, lint, types, import rules, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m carillon.portal makemigrations --check --dry-run

# Most tests wait for real calls: one more of them than the machine has processors.
WORKERS ?= $(shell echo $$(($$(nproc) + 1)))

test: $(VENV)/.installed-dev ## every test, with real phones and a real browser
	-@$(BIN)/python tools/compile.py
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder || { \
	  echo "Some failed beside a busy neighbour's processes: those again, one at a time."; \
	  $(BIN)/pytest --last-failed --last-failed-no-failures none; }

test-fast: $(VENV)/.installed-dev ## the pure tests, in seconds
	$(BIN)/pytest -m "not system"

fuzz: $(VENV)/.installed-dev ## send what nobody expects to every parser, a minute each (SECONDS=60)
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),60)

bench: compile ## measure against the physical limit; writes bench/results.json
	$(BIN)/python -m bench

soak: compile ## half an hour of calls: nothing may grow
	$(BIN)/python -m bench.soak

lock: ## pin every dependency anew
	$(BIN)/uv pip compile --universal --generate-hashes --no-header -q pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --generate-hashes --no-header -q pyproject.toml --group dev -o requirements-dev.lock

clean: ## remove the environment and caches (never your data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build
