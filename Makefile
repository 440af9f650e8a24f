# make demo    set up, train on scikit-learn's digits, end with the path of a report
# make test    set up, run every test
# make docs    build the guides and the API reference into site/
# make wheel   build the wheel, install it in a fresh environment, use it there with and without each extra
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DOCS := .docs-env
READY := $(VENV)/.ready

.PHONY: demo test lint bench docs wheel clean

demo: $(READY)
	@rm -rf runs/demo
	$(BIN)/vaekit inspect digits
	$(BIN)/vaekit fit digits --out runs/demo
	$(BIN)/vaekit sample runs/demo -n 64 --out runs/demo/samples
	@echo "report: $(CURDIR)/runs/demo/report.html"

test: $(READY)
	$(BIN)/python -m pytest -n 2

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python -m benchmarks $(BENCH)

docs: $(DOCS)/.ready
	PYTHONPATH=src NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --strict

wheel:
	$(PYTHON) tools/wheel.py

clean:
	rm -rf $(VENV) $(DOCS) runs site .benchmark-env

# Set-up happens once, and again only when pyproject.toml has changed; afterwards no target needs the network.
$(READY): pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@cmp -s pyproject.toml $(READY) || { \
		$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1" && \
		$(BIN)/python -m pip install --quiet --group dev --editable ".[all]"; }
	@cp pyproject.toml $(READY)

# The documentation is read from the sources, so this environment needs neither torch nor the library.
$(DOCS)/.ready: pyproject.toml
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	@$(DOCS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@$(DOCS)/bin/python -m pip install --quiet --group docs
	@touch $@
