# What a machine lacks is found, explained and installed by scripts/setup_environment.py.
PYTHON ?= python3
BIN := .venv/bin
.PHONY: setup run test check coverage soak bench build tools

setup:
	@$(PYTHON) scripts/setup_environment.py app

run: setup
	@$(BIN)/theragen

test: check
	QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest

check: tools
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy && $(BIN)/lint-imports

coverage: tools
	QT_QPA_PLATFORM=offscreen $(BIN)/coverage run -m pytest tests/theragen_core
	$(BIN)/coverage combine --quiet && $(BIN)/coverage report

soak: tools
	THERAGEN_SOAK=1 QT_QPA_PLATFORM=offscreen $(BIN)/python -m pytest -m "soak or not soak" \
		tests/soak tests/theragen_core/test_download.py

bench: tools
	$(BIN)/python -m bench

build: tools
	$(BIN)/pyinstaller --noconfirm build.spec

tools:
	@$(PYTHON) scripts/setup_environment.py tests
