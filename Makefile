# Two commands: `make train` and `make test`. Both make .venv first and install what constraints.txt pins.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: train test lint types slow campaign house clean

train: $(STAMP)
	$(BIN)/python train.py $(ARGS)

test: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "not slow" $(ARGS)

slow: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -q -m "slow and not campaign" $(ARGS)

# Kill campaigns, full matrices, soaks, mutants: too long for each change.
campaign: $(STAMP)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -m campaign $(ARGS)

house: $(STAMP)
	$(BIN)/python scripts/house.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select PLW1514 aurl scripts benchmarks  # Windows has an encoding of its own
	$(BIN)/ruff format --check .

types: $(STAMP)
	$(BIN)/mypy

# Torch first and alone: asked for together with others, pip may take a build with gigabytes of CUDA.
$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "$$(grep -E '^torch==' constraints.txt)"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
