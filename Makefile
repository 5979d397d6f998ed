# The words that people and CI use. A bare Debian 12 with root is enough: every target brings what it needs.
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test unit lint lab lab-down clean

$(VENV)/.ready: setup.cfg pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "asterisk-missed needs Python 3.11 or newer: this is " + sys.version.split()[0])'
	@python3 -m venv $(VENV) 2>/dev/null || { apt-get update -q && apt-get install -yq python3-venv && python3 -m venv $(VENV); }
	@$(PY) -m pip install -q -e '.[dev]'
	@touch $@

venv: $(VENV)/.ready

lint: venv
	$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check . && $(VENV)/bin/mypy && $(VENV)/bin/lint-imports

unit: venv
	$(VENV)/bin/pytest -q -m "not asterisk"
