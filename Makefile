# Every command a person types. `make` prints them.

PY := .venv/bin/python
PYTEST := $(PY) -m pytest
CORE := deploy deskwire shared services
SUITES := unit contract architecture integration whole
# Suites whose files go to several processes, each with its own broker and database.
WORKERS_unit := -n 2 --dist loadfile
WORKERS_architecture := -n 2 --dist loadfile
WORKERS_integration := -n 3 --dist loadfile
HISTORIES := tests/e2e/test_replay.py tests/e2e/test_service_level_history.py

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup setup-tests run test check lint types imports fmt faults nightly bench docs new-service lock clean

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: setup ## start everything on this machine; Ctrl-C stops it
	@$(PY) -m deskwire up

test: setup-tests $(SUITES:%=test-%) ## run every test (unit, contract, architecture, integration, faults, e2e)

check: lint types imports test ## what CI runs: lint, types, import rules, tests

lint: setup ## style and format, by ruff
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

types: setup ## types, by mypy
	@$(PY) -m mypy $(CORE)

imports: setup ## who may import whom, by import-linter
	@.venv/bin/lint-imports

fmt: setup ## put the code into format
	@$(PY) -m ruff check --fix --select I .
	@$(PY) -m ruff format .

faults: setup-tests ## faults in a dose of your choice: make faults ARGS="--dose large"
	@$(PY) -m tests.faults $(ARGS)

nightly: setup-tests ## the slow dose of service levels: 20,000 random cases, and a real history if it is there
	@$(PYTEST) tests/unit/sla $(WORKERS_unit) --hypothesis-profile=nightly --timeout=0 $(ARGS)
	@$(PYTEST) $(HISTORIES) --hypothesis-profile=nightly --timeout=0 $(ARGS)

bench: setup-tests ## measure beside the raw ceiling: make bench ARGS=...
	@$(PY) -m bench $(ARGS)

docs: setup ## write the generated pages of docs/
	@$(PY) -m deskwire.catalogue $(ARGS)

new-service: setup ## write a service in the house's shape: make new-service NAME=asset
	@test -n "$(NAME)" || { echo "Say its name: make new-service NAME=asset" >&2; exit 2; }
	@$(PY) -m deploy.new_service $(NAME)

setup: ## make .venv from the lock file
	@python3 -m deploy.local.bootstrap

setup-tests:
	@python3 -m deploy.local.bootstrap --tests

lock: setup ## renew requirements.lock from pyproject.toml
	@$(PY) -m uv --version > /dev/null 2>&1 || $(PY) -m pip install --quiet uv
	@$(PY) -m uv pip compile pyproject.toml --group local --group dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" \
		--quiet --upgrade --output-file requirements.lock

clean: ## remove .venv and caches; the data in ./var stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info
	@find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# Both wait most of the time: for a service to come back, for a stack to start. They run side by side, the dose first.
test-whole:
	@echo "== faults, e2e"; $(PYTEST) tests/faults tests/e2e -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# A process for each folder: what one of them patches or starts does not reach the next. Exit code 5 is pytest's
# word for a folder without tests.
test-%:
	@if [ -d tests/$* ]; then echo "== $*"; $(PYTEST) tests/$* $(WORKERS_$*) $(ARGS) || [ $$? -eq 5 ]; fi
