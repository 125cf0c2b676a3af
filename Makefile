# Every target but `help` and `clean` sets up what is missing first. No logic lives here: each is one call of a tool.
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
PYTHON ?= python3
# Threads of numerical libraries multiply with worker processes and slow both; resamples are what runs in parallel.
export OMP_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help setup study test check fix serve bento golden bench clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml requirements.lock
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv --quiet --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	@touch $(READY)

setup: $(READY) ## create .venv from requirements.lock, where it is missing or out of date

study: setup ## the main job: synthetic registry → two models, judged, gated, released, with card and report
	$(BIN)/spinecast simulate registry/demo
	$(BIN)/spinecast study survival --tables registry/demo --set designs.2.replicates=20
	$(BIN)/spinecast release survival --by "make study" --reason "demonstration on synthetic patients" --if-promoted
	$(BIN)/spinecast study recovery --tables registry/demo --set designs.2.replicates=20
	$(BIN)/spinecast release recovery --by "make study" --reason "demonstration on synthetic patients" --if-promoted
	$(BIN)/spinecast status

test: setup ## all tests (under ten minutes on two cores)
	$(BIN)/python -m pytest

check: setup ## format, lint, types, import rules, house tests; changes nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest tests/test_house.py

fix: setup ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

serve: setup ## answer over HTTP on 127.0.0.1:3000 with the champions
	$(BIN)/spinecast serve

bento: setup ## build the Bento: three packages and the champions' bundles
	$(BIN)/python -m serving.bento

golden: setup ## every published reference number, one line each
	$(BIN)/python -m tests.golden

bench: setup ## what the README claims about quality and speed, measured again
	$(BIN)/python -m experiments.benchmarks

clean: ## remove what was built; runs, bundles and registry tables stay
	rm -rf build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
