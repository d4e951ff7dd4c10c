# The commands a newcomer types. Each makes what it needs: the virtual environment here, servers for tests in the user's cache.
.PHONY: demo test check bench fuzz gen format clean help
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
WITH ?=
# The pure parts and the engine are covered, or the tests fail.
GATE := --cov=scaler.core --cov=scaler.declare --cov=scaler.engine --cov-branch --cov-report=term --cov-fail-under=97

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "event-scaler needs Python 3.11 or newer"; exit 1; }
	@$(PYTHON) -m venv .venv

.venv/demo.stamp: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing event-scaler into .venv (once, about half a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo]'
	@touch $@

.venv/dev.stamp: $(BIN)/python pyproject.toml constraints.txt
	@echo "installing event-scaler and the tools for its tests into .venv (once, about a minute)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo,dev,fast]'
	@touch $@ .venv/demo.stamp

demo: .venv/demo.stamp ## Real NATS, real workers, scaled live until Ctrl-C (WITH="kafka azure-queue" for more)
	@$(BIN)/python -m examples.demo $(WITH)

test: .venv/dev.stamp ## Everything: unit, properties, conformance, contract, end to end against real servers
	$(BIN)/python -m pytest $(GATE)

check: .venv/dev.stamp ## Format, lint, types, import contracts, generated files
	@scripts/check

bench: .venv/dev.stamp ## Measure; prints a table and writes bench.json
	$(BIN)/python -m tests.performance

fuzz: .venv/dev.stamp ## Try what anybody may send, by the hundred thousand (some minutes)
	$(BIN)/python -m tests.fuzz

gen: .venv/dev.stamp ## Write the generated files: scaler docs, schemas, CRDs
	@scripts/gen

format: .venv/dev.stamp ## Format the code
	$(BIN)/python -m ruff format .
	$(BIN)/python -m ruff check --fix .

clean: ## Remove the virtual environment and caches of the tools
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
