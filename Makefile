# make demo · make test · make bench: each sets up all that it needs, in .venv; what `make bench`
# compares with goes into .venv-bench.
# The same file serves this repository and the workspaces that `fortnight new` makes.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
READY := .venv/.ready
BENCH := $(wildcard nbs/demos/bench.ipynb)
PEERS := $(wildcard requirements-bench.lock)
LOCKS := $(filter-out $(PEERS),$(wildcard requirements*.lock))
# This repository's tests start many processes and wait for them; a new workspace has but a few.
SPREAD := $(if $(BENCH),-n 2 --dist loadfile)
# A workspace brings its fortnight along; this repository is it.
LOCAL := $(wildcard vendor/*.whl) -e .

.PHONY: help setup demo test soak bench lock hooks clean

help:
	@echo "make demo    this sprint's reports, and where to look at them"
	@echo "make test    every check and every test"
ifneq ($(BENCH),)
	@echo "make bench   the benchmarks, as a report"
	@echo "make soak    the tests that take random cases, with many more of them"
endif
	@echo "make hooks   the same checks before every commit, and notebook diffs in git"
	@echo "make lock    the newest versions into requirements.lock"
	@echo "make clean   remove what make made; reports stay, and what an export replaced"

demo: $(READY)
	$(BIN)/fortnight report

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/fortnight export --check
	$(BIN)/python -m pytest $(SPREAD)

ifneq ($(BENCH),)
soak: $(READY)
	FORTNIGHT_SOAK=200 $(BIN)/python -m pytest tests/unit tests/functional -k "not new_workspace"

bench: $(READY) $(if $(PEERS),.venv-bench/.ready)
	$(BIN)/fortnight report bench peers
endif

setup: $(READY)

# An environment in folder $(1) with the lock files $(2), and $(3) from this folder.
ifneq ($(UV),)
define environment
	@echo "Setting up $(1) with uv; the first time takes a minute or two."
	@UV_PYTHON_DOWNLOADS=never $(UV) venv --quiet --clear --python $(PYTHON) $(1)
	@$(UV) pip install --quiet --python $(1)/bin/python --require-hashes $(addprefix -r ,$(2))
	$(if $(3),@$(UV) pip install --quiet --python $(1)/bin/python --no-deps --no-build-isolation $(3))
endef
else
define environment
	@echo "Setting up $(1) with pip; the first time takes a minute or two."
	@$(PYTHON) -m venv --clear $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$(2))
	$(if $(3),@$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(3))
endef
endif

# The stamp comes last, so that an interrupted set-up is done again.
$(READY): $(LOCKS) pyproject.toml setup.py $(wildcard vendor/*.whl)
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	$(call environment,.venv,$(LOCKS),$(LOCAL))
	@.venv/bin/python -m compileall -q pkg  # where Python is told not to, it would at every start
	@touch $@

.venv-bench/.ready: $(PEERS) | $(READY)
	$(call environment,.venv-bench,$(PEERS))
	@touch $@

lock: $(READY)
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --upgrade \
		$(if $(wildcard vendor),--find-links vendor --no-emit-package fortnight) \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o requirements.lock
	@for extra in $(wildcard requirements-*.in); do \
		$(BIN)/uv pip compile $$extra -c requirements.lock --universal --python-version 3.11 --upgrade \
			--generate-hashes --no-header --no-annotate --no-emit-index-url --quiet -o $${extra%.in}.lock || exit 1; \
	done

hooks: $(READY)
	$(BIN)/pre-commit install
	git config --local include.path ../.gitconfig

clean:
	rm -rf .venv .venv-bench .fortnight/runs reports/site build dist pkg/*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
