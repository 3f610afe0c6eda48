# Everything there is to do here; `make` alone lists it. Needs Python 3.11 and make, nothing more:
# the rest is set up in .venv by the first target that wants it.

BIN := .venv/bin
PYTHON ?= $(shell for p in python3.11 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && echo $$p && break; \
	done)
ROOMS := core persistence edge adapters
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --extra node --extra adapters --group build \
	--generate-hashes --python-version 3.11 --python-platform linux \
	--custom-compile-command 'make lock'
# google/api and google/rpc lie beside the Python of googleapis-common-protos.
GOOGLEAPIS := .venv/lib/python3.11/site-packages
PROTOC := $(BIN)/python -m grpc_tools.protoc -I protos -I $(GOOGLEAPIS)
PROTO_FILES := $(sort $(shell find protos -name '*.proto'))
GENERATED := -name '*_pb2.py' -o -name '*_pb2.pyi' -o -name '*_pb2_grpc.py'
# What buf needs of googleapis: a module that holds no more than what protos/ imports.
IMPORTED := google/api/field_behavior.proto google/rpc/status.proto
# Tests of the core, and of what loads and checks its state; not those that compile a copy of it.
COVERED := tests/core $(addprefix tests/persistence/, test_earlier_builds.py test_history.py \
	test_recovery.py test_schema.py test_verify.py)
COMPILED := tests/core/kernels/test_compiled.py
# Tests that meet a node as the outside world does: stories, hazards, kills, the checker of
# histories. Those of tests/edge/transports choose for themselves what is before theirs.
FRONTED := $(wildcard tests/edge/test_*.py) \
	$(addprefix tests/edge/, cli client history transports server/fronts)
REPORT := -q --durations=10 --durations-min=1
# Two processes. Each has files of its own, and takes from the other when it has none left.
SHARED := -n 2 --dist worksteal

# Tests start some hundred processes; without bytecode, each would compile all of Holdfast anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup dev types run replay demo kernels test test-slow test-fronts test-ngh2 coverage \
	check fix scripts-accept protos verify-protos release-protos bench load lock dist clean

help:  ## List the targets.
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Set-up

setup: .venv/.run-ready  ## Install what running needs into .venv.

dev: .venv/.dev-ready types  ## Install the tools for tests and checks as well.

