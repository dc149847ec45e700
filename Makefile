# Two commands for a newcomer: `make demo` and `make test`. Everything else is listed by `make help`.
VENV := .venv
BIN := $(VENV)/bin
# Other projects to measure beside: never in our own environment.
PEERS := .venv-peers
MUTATE := .venv-mutate
GUIDED := .venv-fuzz
PYTHON ?= python3
EXTRAS := --extra sim --extra trainer --extra viewer --extra log --extra watch --extra report --extra dashboard --extra sign
# uv from the PATH if there is one, otherwise brought into the environment by pip.
UV = $(shell command -v uv || echo $(BIN)/uv)
PIP_INSTALL = VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --constraint requirements.lock

.PHONY: help demo test check docs lock clean mutate campaigns fuzz-guided bench bench-train bench-loop bench-tick
.DEFAULT_GOAL := help

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.robot  ## the main job: the shipped policy stands in the MuJoCo twin while it is pushed
	$(BIN)/robotctl demo --seconds 20

test: $(VENV)/.dev check  ## all gates and all tests
	$(BIN)/pytest

check: $(VENV)/.dev  ## lint, types, import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev  ## build the documentation into build/site without network, every link checked
	$(BIN)/python tests/docs/reference_pages.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

bench: $(VENV)/.dev  ## all side-by-side figures into docs/benchmarks.md, an hour (BENCH="--quick", "--only tick", --list)
	-@$(MAKE) --no-print-directory $(PEERS)/.rate $(PEERS)/.done
	$(BIN)/python benchmarks/bench.py $(BENCH)

bench-train: $(VENV)/.dev  ## env-steps per second of training, MJX, brax and playground (options: BENCH="--quick --json FILE")
	-@$(MAKE) --no-print-directory $(PEERS)/.done
	$(BIN)/python benchmarks/bench_train.py $(BENCH)

bench-loop: $(VENV)/.dev  ## how late ticks begin beside cyclictest, asyncio and loop-rate-limiters (BENCH="--seconds 600")
	-@$(MAKE) --no-print-directory $(PEERS)/.rate
	$(BIN)/python benchmarks/bench_loop.py $(BENCH)

bench-tick: $(VENV)/.dev  ## what the pure tick costs beside the bare network (BENCH="--quick")
	$(BIN)/python benchmarks/bench_tick.py $(BENCH)

campaigns: $(VENV)/.dev  ## fuzz, faults, hours and kills, hours of one core; goes on where it was stopped (CAMPAIGN="--short")
	$(BIN)/python tests/campaigns/campaigns.py $(CAMPAIGN)

fuzz-guided: $(GUIDED)/.done  ## coverage-guided fuzz by atheris (FUZZ="--runs 100000 'black box'")
	$(GUIDED)/bin/python tests/campaigns/guided_fuzz.py $(FUZZ)

mutate: $(VENV)/.dev  ## how many mutants of safety, fault table, modes and limits the tests kill
	-@$(MAKE) --no-print-directory $(MUTATE)/.done
	rm -rf mutants
	$(MUTATE)/bin/mutmut run
	$(MUTATE)/bin/mutmut results

lock: $(BIN)/uv  ## write requirements.lock anew (pi4 and pi5 conflict with each other and stay out)
	$(UV) pip compile --quiet --universal --upgrade $(EXTRAS) --group dev --custom-compile-command "make lock" \
	  pyproject.toml --output-file requirements.lock

clean:  ## remove the environments and all caches
	rm -rf $(VENV) $(PEERS) $(MUTATE) $(GUIDED) mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), WildRobot needs 3.11 or newer: run make PYTHON=python3.11 ..."; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python venv is missing: on Debian, apt install python3-venv"; exit 2; }

$(BIN)/uv: $(BIN)/python
	@test -x "$(UV)" || $(BIN)/python -m pip install --quiet uv

$(VENV)/.robot: pyproject.toml requirements.lock $(BIN)/uv
	$(PIP_INSTALL) --editable '.[sim]'
	@touch $@

$(VENV)/.dev: pyproject.toml requirements.lock $(BIN)/uv
	$(PIP_INSTALL) --editable '.[sim,trainer,viewer,log,watch,report,dashboard,sign]' --group dev
	@touch $@ $(VENV)/.robot

$(PEERS)/.venv: $(BIN)/uv
	$(UV) venv --quiet --clear --python $(BIN)/python $(PEERS)
	@touch $@

$(PEERS)/.rate: $(PEERS)/.venv
	VIRTUAL_ENV=$(PEERS) $(UV) pip install --quiet loop-rate-limiters==1.2.0
	@touch $@

$(PEERS)/.done: $(PEERS)/.venv
	VIRTUAL_ENV=$(PEERS) $(UV) pip install --quiet --constraint requirements.lock brax==0.14.2 playground==0.2.0
	@touch $@

$(GUIDED)/.done: pyproject.toml requirements.lock $(BIN)/uv
	$(UV) venv --quiet --clear --python $(BIN)/python $(GUIDED)
	VIRTUAL_ENV=$(GUIDED) $(UV) pip install --quiet --constraint requirements.lock --editable '.[sim]' atheris==3.0.0
	@touch $@

$(MUTATE)/.done: pyproject.toml requirements.lock $(BIN)/uv
	$(UV) venv --quiet --clear --python $(BIN)/python $(MUTATE)
	VIRTUAL_ENV=$(MUTATE) $(UV) pip install --quiet --constraint requirements.lock --editable '.[sim,trainer]' --group dev mutmut==3.8.1
	@touch $@
