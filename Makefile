# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
PY := .venv/bin/python
export PYTHONPATH := include
MARKET ?=
CODES ?= 4000
SESSIONS ?= 500
SET ?= standard
# One home a market: a lake and its models are of one market only.
HOME_FOLDER ?= .tosho$(if $(MARKET),/$(notdir $(abspath $(MARKET))),$(if $(filter 4000x500,$(CODES)x$(SESSIONS)),,/synthetic-$(CODES)x$(SESSIONS)))

.PHONY: help setup demo airflow stop test check leaks bench bench-train clean env pins docs
help:  ## show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup:  ## install what is missing: Debian packages, .venv
	@deploy/setup.sh test

demo:  ## run the whole chain on a synthetic market (or MARKET=folder), as Airflow Dag runs
	@deploy/setup.sh run
	@TOSHO_HOME=$(HOME_FOLDER) $(PY) -m tosho demo $(if $(MARKET),--market "$(MARKET)") --codes $(CODES) --sessions $(SESSIONS)

airflow:  ## start the local Airflow (UI, scheduler) with the demo's data
	@deploy/setup.sh run
	@TOSHO_HOME=$(HOME_FOLDER) $(PY) -m tosho airflow start $(if $(MARKET),--market "$(MARKET)")

stop:  ## end everything that demo and airflow started
	@for home in $(sort .tosho $(wildcard .tosho/*) $(HOME_FOLDER)); do \
	  [ ! -d $$home/processes ] || TOSHO_HOME=$$home $(PY) -m tosho airflow stop; done

check: setup  ## formatting, lint, types, layers
	@.venv/bin/ruff format --check .
	@.venv/bin/ruff check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports

test: setup  ## every test, with the real parts, in groups side by side
	@$(PY) tests/side_by_side.py

leaks: setup  ## ask every feature of set standard (or SET=name) whether it knows what comes later
	@$(PY) -m tosho features leaks --set $(SET)

bench: setup  ## how fast it is: bench/results.json, bench/results.html (BENCH="--with qlib ..."; BENCH=--help)
	@$(PY) -m bench $(BENCH)

bench-train: setup  ## how fast networks train, on a GPU or at reduced size: bench/train.json (BENCH=--help)
	@$(PY) -m bench.train $(BENCH)

env:  ## make .env with random secrets for docker compose
	@deploy/make_env.sh

docs: setup  ## rewrite what is generated: dags/README.md, docs/features.md
	@PYTHONPATH=tests $(PY) -m dags.catalogue
	@$(PY) -m tosho features docs

pins: setup  ## resolve requirements.in into requirements.txt
	@.venv/bin/uv pip compile -q requirements.in --no-header --no-annotate --no-emit-find-links --no-emit-index-url -o requirements.txt

clean:  ## remove what demo made; the virtual environment stays
	@[ ! -x $(PY) ] || $(MAKE) -s stop
	@rm -rf .tosho bench/out .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