types:  # Links through which checkers find holdfast.*; the program does not need them.
	@mkdir -p build/types/holdfast
	@for room in $(ROOMS); do ln -sfn ../../../$$room build/types/holdfast/$$room; done
	@for wire in protos/holdfast/*/; do \
		ln -sfn ../../../$${wire%/} build/types/holdfast/$$(basename $$wire); done

.venv/bin/pip:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo 'Holdfast needs Python 3.11. Name it: make PYTHON=path/to/python3.11'; exit 1; }
	@"$(PYTHON)" -m venv .venv

.venv/.run-ready: requirements/node.txt pyproject.toml | .venv/bin/pip
	@echo 'Installing Holdfast into .venv (once, about a minute) ...'
	@$(PIP_INSTALL) --require-hashes -r requirements/node.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev-ready: requirements/dev.txt .venv/.run-ready
	@echo 'Installing the tools for tests and checks (once, about a minute) ...'
	@$(PIP_INSTALL) --require-hashes -r requirements/dev.txt
	@touch $@

.venv/.bench-ready: requirements/bench.txt .venv/.run-ready
	@echo 'Installing the tools for benches and load (once, about a minute) ...'
	@$(PIP_INSTALL) --require-hashes -r requirements/bench.txt
	@touch $@

# Use

run: .venv/.run-ready  ## Replay orders into ./data and serve them to play with (ORDERS=file).
	@$(BIN)/python -m bench.replay --serve $(if $(ORDERS),--orders "$(ORDERS)")

replay: ORDERS ?= ../shared/data/uci-online-retail/online_retail.csv.gz
replay: .venv/.run-ready  ## Replay a real year of orders and check every unit (ORDERS=file).
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
		$(BIN)/python -m bench.replay --orders "$(ORDERS)" --data-dir "$$folder"

demo: .venv/.dev-ready  ## Play a promotion over channels, stores and an ERP (SEED=, SECONDS=).
	@$(BIN)/python -m bench.demo $(if $(SEED),--seed "$(SEED)") \
		$(if $(SECONDS),--seconds "$(SECONDS)")

# Judge

# Before two processes of the tests would each compile them.
kernels: .venv/.run-ready  ## Compile the kernels, unless that is done.
	@$(BIN)/python -c 'from holdfast.core.warm import warm_up; warm_up()'

test: .venv/.dev-ready kernels  ## Run the tests.
	@$(BIN)/pytest $(REPORT) $(SHARED)

coverage: .venv/.dev-ready  ## Measure branch coverage of core and kernels; fail below the floor.
	@rm -rf build/coverage && mkdir -p build/coverage
	@$(BIN)/coverage run -m pytest $(REPORT) $(SHARED) $(COVERED) --ignore $(COMPILED)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage html --quiet --fail-under=0
	@$(BIN)/coverage report

test-slow: .venv/.dev-ready .venv/.bench-ready  ## Run the tests that take longer.
	@$(BIN)/pytest -q -m slow

test-fronts: .venv/.dev-ready kernels  ## Run tests of the edge with two fronts.
	@TEST_FRONTS=2 $(BIN)/pytest $(REPORT) $(SHARED) $(FRONTED)

test-ngh2: .venv/.dev-ready kernels  ## Run tests of the edge over the other transport.
	@TEST_TRANSPORT=ngh2 $(BIN)/pytest $(REPORT) $(SHARED) $(FRONTED)

check: .venv/.dev-ready types verify-protos build/now.binpb  ## Lint, types, wire, stale protos.
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/buf lint
	@$(BIN)/buf breaking build/now.binpb --against protos/released.binpb

fix: .venv/.dev-ready  ## Mend what the linter and the formatter can mend.
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

scripts-accept: .venv/.dev-ready  ## Rewrite what the stories expect; read the diff.
	@HOLDFAST_ACCEPT=1 $(BIN)/pytest -q tests/core/test_scripts.py

protos: .venv/.dev-ready  ## Generate the Python beside the .proto files.
	@find protos $(GENERATED) | xargs rm -f
	@$(PROTOC) --python_out=protos --pyi_out=protos --grpc_python_out=protos $(PROTO_FILES)

verify-protos: .venv/.dev-ready  ## Fail when generated code is not what the .proto files give.
	@rm -rf build/protos && mkdir -p build/protos
	@$(PROTOC) --python_out=build/protos --pyi_out=build/protos --grpc_python_out=build/protos \
		$(PROTO_FILES)
	@diff -r -x '*.proto' -x '__init__.py' -x py.typed -x __pycache__ \
		build/protos/holdfast protos/holdfast || { echo 'Stale: run make protos.'; exit 1; }

# The contract that callers have, to which `make check` compares. Renew it with every release, and
# before the first one whenever the wire is changed on purpose; between releases, a wire that breaks
# it fails the check.
release-protos: build/googleapis  ## Take the wire as it is for the one that callers have.
	@$(BIN)/buf build --exclude-source-info -o protos/released.binpb

build/now.binpb: $(PROTO_FILES) buf.yaml build/googleapis
	@$(BIN)/buf build -o $@

build/googleapis: .venv/.dev-ready
	@rm -rf $@
	@for file in $(IMPORTED); do mkdir -p $@/$$(dirname $$file) && \
		cp $(GOOGLEAPIS)/$$file $@/$$file; done

bench: .venv/.bench-ready  ## Measure, and write bench/report.
	@$(BIN)/python -m bench && $(BIN)/python -m bench.harness.plots

# The twins of channels need what tests need.
load: .venv/.dev-ready .venv/.bench-ready  ## Rehearse and judge (PROFILE=, TARGET=, DURATION=).
	@$(BIN)/python -m bench.rehearsal $(PROFILE) $(if $(TARGET),--target "$(TARGET)") \
		$(if $(DURATION),--duration "$(DURATION)") $(if $(USERS),--users "$(USERS)") \
		$(if $(RATE),--rate "$(RATE)") $(if $(OBJECTIVES),--objectives "$(OBJECTIVES)")

# Ship

lock: | .venv/.dev-ready  ## Rewrite requirements/ (UPGRADE=1 takes newer versions).
	@$(LOCK) $(if $(UPGRADE),--upgrade) -o requirements/node.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --extra ngh2 --extra parquet --extra sftp \
		--extra adapters-nats --group test --group check -c requirements/node.txt \
		-o requirements/dev.txt
	@$(LOCK) $(if $(UPGRADE),--upgrade) --group bench -c requirements/dev.txt \
		-o requirements/bench.txt

dist: .venv/.dev-ready  ## Build the wheel into dist/.
	@rm -rf build/lib build/bdist.*  # setuptools would ship files that are gone from the tree
	@$(BIN)/python -m build --wheel --no-isolation

clean:  ## Remove what builds and checks leave behind; .venv and data/ stay.
	@rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
