# Two commands: `make demo` composes and plays a melody, `make test` runs the fast tests.
# PYTHON picks the interpreter (3.11 or newer), VENV the virtual environment.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CORE := $(VENV)/.installed-core
DEV := $(VENV)/.installed-dev
PIP := $(BIN)/python -m pip --disable-pip-version-check
SEED ?= 7
MINUTES ?= 10

.PHONY: help demo install test test-slow test-faults fuzz lint docs figures bench wheel clean

help:
	@echo "make demo       install into $(VENV), compose a melody, play it on the shipped piano: demo/melody.*"
	@echo "make test       install with the development tools, run the fast tests, lint, and build the site"
	@echo "make test-slow  the training-length tests"
	@echo "make test-faults  faults tried on purpose: full disks, kills, damaged and foreign files (docs/faults.md)"
	@echo "make fuzz MINUTES=10 SEED=7  mutants of small files through every reader; faults are kept in build/fuzz"
	@echo "make docs       the site, into build/site; warnings are errors"
	@echo "make bench      speed of the samplers on this machine"
	@echo "make figures    the pictures on the site"
	@echo "make wheel      build dist/orchestrion-*.whl"
	@echo "make clean      remove what the commands above made ($(VENV) included)"

demo:
	@start=$$(date +%s) && \
	echo "Installing into $(VENV) (a few minutes the first time) ..." && \
	$(MAKE) --no-print-directory install && \
	$(BIN)/orchestrion perform --seed $(SEED) --expression 0.7 -o demo && \
	printf '\nThat was make demo, set-up included: %s s. Three commands to try next:\n' $$(($$(date +%s) - start)) && \
	echo "  $(BIN)/orchestrion render ode-to-joy --instrument violin -o ode.wav" && \
	echo "  $(BIN)/orchestrion compose --model chorales --bars 8 --seed 3 -o chorale.mid" && \
	echo "  $(BIN)/orchestrion compare greensleeves --instrument piano -o compare"

test: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not slow and not gpu" -n auto --maxprocesses 4
	@$(MAKE) --no-print-directory lint docs

test-slow: $(DEV)
	$(BIN)/python -m pytest -m "slow and not gpu"

test-faults: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/faults -n auto --maxprocesses 4

fuzz: $(DEV)
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz --minutes $(MINUTES) --seed $(SEED)

lint: $(DEV)
	$(BIN)/python -m ruff check .
	$(BIN)/python -m mypy orchestrion

# Every link is checked, and nothing is fetched from elsewhere (docs/hooks/links.py).
docs: $(DEV)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict
	@echo "The site is build/site/index.html; with a search: $(BIN)/python -m http.server --directory build/site"

# The pictures on the site.
figures: $(CORE)
	$(BIN)/orchestrion perform --seed $(SEED) --expression 0.7 -o build/figures
	$(BIN)/orchestrion compare ode-to-joy --instrument violin --end 12 -o build/figures
	mkdir -p docs
	cp build/figures/melody.png docs/performance.png
	cp build/figures/report.png docs/comparison.png

bench: $(CORE)
	$(BIN)/orchestrion bench

wheel: $(DEV)
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) demo build dist orchestrion.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find orchestrion tests benchmarks -type d -name __pycache__ -prune -exec rm -rf {} +

install: $(CORE)
	@:

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Orchestrion needs Python 3.11 or newer; '$(PYTHON)' is older: run make with PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(CORE): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python .ci/torch_build.py
	$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python .ci/torch_build.py
	$(PIP) install --quiet --constraint constraints.txt --editable ".[train,studio,cluster,dev,docs]"
	@touch $@ $(CORE)
