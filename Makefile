# `make book` and `make test` are all it takes on a fresh machine with Python 3.11 or later.
PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
MODE ?= fast
OPEN_AT ?= 8000
TEST_JOBS ?= $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() or 1))')

.PHONY: book test test-slurm test-browser test-colab figure serve pair clean bench throughput

book: $(VENV)/.ready ## run every chapter and build the HTML; BUDGET_MIN=50 limits the time, MODE the depth
	$(PY) -m mempaper build --mode $(MODE) $(if $(BUDGET_MIN),--budget-min $(BUDGET_MIN))

test: $(VENV)/.ready ## lint, types, unit tests, reference numbers, every notebook in smoke mode, links
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/book.yml
	$(PY) -m pytest -n $(TEST_JOBS) --dist loadfile -p no:benchmark

test-slurm: $(VENV)/.ready ## sweeps on a Slurm that runs on this machine
	$(PY) -m pytest tests/test_sweep_slurm.py -m slurm

test-browser: $(VENV)/.ready ## every page of the built book in headless Chromium (needs chromium, chromium-driver, npm)
	@command -v npm >/dev/null || { echo "npm is missing: apt-get install npm"; exit 1; }
	npm install --prefix _build/npm --no-save --no-audit --no-fund --silent axe-core@4.14.1
	$(PY) -m pytest tests/browser -m browser

test-colab: $(VENV)/.ready ## chapters as on Colab and Binder, and the wheel, in fresh environments
	$(PY) -m pytest tests/colab -m colab

figure: $(VENV)/.ready ## one chapter: make figure FIG=ritter2018/fig4_correct_rate MODE=full
	$(if $(FIG),,$(error name a chapter: make figure FIG=ritter2018/fig4_correct_rate))
	$(PY) -m mempaper run $(FIG) --mode $(MODE)

serve: ## look at the built book at http://localhost:8000
	$(PY) -m http.server $(OPEN_AT) --bind localhost --directory _build/html

pair: $(VENV)/.ready ## write the notebooks anew from their .py sources
	$(PY) -m mempaper pair

bench: $(VENV)/.ready ## every training loop beside a plain implementation, for the page "Speed and cost"
	@mkdir -p _build
	$(PY) -m pytest benchmarks --benchmark-only --benchmark-json=_build/bench.json
	$(PY) benchmarks/speed.py _build/bench.json

throughput: $(VENV)/.ready ## measure what updates cost, for estimates of sweeps
	$(PY) benchmarks/throughput.py

clean: ## remove what builds and runs have made
	rm -rf _build runs .jupyter_cache

$(VENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "mempaper needs Python 3.11 or later; name one with make PYTHON=..."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet -r requirements.txt
	$(PY) -m pip install --quiet --no-deps -e .
	@touch $@
