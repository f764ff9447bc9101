# `make help` lists the words. Two commands are enough on a fresh machine: `make repro` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
EXTRA ?= $(if $(wildcard .venv/.ready-gpu),gpu,cpu)
BIN := .venv/bin
READY := .venv/.ready-$(EXTRA)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DVC_NO_ANALYTICS := 1
export ITERATIVE_DO_NOT_TRACK := 1
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help setup repro test test-slow-ci test-full lint preset add-batch remove-batch verify report clean run up down retrain promote rollback demo-drift

help: ## list these words
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## build .venv from the locked requirements (EXTRA=gpu on a GPU machine, EXTRA=serve where one only scores)

$(READY): requirements/$(EXTRA).txt requirements/uv.txt requirements/setup.sh
	@bash requirements/setup.sh "$(PYTHON)" "$(EXTRA)"
	@touch $@

repro: $(READY) ## run the pipeline (dvc repro): only what changed, then the headline figures
	@cxr repro

test: $(READY) ## lint-free quick tests (about 12 minutes on 2 cores)
	@python -m pytest -q -m "not slow" -n 2 --dist loadfile --no-loadscope-reorder

test-slow-ci: $(READY) ## the slow tests that CI runs, after `make test` (at most 35 minutes on 2 cores)
	@python -m pytest -q -m slow_ci

test-full: $(READY) ## all tests, the long ones too (hours)
	@python -m pytest -q

lint: $(READY) ## style, types and import rules
	@ruff check . && ruff format --check --quiet . && mypy && lint-imports

preset: $(READY) ## NAME=kermany: write presets/kermany.yaml over params.yaml
	@cxr preset use "$(NAME)"

add-batch: $(READY) ## SET=kermany FROM=folder [COMMIT=1]: the one way in for new data
	@test -n "$(SET)" -a -n "$(FROM)" || { echo "name set and folder: make add-batch SET=kermany FROM=a/folder" >&2; exit 2; }
	@cxr batch add --set "$(SET)" --from "$(FROM)" $(if $(COMMIT),--commit)

remove-batch: $(READY) ## SET=kermany [COMMIT=1]: take the last batch back, while no recorded run was made with it
	@test -n "$(SET)" || { echo "name the set: make remove-batch SET=kermany" >&2; exit 2; }
	@cxr batch remove --set "$(SET)" $(if $(COMMIT),--commit)

verify: $(READY) ## make everything again in a second clone from nothing and compare every hash
	@cxr verify

report: $(READY) ## where the report is
	@cxr report

clean: ## remove caches that can be made again (.cache, .runs); outputs and .venv stay
	@rm -rf .cache .runs

run: $(READY) ## hand the pipeline to the workers that `make up` started (ARGS="--set train.epochs=2")
	@cxr run $(ARGS)

up: $(READY) ## start a Prefect server on loopback, work pools, workers and deployments
	@cxr up

down: $(READY) ## stop what `make up` started
	@cxr down

retrain: $(READY) ## train on what waits in production/inbox, on the workers, and let the gate judge (ARGS=--here: no server)
	@cxr retrain $(ARGS)

promote: $(READY) ## VERSION=v0.0.3: a recorded version into production, through the gate
	@cxr promote "$(VERSION)"

rollback: $(READY) ## production back to the release before
	@cxr rollback

demo-drift: $(READY) ## the story of a second scanner, on phantoms, with a server and workers of its own (17 minutes)
	@python -m demo.story
