# chainrule's tasks. They need make and Python >= 3.11; everything else is installed into .venv.
# `make PYTHON=python3.13 test` makes .venv with that Python, where there is no .venv yet.

PYTHON ?= python3
BIN = .venv/bin
PYTEST = -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder # long files of few tests must not come last

.SILENT:
.NOTPARALLEL:
.PHONY: help demo test quick lint stubs types docs check coverage figures bench wheel release soak clean

help: ## list the tasks
	awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

demo: .venv/installed-plot ## train XOR and MNIST, show the results and name the pictures
	$(BIN)/chainrule train xor
	$(BIN)/chainrule train mnist

test: .venv/installed-dev ## run the tests
	$(BIN)/python $(PYTEST)

quick: .venv/installed-dev ## run the tests of the core that take no time, while you write
	$(BIN)/python $(PYTEST) --quick tests/test_house.py tests/ops tests/graph tests/optim tests/nn tests/training

lint: .venv/installed-dev ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

stubs: .venv/installed-dev ## write what editors and type checkers read about ops
	$(BIN)/python .ci/stubs.py

types: .venv/installed-dev ## check the types
	$(BIN)/mypy

docs: .venv/installed-dev .venv/installed-docs ## run the examples in the docstrings, build docs/_build/html
	$(BIN)/python -m pytest --doctest-modules src/chainrule
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet --jobs auto -d docs/_build/doctrees docs docs/_build/html

check: lint types docs test ## all four

coverage: .venv/installed-dev ## show how much of each room the tests reach, in lines and branches
	$(BIN)/python -m pytest --numprocesses auto --cov --cov-report=
	$(BIN)/python .ci/rooms.py

figures: .venv/installed-dev ## measure every figure that the docs claim
	$(BIN)/python benchmarks/figures.py

bench: .venv/installed-plot ## measure training steps beside other libraries: long, and downloads them
	$(BIN)/python benchmarks/bench.py

wheel: .venv/installed-release ## build the wheel twice, compare, and try it away from the sources
	$(BIN)/python .ci/wheel.py build
	$(BIN)/python .ci/wheel.py test alone
	$(BIN)/python .ci/wheel.py conditions

release: .venv/installed-dev .venv/installed-release ## check, build, commit and tag VERSION=1.2.3; publish nothing
	$(BIN)/python .ci/release.py $(VERSION)

soak: .venv/installed-dev ## stop, kill and break things for an hour or two
	$(BIN)/python benchmarks/soak.py

clean: ## remove .venv, caches and built files; runs/ stays
	rm -rf .venv build dist docs/_build docs/api docs/coming_from docs/gallery docs/ops htmlcov .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A stamp for each set of extras: installed again only when pyproject.toml is newer.
.venv/installed-%: pyproject.toml | $(BIN)/pip
	echo "Installing chainrule[$*] into .venv ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	touch $@

$(BIN)/pip:
	$(if $(shell $(PYTHON) -c 'import sys; print(sys.version_info >= (3, 11))' 2>&1 | grep -x True),,$(error \
	chainrule needs Python >= 3.11, which '$(PYTHON)' is not: name one, as in make PYTHON=python3.12 test))
	$(PYTHON) -m venv .venv
