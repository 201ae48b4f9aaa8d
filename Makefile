# Everything a newcomer or a contributor types. Each target sets up what it needs first; the second time that is quick.
# `make help` is made from the comments behind the targets.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# 3.11 is what we test with; a newer python3 serves too. A shim that names a version that is not there does not.
PYTHON ?= $(shell for each in python3.11 python3; do "$$each" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$each"; break; }; done)
# torch goes first and alone: it is the one download that takes minutes, and the one that machines with other GPUs swap.
TORCH := $(shell grep '^torch==' constraints.txt)
PROMPT ?=
export PROMPT

.DEFAULT_GOAL := help
.PHONY: help setup demo run doctor test check bench format constraints clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.worker ## make .venv with everything that running needs

demo: $(VENV)/.worker ## one prompt through the whole chain, then stop everything (PROMPT="…" to choose)
	@$(BIN)/tessera demo

run: $(VENV)/.worker ## keep front, worker and Redis up; Ctrl-C drains and stops them
	@$(BIN)/tessera run

doctor: $(VENV)/.worker ## what is configured, what is missing, what to do
	@$(BIN)/tessera doctor

test: $(VENV)/.dev ## all tests, on real parts
	@$(BIN)/python -m pytest

check: $(VENV)/.dev ## format, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## the figures, each beside what is promised
	@$(BIN)/tessera bench

format: $(VENV)/.dev ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

constraints: $(VENV)/.dev ## pin what is installed in .venv now
	@{ grep '^#' constraints.txt; $(PIP) freeze --exclude-editable | sed 's/+[a-z0-9.]*$$//' | grep -E '^[A-Za-z0-9_.-]+==[^ ]+$$'; } > constraints.new
	@mv constraints.new constraints.txt

clean: ## remove the environment and what tools left behind; .tessera, with its pictures, stays
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find bot generation moderation migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "Tessera needs Python 3.11 or newer with its venv module, and found none. \
	Install it (Debian, Ubuntu: python3.11 python3.11-venv; Fedora: python3.11; macOS: brew install python@3.11), \
	or name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Making the environment in $(VENV) with $$($(PYTHON) --version)."
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.worker: $(VENV)/.made pyproject.toml constraints.txt
	@echo "Installing $(TORCH), the large one (minutes, the first time)."
	@$(PIP) install --quiet --constraint constraints.txt $(TORCH)
	@echo "Installing the rest at the versions in constraints.txt."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[worker,redis]'
	@touch $@

$(VENV)/.dev: $(VENV)/.worker
	@echo "Installing what tests and checks need."
	@$(PIP) install --quiet --constraint constraints.txt --editable '.[worker,redis,dev]'
	@touch $@
