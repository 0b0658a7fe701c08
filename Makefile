# make demo · make test · make bench: each sets up all that it needs, in .venv.
# The same file serves this repository and the workspaces that `fortnight new` makes.

PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
UV := $(shell command -v uv 2>/dev/null)
BIN := .venv/bin
READY := .venv/.ready
BENCH := $(wildcard nbs/demos/bench.ipynb)
LOCKS := $(wildcard requirements*.lock)
# A workspace brings its fortnight along; this repository is it.
LOCAL := $(wildcard vendor/*.whl) -e .

.PHONY: help setup demo test bench lock hooks clean

help:
	@echo "make demo    this sprint's reports, and where to look at them"
	@echo "make test    every check and every test"
ifneq ($(BENCH),)
	@echo "make bench   the benchmarks, as a report"
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
	$(BIN)/python -m pytest

ifneq ($(BENCH),)
bench: $(READY)
	$(BIN)/fortnight report bench
endif

setup: $(READY)

# The stamp comes last, so that an interrupted set-up is done again.
$(READY): $(LOCKS) pyproject.toml setup.py $(wildcard vendor/*.whl)
	@test -n "$(PYTHON)" || { echo "This needs Python 3.11 or later. Install it, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; exit 1; }
	@echo "Setting up .venv with $(if $(UV),uv,pip); the first time takes a minute or two."
ifneq ($(UV),)
	@UV_PYTHON_DOWNLOADS=never $(UV) venv --quiet --clear --python $(PYTHON) .venv
	@$(UV) pip install --quiet --python $(BIN)/python --require-hashes $(addprefix -r ,$(LOCKS))
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation $(LOCAL)
else
	@$(PYTHON) -m venv --clear .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes $(addprefix -r ,$(LOCKS))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(LOCAL)
endif
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
	rm -rf .venv .fortnight/runs reports/site build dist pkg/*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
