# `make serve` and `make test` do all their own set-up in a fresh clone; the other targets are for whoever works on the code.

PYTHON ?= python3
VENV   ?= .venv
PIP     = $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
INPUTS  = pyproject.toml constraints.txt

.PHONY: serve test softhsm lint format clean

serve: $(VENV)/runtime.installed  ## the service on 127.0.0.1:8000, everything embedded, signing with a development credential
	$(VENV)/bin/assay serve --development-signer

test: $(VENV)/development.installed softhsm  ## every test
	$(VENV)/bin/python -m pytest

# Tests of keys on tokens need Debian's SoftHSM. Where it cannot be installed, they are skipped and say so.
softhsm:
	@command -v softhsm2-util >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && { timeout 120 apt-get install -qq -y softhsm2 || { timeout 120 apt-get update -qq && timeout 120 apt-get install -qq -y softhsm2; }; } \
    </dev/null >/dev/null 2>&1; } \
	  || echo "SoftHSM is not here and cannot be installed: tests of keys on tokens will be skipped"

lint: $(VENV)/development.installed  ## style, types and import contracts
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/development.installed
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:
	rm -rf $(VENV)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Assay needs Python 3.11 or later"; exit 1; }
	@# Debian ships venv apart from Python: install it where we may, and say what is missing where we may not.
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  { [ "$$(id -u)" = 0 ] && apt-get update -qq && apt-get install -qq -y python3-venv && $(PYTHON) -m venv $(VENV); } \
	  || { echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }; }

$(VENV)/runtime.installed: $(VENV)/bin/python $(INPUTS)
	$(PIP) --editable .
	@touch $@

$(VENV)/development.installed: $(VENV)/bin/python $(INPUTS)
	@# Named first and exactly: left to choose, pip takes whatever build of torch is newest.
	$(PIP) torch==2.14.1 torchvision==0.29.1
	$(PIP) --editable '.[gpu,generate,kms,pkcs11,postgres,redis,s3,dev]'
	@touch $(VENV)/runtime.installed $@
