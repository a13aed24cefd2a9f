# The machine needs python3 >= 3.11 with venv, and make. Everything else is set up in .uv, .venv and the user's cache.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Test processes side by side. Most of an integration test's time is waiting, for processes to start and for what they do.
WORKERS ?= 3
BENCHMARKS ?= ingest instrumentation history history.grown kept_traces model_truth model_truth.ingest winter ingest_engine alerting alerting.delay rules_quiet dashboard
BOOTSTRAP := $(PYTHON) services/cli/bootstrap.py

.DEFAULT_GOAL := help
.PHONY: help setup demo test check chaos incidents deploy-check bench bench-soak explain-check clean

help: ## Show these lines
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile

setup: ## Set up what is missing: packages, the Collector
	@$(BOOTSTRAP)

demo: setup ## Set up, then show real flights until Ctrl-C (ARGS="--days 1")
	@$(BIN)/sightglass demo $(ARGS)

test: ## Set up, find a browser, run every test with real processes (ARGS="-k name")
	@$(BOOTSTRAP) --browser
	@$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

chaos: setup ## Kill the alert worker 1,000 times while rules fire and resolve; the result is kept (ARGS="--kills 50")
	@$(BIN)/python -m tests.chaos.alert_kills --keep $(ARGS)

incidents: setup ## Plant each incident in a live demo: its alert, its cause, its end; the result is kept (ARGS="--only slow-weather")
	@$(BIN)/python -m benchmarks.incidents $(ARGS)

deploy-check: setup ## Check compose file, images, units with the real tools; what is unchanged since it passed is not checked again
	@$(BIN)/python -m pytest -q deploy/checks $(ARGS)

check: ## Lint, types, imports, and the documents against the code
	@$(BOOTSTRAP) --no-collector
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q $(wildcard tests/test_docs.py tests/docs)

bench: setup ## Run the benchmarks; each prints ratios of paired runs
	@set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python -m benchmarks.$$name $(ARGS); done

bench-soak: setup ## Load the instrumented service for 20 minutes: memory, drops
	@$(BIN)/python -m benchmarks.instrumentation --soak 20 $(ARGS)

explain-check: setup ## Plant causes and look for them, every seed: the proof of /predictions/wrong/explain and /traces/slow/explain
	@$(BIN)/python -m benchmarks.explain $(ARGS)

clean: ## Stop what runs, delete the environments, the tools' caches and the data folder
	@if [ -x $(BIN)/sightglass ]; then $(BIN)/sightglass down; fi
	rm -rf .venv .uv .sightglass .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist
