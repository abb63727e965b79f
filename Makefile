SHELL := /bin/bash
PYTHON := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help setup apps demo test lint nano proof-log proof-suite proof-eval proof-stop proof-typing proof-faults proof-ui proof-improve

help:  ## list what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | expand -t 12

setup:  ## install what is missing: system packages, .venv, requirements
	@scripts/setup.sh

apps: setup  ## install the applications of the desktop suite (LibreOffice, GIMP, ...; 1.2 GB)
	@scripts/setup.sh --apps

demo: setup  ## open a virtual desktop and let the agent do tasks on it
	@$(PYTHON) main.py demo

test: lint apps  ## everything that must hold: format, types, tests
	$(PYTHON) -m pytest -q

lint: setup  ## ruff and mypy
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy .

nano: setup  ## train the shipped weights again, from nothing (hours)
	@scripts/make_nano.sh

proof-log: setup  ## kill, cut, flip and fail the log at length; writes log-proof.json (20 minutes)
	$(PYTHON) -m benchmarks.log_proof --kills 10000 --states 1000000 --cuts 1000000 --resumes 10000

proof-eval: setup  ## kill an evaluation 100 times and go on; writes eval-proof.json (20 minutes)
	$(PYTHON) -m benchmarks.eval_proof --kills 100 --real 20

proof-stop: setup  ## stop, take over, kill and crash at random moments; writes stop-proof.json (an hour)
	$(PYTHON) -m benchmarks.stop_proof --stops 1000 --kills 1000 --events 100000

proof-typing: setup  ## type 10,000 random texts into a GTK field; writes typing-proof.json (15 minutes)
	$(PYTHON) -m benchmarks.typing_proof --texts 10000

proof-faults: setup  ## fail the display in 8 ways, 20 times each; writes display-faults.json (15 minutes)
	$(PYTHON) -m benchmarks.display_faults --runs 20

proof-ui: setup  ## kill the cockpit at 100 random moments of an episode; writes ui-proof.json (3 minutes)
	$(PYTHON) -m benchmarks.ui_proof --kills 100

proof-improve: setup  ## make nano weak, improve it for an hour; a page in checkpoints/improve/hours (90 minutes)
	@scripts/improve_proof.sh

proof-suite: setup apps  ## every task of the desktop suite, by its oracle and by nobody, three times; suite-proof.json (an hour)
	$(PYTHON) -m env.tasks.suites.desktop.check --times 3 --workers 2 --out suite-proof.json
