# The words that people and CI use. A bare Debian 12 with root is enough: every target brings what it needs.
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test unit asterisk lint lab lab-down bench venv clean

venv: $(VENV)/.ready

$(VENV)/.ready: setup.cfg pyproject.toml
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "asterisk-missed needs Python 3.11 or newer: this is " + sys.version.split()[0])'
	@python3 -c 'import ensurepip' 2>/dev/null || { echo 'installing python3-venv'; apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -yqq python3-venv >/dev/null; }
	@python3 -m venv $(VENV)
	@$(BIN)/python -m pip install -q -e '.[dev]'
	@touch $@

# A client is missed, called back and journalled, four times over, on a real PBX; ends by itself.
demo: venv
	@$(BIN)/python vagrant/demo.py

# Everything: lint, unit tests, and the scenarios on real Asterisks, two at a time.
test: venv lint unit asterisk

unit: venv
	$(BIN)/pytest -q -m "not asterisk and not storm" -n 2

asterisk: venv
	$(BIN)/pytest -q -m "asterisk or storm" -n 2 --dist loadfile --no-loadscope-reorder

lint: venv
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

# The lab stays up and prints how to try it; lab-down takes it away. make lab ASTERISK=16 for the old one.
ASTERISK := 22
lab: venv
	@$(BIN)/python vagrant/lab.py up --asterisk $(ASTERISK)

lab-down:
	@python3 vagrant/lab.py down

# Beside bare panoramisk and bare SQL, in one run each; five minutes. The figures are also left in bench*.json.
bench: venv
	$(BIN)/python tests/bench/bench_wire.py
	$(BIN)/python tests/bench/bench_track.py --json bench.json
	$(BIN)/python tests/bench/bench_plan.py --json bench-plan.json
	$(BIN)/python tests/bench/bench_dial.py --callbacks 2000 --json bench-dial.json

clean:
	rm -rf $(VENV) build dist *.egg-info .lab
