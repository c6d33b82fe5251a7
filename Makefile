# make demo: the shortest way to see it work. make test: everything. Both install what is missing.

unexport PYTHONDONTWRITEBYTECODE # tests start Python hundreds of times

PY := .venv/bin/python
BESIDE := -n logical --dist loadfile --no-loadscope-reorder # a file's tests share what they need

.PHONY: demo test test-fast coverage fuzz kills mutants lint pictures wheel sbom install install-for-tests clean

demo: install
	@.venv/bin/skybed run sc-mini --report

test: install-for-tests lint
	@$(PY) -m pytest $(BESIDE) -m "not alone"
	@$(PY) -m pytest -m alone

test-fast: install-for-tests
	@$(PY) -m pytest $(BESIDE) -m "not live and not netns"

coverage: install-for-tests
	@$(PY) -m coverage run -m pytest $(BESIDE) -m "not alone"
	@$(PY) -m coverage combine --quiet
	@$(PY) -m coverage report

# Scenarios that nobody means, other ones each time: make fuzz FUZZ=100000
FUZZ := 20000
fuzz: install-for-tests
	@FUZZ=$(FUZZ) $(PY) -m pytest tests/fuzz

# Every process of a run killed in every way, some twenty minutes
kills: install-for-tests
	@KILLS=all $(PY) -m pytest tests/live/test_kills.py

# What the fast tests would not notice. A quick look: make mutants MUTANTS="verdict --sample 200"
MUTANTS :=
mutants: install-for-tests
	@PYTHONPATH=src:tests nice $(PY) -m mutants $(MUTANTS)

lint: install
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check --quiet .
	@$(PY) -m mypy

pictures: install-for-tests
	@PYTHONPATH=tests $(PY) -m support.pictures

# The same commit gives the same bytes.
wheel: install
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(PY) -m pip wheel . --no-deps --wheel-dir dist --quiet

# What is installed, as CycloneDX has it, by a tool that stays out of the environment it looks at.
sbom: install
	@mkdir -p build dist
	@python3 -m venv build/sbom
	@build/sbom/bin/pip install --quiet cyclonedx-bom
	@build/sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible -o dist/skybed.cdx.json $(PY)

install:
	@scripts/install

install-for-tests:
	@scripts/install --tests

clean:
	@if [ -x .venv/bin/skybed ]; then .venv/bin/skybed clean || true; fi
	@rm -rf build dist src/*.egg-info .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
