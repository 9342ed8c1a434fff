# The two commands that matter: `make run` to see it, `make test` before handing work in.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTENSIONS := connectors/shopify/storefront
NODE_MODULES := $(EXTENSIONS)/node_modules/.package-lock.json
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help run install test check texts bench bench-large torture torture-release mutate lock system-packages

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: install ## Start the demo: a shop, its members and the loyalty program, at an address that is printed
	@$(BIN)/python -m app.cli demo

install: $(VENV)/.runtime ## Create .venv with exactly what requirements.lock names

test: $(VENV)/.dev system-packages $(NODE_MODULES) ## Run everything: lint, types, arrows, tests; the last line sums up
	@$(BIN)/python -m tools.run_tests

check: $(VENV)/.dev ## Run lint, format, types and import contracts only
	@$(BIN)/python -m tools.run_tests check

texts: $(VENV)/.dev ## Bring the catalogues of the widget and the back office up to their source; say what is to translate
	@$(BIN)/python -m tools.texts

torture: $(VENV)/.dev ## Run the nightly tier of the torture tests (ONLY=T5: just that one); resumes where it was stopped
	@ONLY="$(ONLY)" $(BIN)/python -m tools.run_torture nightly

torture-release: $(VENV)/.dev ## Run their release tier: two nights
	@ONLY="$(ONLY)" $(BIN)/python -m tools.run_torture release

mutate: $(VENV)/.dev ## Change the money code a thousand times and see that a test notices each time: hours
	@$(BIN)/python -m tools.mutate

bench: $(VENV)/.dev ## Measure speed on this machine, each figure beside its limit
	@$(BIN)/python -m bench

bench-large: $(VENV)/.dev ## The same at a hundred thousand orders, a million members, ten million transfers
	@$(BIN)/python -m bench --large

lock: ## Compile both lock files anew from pyproject.toml (UPGRADE=1 lifts every pin)
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install --quiet uv
	@$(COMPILE) --output-file requirements.lock
	@$(COMPILE) --extra dev --constraint requirements.lock --output-file requirements-dev.lock

# --universal: one lock for every platform and Python version. No index addresses: where packages come from is the
# installer's business, and the hashes hold whatever the source.
COMPILE = .venv-lock/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(if $(UPGRADE),--upgrade)

# The stamps are younger than the lock they were installed from, so a changed lock is installed by the next target.
$(VENV)/.runtime: requirements.lock | $(BIN)/python
	@echo "Installing what requirements.lock names into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock | $(BIN)/python
	@echo "Installing what requirements-dev.lock names into $(VENV) ..."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Regulars needs Python 3.11 or newer; name one: make PYTHON=python3.12 ...")'
	@$(PYTHON) -m venv $(VENV)

# What the Shopify extensions are checked with, anew when the lock is younger. Tests that need it skip without: on a machine
# without npm or a registry this fails at once and nothing comes of it.
$(NODE_MODULES): $(EXTENSIONS)/package-lock.json
	@if command -v npm >/dev/null; then \
		echo "Installing what $< names ..."; \
		npm ci --prefix $(EXTENSIONS) --ignore-scripts --no-audit --no-fund --fetch-retries=0 >/dev/null 2>&1 </dev/null \
			|| echo "Could not. Tests that need it will be skipped; npm ci in $(EXTENSIONS) says why."; \
	fi

# Tests that need a browser or PHP skip without them; on a machine that is ours to change, install them instead.
system-packages:
	@missing=""; \
	command -v chromium >/dev/null || missing="$$missing chromium"; \
	command -v php >/dev/null || missing="$$missing php-cli"; \
	command -v strace >/dev/null || missing="$$missing strace"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing$$missing ..."; \
			log=$$(mktemp); export DEBIAN_FRONTEND=noninteractive; \
			{ apt-get update && apt-get install --yes --no-install-recommends $$missing; } >"$$log" 2>&1 </dev/null \
				|| { tail -n 5 "$$log"; echo "Could not install$$missing."; }; \
			rm -f "$$log"; \
		else \
			echo "Not on this machine:$$missing. Tests that need these will be skipped."; \
		fi; \
	fi
