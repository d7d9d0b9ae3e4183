# make demo   a running desk with the 2018 rehearsal in it; another port or a larger market with
#             DEMO="--port 8010 -- okex-2018 --accounts 5000 --fills 200000"
# make test   everything that proves it works
# make bench  what the performance claims are measured with; `make peers` first, for the peers
# The virtualenv is made by `setup` and changed only when the requirements are. An empty stamp says that
# this was interrupted, and which packages are whole nobody knows: it is made from nothing.

VENV    := .venv
PYTHON  := $(VENV)/bin/python
PEERS   := .peers
# Tests run two at a time on servers of their own each; on servers that were given, one at a time.
WORKERS := $(if $(DATABASE_URL)$(REDIS_URL),0,2)
STAMP   := $(VENV)/.requirements.sha256
REQUIREMENTS := requirements.txt requirements-dev.txt constraints.txt
# The first that runs and is new enough; 3.11 is what the pins were tested with.
NEW     := import sys; sys.exit(sys.version_info < (3, 11))
BOOT    := $(shell for p in python3.11 python3 python3.12 python3.13; do \
             $$p -c '$(NEW)' 2>/dev/null && echo $$p && break; done)

.PHONY: setup demo test lint bench peers browser services-stop clean

setup:
	@[ -n "$(BOOT)" ] || { echo "Makewhole needs Python 3.11 or newer: install python3.11 with its venv module."; exit 1; }
	@want="$$(cat $(REQUIREMENTS) | $(BOOT) -c 'import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())')"; \
	if [ "$$want" != "$$(cat $(STAMP) 2>/dev/null)" ] || [ ! -x $(PYTHON) ]; then \
	  echo "setting up $(VENV) (a few minutes the first time)"; \
	  fresh=; if [ -e $(STAMP) ] && [ ! -s $(STAMP) ]; then fresh=--clear; fi; \
	  $(BOOT) -m venv $$fresh $(VENV) && \
	  : > $(STAMP) && \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt && \
	  printf '%s\n' "$$want" > $(STAMP); \
	fi

demo: setup
	@$(PYTHON) manage.py demo $(DEMO)

test: lint browser
	MAKEWHOLE_DATA="$${MAKEWHOLE_DATA:-var}/test" $(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) -m pytest -n $(WORKERS) $(TESTS)

lint: setup
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

browser: setup
	@sh tests/browser/install.sh

bench: setup
	$(if $(wildcard $(PEERS)/bin/python),$(PEERS)/bin/python,$(PYTHON)) -m bench $(BENCH)

# An environment on top of the desk's own, so that no peer is ever installed into it.
peers: setup
	$(PYTHON) -m venv $(PEERS)
	@$(PYTHON) -c 'import site; print(site.getsitepackages()[0])' \
	  > "$$($(PEERS)/bin/python -c 'import site; print(site.getsitepackages()[0])')/desk.pth"
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt -c constraints.txt

services-stop:
	@[ ! -x $(PYTHON) ] || $(PYTHON) manage.py services stop

clean: services-stop
	rm -rf $(VENV) $(PEERS) .pytest_cache .mypy_cache .ruff_cache .hypothesis
