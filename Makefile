# Everything that a person does with this project. `make help` lists it.

VENV := .venv
PY := $(VENV)/bin/python
# The newest Python that is new enough; the system's own where it will do.
PYTHON := $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
HTTP ?= 127.0.0.1:7125
SPEED ?= 1
FILE ?= config/samples/twisted-vase.gcode

.PHONY: help run test bench lint docs build packages test-packages fuzz clean
.DEFAULT_GOAL := help

help:  ## list these targets
	@sed -n 's/^\([a-z-]*\):.*##/\1\t/p' $(MAKEFILE_LIST) | expand -t 12

packages:
	@tools/debian-packages gcc=gcc make=make $(if $(PYTHON),,python3=python3) \
		/usr/include/stdio.h=libc6-dev
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || tools/debian-packages no-venv=python3-venv
	@$(PYTHON) -c 'import sys, sysconfig, os; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
		|| tools/debian-packages no-headers=python3-dev

$(VENV)/ready: pyproject.toml | packages
	@echo "Installing the Python packages into $(VENV) (one to two minutes the first time)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q --disable-pip-version-check -U "pip>=24" "setuptools>=77,<90" wheel "cython>=3.1,<3.4"
	@$(PY) -W ignore -m pip install -q --disable-pip-version-check --no-build-isolation -e ".[dev]"
	@touch $@

build: $(VENV)/ready  ## build the extensions and the simulated printer; leaves .venv/bin/appliance ready
	@$(PY) setup.py -q build_ext --inplace -j2 build_data --in-checkout

run: build  ## start the appliance with its simulated printer and print a sample; open the URL it shows
	@$(PY) -m appliance.demo --http $(HTTP) --speed $(SPEED) $(FILE)

test-packages:
	@tools/debian-packages chromium=chromium node=nodejs setsid=util-linux \
		$(if $(wildcard /usr/lib/*/libsodium.so.*),,no-libsodium=libsodium23)
	@tools/debian-aside build/servers /usr/sbin/slapd=slapd /usr/sbin/mosquitto=mosquitto

test: build test-packages  ## lint, types, import rule and all tests (see README for the time it takes)
	@$(PY) tools/run-tests

lint: build  ## ruff, mypy, cython-lint and the import rule alone
	@$(PY) tools/run-tests trial-tests.test_house

bench: build  ## measure speed as ratios, side by side in one run
	@$(PY) -m trial-tests.bench
	@$(PY) -m trial-tests.bench.broker

docs: build  ## write docs/reference/ from the declarations
	@$(PY) -m appliance.cli reference docs/reference

fuzz: build  ## feed broken bytes to the host's parser and to the firmware's for a minute each
	@PYTHONPATH=. $(PY) trial-tests/klipperd/wire/fuzz.py --seconds 60
	@$(MAKE) -s -C firmware fuzz

clean:  ## remove what was built
	rm -rf build $(VENV) appliance/mcu _trial_temp*
	find brokerd klipperd -name '*.so' -delete
