# `make demo` and `make test` do all their own set-up, once, in .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
HOME_DIR ?= $(CURDIR)/.slipway
KEEP ?= 1
SIM ?=
JOBS ?= 3
VENV := .venv
RUN := $(VENV)/bin

.PHONY: setup demo up test check format bench hostile clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed: install it, or set PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv module is missing: sudo apt-get install python3-venv"; exit 1; }
	@echo "==> a virtual environment in $(VENV)"
	@"$(PYTHON)" -m venv $(VENV) || { echo "$(VENV) could not be made: see the lines above"; exit 1; }
	@echo "==> the locked dependencies (about a minute)"
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --require-hashes --retries 2 --no-compile -r requirements.lock || { echo "the dependencies could not be installed: check the network and pip's own settings, then run make again"; exit 1; }
	@$(RUN)/python -m compileall -q -j 0 $(VENV)/lib || true # pip would do it on one core, in half of its time; what does not compile fails where it is imported
	@$(RUN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	@SLIPWAY_HOME="$(HOME_DIR)" $(RUN)/slipway demo $(if $(filter 0 no,$(KEEP)),--no-keep,--keep)

up: setup
	@SLIPWAY_HOME="$(HOME_DIR)" $(if $(filter 1 yes,$(SIM)),$(RUN)/python -m tests.fakes.telegram_page) $(RUN)/slipway up

test: setup
	$(RUN)/python -m pytest --numprocesses $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

check: setup
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	$(RUN)/lint-imports

format: setup
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

hostile: setup
	$(RUN)/python -m pytest tests/hostile $(ARGS)

bench: setup
	$(RUN)/python -m tests.bench $(PART) $(ARGS)

clean:
	rm -rf $(VENV) .slipway .mypy_cache .ruff_cache
