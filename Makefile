# Three commands for a user: `make demo`, `make serve` and `make test`. Everything is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: demo serve test test-full bench bench-short bench-compare mutate docs bundle fuzz audit secrets check format clean

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
	sh tools/ensure_nginx.sh
	rm -f .coverage .coverage.*
	GROUPER_TESTS_FULL=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "slow or not slow" --cov --cov-report=
	$(BIN)/python -m coverage report --fail-under=95

# Figures go to benchmarks/history.csv; bench-compare says what was lost (docs/BENCHMARKS.md).
bench: $(STAMP)
	$(BIN)/python benchmarks/history.py

bench-short: $(STAMP)
	$(BIN)/python benchmarks/history.py --short

bench-compare: $(STAMP)
	$(BIN)/python benchmarks/history.py --compare

mutate: $(STAMP)
	nice $(BIN)/python -m tools.mutate --survivors --write

# The guides as a site that loads nothing from elsewhere: dist/docs/index.html (zh), dist/docs/en/ (English).
docs: $(STAMP)
	rm -rf dist/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

# For installing without a network: dist/grouper-VERSION-PYTHON-PLATFORM.tar.gz (docs/INSTALL.md).
bundle: $(STAMP)
	$(BIN)/python tools/make_bundle.py

# Every parser, SECONDS each; TARGETS are some of tests/fuzz/targets.csv (docs/FUZZING.md).
SECONDS ?= 60
fuzz: $(STAMP)
	nice $(BIN)/python tests/fuzz/run.py --all $(SECONDS) $(TARGETS)

audit: $(STAMP)
	$(BIN)/python tools/audit_dependencies.py

# Writes anew what the scan for secrets takes for one; look through what it adds.
secrets: $(STAMP)
	git ls-files -z ':!tests/data/secrets_baseline.json' | xargs -0 $(BIN)/detect-secrets scan --no-verify --baseline tests/data/secrets_baseline.json

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* out dist
