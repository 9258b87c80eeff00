# The targets a newcomer needs are `demo` and `test`; `make help` lists the rest.
# Recipes that start something long `exec` it, so that the process they start has make itself as its parent
# and notices when make is gone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Which packages an environment holds: those of `make demo`, or these and the rest of `make test`, or the fuzzer too.
DEMO := $(VENV)/.installed-demo
TEST := $(VENV)/.installed-test
SOAK := $(VENV)/.installed-soak
# What scans the infrastructure pins a botocore of its own.
SECURITY_VENV := .venv-security
SECURITY := $(SECURITY_VENV)/.installed-security
INSTALL = @LOCALCLOUD_PARENT=$$PPID exec $(PYTHON) tools/install.py

# `python -m` finds the packages of this folder only without it.
export PYTHONSAFEPATH :=
# Without bytecode, each of the hundreds of processes that demo and tests start compiles the same modules again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(DEMO): requirements/demo.txt
	$(INSTALL) $(VENV) requirements/demo.txt --megabytes 350

$(TEST): requirements/test.txt $(DEMO)
	$(INSTALL) $(VENV) requirements/demo.txt requirements/test.txt --megabytes 950 --bytecode

$(SOAK): requirements/soak.txt $(TEST)
	$(INSTALL) $(VENV) requirements/demo.txt requirements/test.txt requirements/soak.txt --megabytes 1100 --bytecode

$(SECURITY): requirements/security.txt
	$(INSTALL) $(SECURITY_VENV) requirements/security.txt --megabytes 300 --bytecode

.PHONY: install
install: $(TEST) ## Make .venv with everything for development

.PHONY: demo
demo: $(DEMO) ## Deploy everything on this machine, send logins, ask the API; then a drill: the consumer stops
	@LOCALCLOUD_PARENT=$$PPID exec $(BIN)/python -m localcloud demo
	@LOCALCLOUD_PARENT=$$PPID exec $(BIN)/python -m localcloud drill consumer-stopped

.PHONY: drill-simulated
drill-simulated: $(DEMO) ## The same drill in seconds, of stack prod: traffic, metrics and time are a model's
	@LOCALCLOUD_PARENT=$$PPID exec $(BIN)/python -m simulation.drill

.PHONY: boards
boards: $(DEMO) ## Draw the boards from a simulated week: HTML, and pictures where there is Chromium
	@exec $(BIN)/python -m tools.pictures

.PHONY: lint
lint: $(TEST) ## Style, direction of imports, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyrefly check

.PHONY: check
check: lint ## Lint, types and unit tests, in about half a minute
	@# Without the tests that build artifacts or measure costs: `make test` has them.
	$(BIN)/pytest -q -n 2 --dist loadfile tests/handlers tests/components tests/docs \
		--ignore-glob='tests/components/test_artifact*' --ignore=tests/handlers/test_request_counts.py

.PHONY: test
test: $(TEST) $(SECURITY) lint ## Everything that must be green before a change lands
	@# Whole files each: fixtures such as a deployed stack are made once a worker. Four workers, because half of a test is
	@# waiting: two leave a quarter of two cores idle.
	@# What a test leaves in the working tree fails the run.
	$(BIN)/python -m tools.unchanged $(BIN)/pytest -n 4 --dist loadfile

.PHONY: soak
soak: $(SOAK) $(SECURITY) ## The long forms: more seeds, more kills, half an hour and more
	$(BIN)/pytest -m soak

.PHONY: bench
bench: $(TEST) ## Measure the functions beside two controls and write docs/benchmarks.md; some minutes
	$(BIN)/python -m tools.benchmarks

.PHONY: alert-quality
alert-quality: $(TEST) ## Simulate every fault and write docs/alert-quality.md; some minutes
	$(BIN)/python -m tools.alert_quality

.PHONY: format
format: $(TEST) ## Format and sort what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: lock
lock: COMPILE = $(BIN)/uv pip compile -q --universal --python-version 3.11 --no-annotate --no-header
lock: $(TEST) ## Pin the groups of pyproject.toml again; a pinned version that still fits stays
	$(COMPILE) --generate-hashes --group functions -o handlers/requirements.txt
	$(COMPILE) --group program -c handlers/requirements.txt -o requirements.txt
	$(COMPILE) --group demo -c handlers/requirements.txt -c requirements.txt -o requirements/demo.txt
	$(COMPILE) --group test -c requirements/demo.txt -o requirements/test.txt
	$(COMPILE) --group soak -c requirements/test.txt -o requirements/soak.txt
	$(COMPILE) --group security -o requirements/security.txt

.PHONY: clean
clean: ## Remove what was built and installed
	rm -rf $(VENV) $(SECURITY_VENV) .build .localcloud .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
