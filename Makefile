# Three commands for a user: `make demo`, `make serve` and `make test`. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo serve test test-full bench check format clean

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(STAMP)

demo: $(STAMP)
	$(BIN)/python -m grouper.demo

serve: $(STAMP)
	$(BIN)/python -m grouper.demo.serve

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: check
	sh tools/ensure_postgres.sh
	sh tools/ensure_chromium.sh
	rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --cov --cov-report=
	$(BIN)/python -m coverage report --fail-under=95

test-full: check
	sh tools/ensure_postgres.sh
	sh tools/ensure_chromium.sh
	rm -f .coverage .coverage.*
	GROUPER_TESTS_FULL=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow or not slow" --cov --cov-report=
	$(BIN)/python -m coverage report --fail-under=95

bench: $(STAMP)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/dip.py
	$(BIN)/python benchmarks/apg.py
	$(BIN)/python benchmarks/pdpm.py
	$(BIN)/python benchmarks/pricing.py
	$(BIN)/python benchmarks/forecast.py
	$(BIN)/python benchmarks/audit.py
	$(BIN)/python benchmarks/ms_drg.py
	$(BIN)/python benchmarks/hl7_codec.py
	$(BIN)/python benchmarks/fhir_bundles.py
	sh tools/ensure_postgres.sh
	$(BIN)/python benchmarks/intake.py
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/drain.py
	$(BIN)/python benchmarks/service.py
	$(BIN)/python benchmarks/orders.py
	$(BIN)/python benchmarks/mart.py
	sh tools/ensure_chromium.sh
	$(BIN)/python benchmarks/pages.py

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* out dist
