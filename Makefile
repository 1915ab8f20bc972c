# Everything a newcomer needs is `make demo` and `make test`. Each does its own set-up:
# a step that is done leaves a stamp in .make/, so it runs again only when what it was made from changes.

.DEFAULT_GOAL := help
.PHONY: help demo staff-code dev test check fix chaos bench-serving bench-pages bench-ledger bench-recommender bench-rollout sim-rollouts schema pins clean setup setup-dev
MAKEFLAGS += --no-print-directory

# Set PYTHON to build the virtual environment with another interpreter.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)
export PYTHON
py := .venv/bin/python
step := tools/setup/step
logs := .make/logs
# Packages for Python and for Node arrive side by side; a -j given by hand is left alone.
together = $(MAKE) -s $(if $(findstring jobserver,$(MAKEFLAGS)),,-j3)

started := $(shell date +%s)

EXIT ?=
ORDERS ?=
RELEASES ?=

help: ## show this list
	@echo "Tailorbird. The two commands to know: make demo, make test."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

demo: setup ## run the whole product here; EXIT=1 stops when the job is done, ORDERS=file.csv[.gz] brings your own orders; RELEASES=0 stops at the first sale
	@$(py) -m tools.demo $(if $(EXIT),--exit) $(if $(ORDERS),--orders "$(ORDERS)") $(if $(filter 0,$(RELEASES)),,--releases) --since $(started)

staff-code: ## print the code with which the demo's staff account signs in now
	@$(py) -m tools.demo.second_factor

dev: setup-dev ## run the product with code that reloads, on data of its own
	@$(py) -m tools.demo --reload --data-dir .data/dev

test: setup-dev ## run every test: Python, Node, extensions, browser
	@$(py) -m tools.suites test

check: setup-dev ## lint, types, import order, migrations, API drift, GraphQL, theme blocks, compose
	@$(py) -m tools.suites check

fix: setup-dev ## format, mend what linters can mend, write openapi.yaml and its TypeScript types anew
	@$(py) -m tools.suites fix

bench-serving: setup .bench/serving/.ready ## what answers to storefronts cost, beside a bare Django view, FastAPI with torch and MLflow; BENCH="--only growth"
	@$(py) -m bench.serving $(if $(ORDERS),--orders "$(ORDERS)") $(BENCH)

chaos: setup ## break everything behind the storefront, one thing after another, and judge what shoppers get; BENCH="--only 'redis-*' --seconds 5", "--soak 30"
	@$(py) -m bench.chaos $(BENCH)

bench-pages: setup ## p95 of merchants' and staff's pages and of the sweeps at 500,000 orders and 10 million decisions
	@$(py) -m bench.pages $(BENCH)

bench-ledger: setup ## events a second, bytes a decision, joins, lookups, verifying and replays of the ledgers; BENCH="--scale 0.01"
	@$(py) -m bench.ledger $(BENCH)

# Where the logs lie: BENCH="--beauty FOLDER --online-retail FILE --tafeng FILE"; which legs: "--only 'tafeng-*' --minutes 50".
BENCH ?=
bench-recommender: setup .bench/venv/.ready ## quality, seconds and memory of the recommender beside simple models and its peers, leg by leg
	@$(py) -m bench.recommender $(BENCH)

.bench/venv/.ready: bench/peers/requirements.txt bench/peers/setup.sh
	@$(step) "Peers of the recommender" $(logs)/peers.log bench/peers/setup.sh $< $(@D)
	@touch $@

.bench/serving/.ready: bench/peers/serving/requirements.txt bench/peers/setup.sh
	@$(step) "Peers of serving" $(logs)/serving-peers.log bench/peers/setup.sh $< $(@D)
	@touch $@

bench-rollout: setup ## what a rollout costs those who serve, how soon all obey, and what kills lose; BENCH="--kills 5 --pairs 2 --seconds 5"
	@$(py) -m bench.rollouts.serve $(BENCH)

sim-rollouts: setup ## how often the rules of rollouts err, and how soon they see harm, over simulated shops; BENCH="--scale 0.01 --only aa"
	@$(py) -m bench.rollouts $(BENCH)

schema: .make/node ## fetch Shopify's Admin API schema again
	@rm -f .make/schema
	@$(MAKE) .make/schema

pins: setup-dev ## write constraints.txt from what is installed
	@$(py) tools/setup/pins.py

clean: ## remove the demo's data and everything that was built or installed
	@if [ -x $(py) ]; then $(py) -m tools.demo --clean; else find .data -maxdepth 2 -name postgres -type l -printf \
		'Left outside the project, because $(py) is gone: %l\n' 2>/dev/null || true; fi
	rm -rf .data .make .bench .venv */.schema node_modules */node_modules shopify-app/build shopify-app/.react-router \
		.mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# Set-up. `setup` is what the product runs on; `setup-dev` adds what checks it.
setup: .make/versions
	@$(together) .make/python .make/ui

setup-dev: .make/versions
	@$(together) .make/python-dev .make/ui .make/checks

.make/versions: tools/setup/versions.sh
	@tools/setup/versions.sh
	@mkdir -p .make && touch $@

.make/python: pyproject.toml constraints.txt
	@$(step) "Python packages" $(logs)/python.log tools/setup/python.sh run train
	@touch $@

.make/python-dev: .make/python
	@$(step) "Python packages for checks and tests" $(logs)/python-dev.log tools/setup/python.sh run train dev
	@touch $@

.make/node: package.json package-lock.json $(wildcard */package.json extensions/*/package.json)
	@$(step) "Node packages" $(logs)/node.log npm ci --no-audit --no-fund
	@touch $@

.make/checks: checks/package.json checks/package-lock.json .make/node
	@$(step) "Node packages for checks" $(logs)/checks.log npm ci --prefix checks --no-audit --no-fund
	@touch $@

.make/schema: .make/node devstore/scripts/schema.mjs
	@$(step) "Shopify's Admin API schema" $(logs)/schema.log node devstore/scripts/schema.mjs
	@touch $@

ui_sources := $(shell find shopify-app -type f 2>/dev/null | grep -v -e /node_modules/ -e /build/ -e /.react-router/)
.make/ui: .make/schema $(ui_sources)
	@$(step) "Embedded UI" $(logs)/ui.log npm run build --workspace shopify-app
	@touch $@
