# Every command of the project. `make run` on a bare machine needs Python, make and git, no more.

PYTHON ?= python3
BIN := .venv/bin
LOCK := deploy/requirements-dev.lock
# Wheels of Python's own interpreter only: uv never fetches another one.
export UV_PYTHON_DOWNLOADS := never

# Named after the lock's content, so that a new lock, and nothing else, makes a new environment.
STAMP := .venv/.synced-$(shell cksum < $(LOCK) | cut -d ' ' -f 1)

.PHONY: env run test check bench nightly lock messages
.DEFAULT_GOAL := run

env: $(STAMP)

$(STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say which with PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --compile-bytecode $(LOCK)
	@# `pytest`, `celery` and `granian` find the project from any folder.
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/allo_quartiers.pth"
	@rm -f .venv/.synced-*
	@touch $@

# PORT= and DATA_DIR= choose where; both reach the command through the environment.
run: env
	@exec $(BIN)/python manage.py up --with-parent

test: env
	$(BIN)/python -m pytest $(ARGS)
