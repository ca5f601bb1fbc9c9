# Everything a person or CI does here. `make demo` and `make test` set up what they need by themselves.

PYTHON ?= python3
BIN := .venv/bin
# More than there are cores, because tests often wait for processes.
TESTS_AT_ONCE ?= 3

.PHONY: help setup check test test-redis test-stores demo bench bench-peers stress up lock clean
help:            ## list these targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

setup: .venv/ready  ## make .venv from the lock file
.venv/ready: requirements-dev.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

check: setup     ## style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: check      ## check, then every test but the long stress run; three files at a time
	$(BIN)/python -m pytest --numprocesses $(TESTS_AT_ONCE) --dist loadfile --no-loadscope-reorder

REDIS ?= /usr/bin/redis-server
SERVED := tests/contract tests/integration/test_embedded_redis.py tests/integration/test_several_workers.py \
	tests/integration/test_ledger.py tests/integration/test_ledger_model.py tests/integration/test_redis_restart.py \
	tests/integration/test_redis_rights.py tests/integration/test_sink_redis.py tests/integration/test_sink_room.py

test-redis: setup  ## tests of what is kept in Redis, on your own server: make test-redis REDIS=/usr/bin/redis-server
	mkdir -p build/redis && ln -sf $(REDIS) build/redis/valkey-server && build/redis/valkey-server --version
	PATH="$(CURDIR)/build/redis:$$PATH" $(BIN)/python -m pytest --numprocesses 2 --dist loadfile $(SERVED)

AZURITE := http://127.0.0.1:10100/devstoreaccount1

test-stores: setup  ## tests of Azure's buckets, on its emulator Azurite from npm
	npm install --silent --no-audit --no-fund --prefix build/azurite azurite
	build/azurite/node_modules/.bin/azurite-blob --silent --disableTelemetry --inMemoryPersistence --skipApiVersionCheck --blobPort 10100 & \
	trap "kill $$!" EXIT; MILLRACE_TEST_AZURE=$(AZURITE) $(BIN)/python -m pytest -k az tests/contract \
	tests/integration/test_sink_kills.py tests/integration/test_sink_s3.py tests/integration/test_sink_manifest.py tests/integration/test_dead_rows.py

demo: setup      ## the main job from start to end on embedded parts; KEEP=1 keeps its page running
	$(BIN)/millrace demo $(if $(KEEP),--keep)

bench: setup     ## speed and memory, as ratios within one run
	$(BIN)/python -m bench

bench-peers: setup  ## the same pages read by dlt, Airbyte CDK and Singer SDK, in their own environment
	test -x build/peers/bin/python || $(PYTHON) -m venv build/peers
	build/peers/bin/pip install --quiet --disable-pip-version-check "dlt[filesystem]" airbyte-cdk singer-sdk
	$(BIN)/python -m bench peers

stress: setup    ## the long run under kills, restarts and cut connections
	$(BIN)/python -m tests.stress

up:              ## Redis, api, beat, control, stream and Flower in containers
	docker compose up --build

COMPILE := $(BIN)/pip-compile --quiet --generate-hashes --allow-unsafe --strip-extras --no-header \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options

lock: setup      ## renew both lock files from pyproject.toml
	$(COMPILE) --extra dev --output-file requirements-dev.lock pyproject.toml
	$(COMPILE) --constraint requirements-dev.lock --extra otel --extra parquet --extra buckets --output-file requirements.lock pyproject.toml

clean:           ## remove the virtual environment and the data of earlier runs
	rm -rf .venv data .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
