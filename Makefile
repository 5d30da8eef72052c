# Every command of the project. `make run` on a bare machine needs Python, make and git, no more.

PYTHON ?= python3
BIN := .venv/bin
LOCK := deploy/requirements-dev.lock
# Wheels of Python's own interpreter only: uv never fetches another one.
export UV_PYTHON_DOWNLOADS := never
# What is imported is compiled once and kept: a start without that takes twice as long.
unexport PYTHONDONTWRITEBYTECODE

# Named after the lock's content, so that a new lock, and nothing else, makes a new environment.
STAMP := .venv/.synced-$(shell cksum < $(LOCK) | cut -d ' ' -f 1)

.PHONY: env run test faults check check-types check-rest format bench oracles nightly lock messages
.DEFAULT_GOAL := run

env: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with PYTHON=…")'
	@echo "Preparing .venv: once for every change of $(LOCK)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python $(LOCK)
	@# `pytest`, `celery` and `granian` find the project from any folder.
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/allo_quartiers.pth"
	@rm -f .venv/.synced-*
	@touch $@

# PORT= and DATA_DIR= choose where; both reach the command through the environment.
run: env
	@exec $(BIN)/python manage.py up --with-parent

# ARGS= are pytest's own, e.g. ARGS="-k quota -x". One worker more than cores: browsers and clients
# leave some of them waiting.
WORKERS := $(shell $(PYTHON) -c 'import os; print(min(len(os.sched_getaffinity(0)), 3) + 1)')
test: env
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -r s $(ARGS)

# Types take as long as all the rest, beside which they are checked.
check: env
	@$(MAKE) --no-print-directory --jobs 2 check-types check-rest

check-types:
	$(BIN)/mypy

# From the quickest to the slowest, so that a slip is told at once.
check-rest:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
	$(BIN)/djade --check --target-version 5.2 $$(find templates -name '*.html')
	$(BIN)/djhtml --check --extra-block partialdef,endpartialdef templates
	$(BIN)/python -m cati.embedded -- sh -ec "$$CHECK_ON_ENGINES"

# What a production server would set; the database is a new one with every migration.
define CHECK_ON_ENGINES
$(BIN)/python manage.py makemigrations --check --dry-run
export DEBUG=0 DEMO=0 SECURE=1 ALLOWED_HOSTS=cati.example.org
export CSRF_TRUSTED_ORIGINS=https://cati.example.org
export SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')
export PHONE_KEY_SECRET=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))')
$(BIN)/python manage.py migrate --verbosity 0
$(BIN)/python manage.py check --deploy --database default --fail-level WARNING
endef
export CHECK_ON_ENGINES

# Puts right what `check` would only complain of.
format: env
	$(BIN)/ruff check --fix-only --quiet
	$(BIN)/ruff format --quiet
	$(BIN)/djade --target-version 5.2 $$(find templates -name '*.html')
	$(BIN)/djhtml --extra-block partialdef,endpartialdef templates

# Slower than the suite: whole waves, many clients at once, whole products, killed workers.
faults: env
	$(BIN)/python -m pytest -m "(faults or slow) and not nightly and not bench" -n auto --maxprocesses 2 \
	  --dist worksteal $(ARGS)

bench: env
	$(BIN)/python -m pytest -m bench --capture=no $(ARGS)

# The engines that `make bench` compares with, in an environment that the product never sees.
oracles: env
	@test -x .venv/oracles/bin/python || $(PYTHON) -m venv .venv/oracles
	$(BIN)/uv pip install --quiet --python .venv/oracles/bin/python --group oracles

nightly: env
	$(BIN)/python -m pytest -m nightly $(ARGS)

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --python-version 3.11 --extra embedded

# Keeps the versions that still fit; ARGS=--upgrade takes newer ones.
lock: env
	$(COMPILE) $(ARGS) pyproject.toml -o deploy/requirements.lock
	$(COMPILE) $(ARGS) --group dev pyproject.toml -o $(LOCK)

# Needs GNU gettext, which only translators need: the compiled catalogues are committed.
messages: env
	$(BIN)/python manage.py makemessages --locale en --ignore .venv --no-location
	$(BIN)/python manage.py compilemessages --ignore .venv
