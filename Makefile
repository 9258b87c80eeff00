# The targets a newcomer needs are `demo` and `test`; `make help` lists the rest.
# Recipes that start something long `exec` it, so that the process they start has make itself as its parent
# and notices when make is gone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# What scans the infrastructure pins a botocore of its own.
SECURITY_VENV := .venv-security
SECURITY_INSTALLED := $(SECURITY_VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

$(INSTALLED): requirements-dev.txt
	@LOCALCLOUD_PARENT=$$PPID exec $(PYTHON) tools/install.py $(VENV) requirements-dev.txt $(INSTALLED) 950

$(SECURITY_INSTALLED): requirements-security.txt
	@LOCALCLOUD_PARENT=$$PPID exec $(PYTHON) tools/install.py $(SECURITY_VENV) requirements-security.txt $(SECURITY_INSTALLED) 300

.PHONY: install
install: $(INSTALLED) ## Make .venv with everything pinned in requirements-dev.txt

.PHONY: demo
demo: $(INSTALLED) ## Deploy everything on this machine, send logins, ask the API; then a drill, simulated
	@LOCALCLOUD_PARENT=$$PPID exec $(BIN)/python -m localcloud demo
	@LOCALCLOUD_PARENT=$$PPID exec $(BIN)/python -m simulation.drill

.PHONY: boards
boards: $(INSTALLED) ## Draw the boards from a simulated week: HTML, and pictures where there is Chromium
	@exec $(BIN)/python -m tools.pictures

.PHONY: lint
lint: $(INSTALLED) ## Style, direction of imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --threads 2

.PHONY: check
check: lint ## Lint, types and unit tests, in under a minute
	$(BIN)/pytest -q -n 2 --dist loadfile tests/handlers tests/components tests/docs

.PHONY: test
test: $(INSTALLED) $(SECURITY_INSTALLED) lint ## Everything that must be green before a change lands
	@# Two workers, whole files each: fixtures such as a deployed stack are made once a worker.
	@# What a test leaves in the working tree fails the run.
	$(BIN)/python -m tools.unchanged $(BIN)/pytest -n 2 --dist loadfile

.PHONY: soak
soak: $(INSTALLED) $(SECURITY_INSTALLED) ## The long forms: more seeds, more kills, half an hour and more
	@# Linux on x86-64 alone has this fuzzer, so it is not among what everybody installs.
	$(BIN)/pip install -q --disable-pip-version-check -r requirements-soak.txt
	$(BIN)/pytest -m soak

.PHONY: bench
bench: $(INSTALLED) ## Measure the functions beside two controls and write docs/benchmarks.md; some minutes
	$(BIN)/python -m tools.benchmarks

.PHONY: alert-quality
alert-quality: $(INSTALLED) ## Simulate every fault and write docs/alert-quality.md; some minutes
	$(BIN)/python -m tools.alert_quality

.PHONY: format
format: $(INSTALLED) ## Format and sort what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: $(INSTALLED) ## Pin the newest versions that fit the *.in files
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header --generate-hashes \
	  handlers/requirements.in -o handlers/requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header \
	  -c handlers/requirements.txt requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header \
	  -c handlers/requirements.txt -c requirements.txt requirements-dev.in -o requirements-dev.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header \
	  requirements-security.in -o requirements-security.txt

.PHONY: clean
clean: ## Remove what was built and installed
	rm -rf $(VENV) $(SECURITY_VENV) .build .localcloud .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
