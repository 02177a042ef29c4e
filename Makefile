# Weftline: two commands matter, `make demo` and `make test`. `make help` lists the rest.
SHELL  := /bin/bash
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
LOCKS  := deploy/locks
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Where this is set, as it is in many containers, each program compiles its 1,400 modules anew at every start: 5.3 s of CPU for a
# processor instead of 2.8 (on a busy machine), and the tests start hundreds of programs.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

# pip installs one pinned, hashed uv; uv installs the rest in seconds, every file checked against its hash.
$(STAMP): $(LOCKS)/dev.txt $(LOCKS)/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "Weftline needs Python 3.11, 3.12 or 3.13, this is %d.%d" % sys.version_info[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCKS)/uv.txt
	@$(BIN)/uv pip sync --python $(BIN)/python --require-hashes $(LOCKS)/uv.txt $(LOCKS)/dev.txt
	@$(BIN)/uv pip install --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: help install demo up test quick lint format bench crash clean lock
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## Make .venv with everything that is pinned under deploy/locks

demo: $(STAMP) ## Start everything and watch a simulated month; FOR=60 plays 60 s, compares and ends
	@exec $(BIN)/weftline demo $(if $(FOR),--for $(FOR))

up: $(STAMP) ## Start Kafka, ClickHouse, the processors, the board and the gateway on .weftline; Ctrl-C stops, data stay
	@exec $(BIN)/weftline up

test: lint ## Style, types and all tests, three files at a time; T=tests/unit runs a part, ARGS="-k word" goes to pytest
	@exec $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(T) $(ARGS)

quick: $(STAMP) ## The tests that start no server, in a minute or two
	@exec $(BIN)/python -m pytest -n 2 --dist worksteal -q tests/unit tests/contract $(ARGS)

lint: $(STAMP) ## Check style and types
	@$(BIN)/ruff check services tests
	@$(BIN)/ruff format --check services tests
	@$(BIN)/mypy

format: $(STAMP) ## Lay the code out anew
	@$(BIN)/ruff check --fix --quiet services tests
	@$(BIN)/ruff format services tests

bench: $(STAMP) ## Our processor beside its peers, in one run; ARGS="--events 60000 --rounds 5 --json"
	@test -x .venv-bench/bin/python || $(PYTHON) -m venv .venv-bench
	@$(BIN)/uv pip sync --quiet --python .venv-bench/bin/python --require-hashes $(LOCKS)/bench.txt
	@$(BIN)/uv pip install --quiet --python .venv-bench/bin/python --no-deps --no-build-isolation --editable .
	@exec .venv-bench/bin/python -W ignore -m tests.bench.speed $(ARGS)

crash: $(STAMP) ## Kill, freeze and cut off the real programs: KILLS=50 SEED=1 FOR=0; then compare every table
	@exec $(BIN)/python -W ignore -m tests.crash.fire --kills $(or $(KILLS),50) --seed $(or $(SEED),1) --for $(or $(FOR),0)

clean: ## Remove .venv, caches and the data of demonstrations; the data of `make up` stay
	@rm -rf $(VENV) .venv-bench .pytest_cache .mypy_cache .ruff_cache .hypothesis dist .weftline/demo .weftline/demo-*
	@find services tests -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(STAMP) ## Resolve the pins anew (only when a dependency in pyproject.toml changes)
	@printf 'uv==0.13.9\n' | $(BIN)/uv pip compile - --universal --python-version 3.11 --generate-hashes --no-header -q -o $(LOCKS)/uv.txt
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-header -q -o $(LOCKS)/dev.txt
	@$(BIN)/uv pip compile pyproject.toml --extra bench --universal --python-version 3.11 --generate-hashes --no-header -q -o $(LOCKS)/bench.txt
	@$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header -q -c $(LOCKS)/dev.txt -o $(LOCKS)/sdk.txt
	@$(BIN)/uv pip compile pyproject.toml --extra processors --extra epcis --extra gateway --extra notify --universal --python-version 3.11 --generate-hashes --no-header -q \
	    -c $(LOCKS)/dev.txt -o $(LOCKS)/image.txt
