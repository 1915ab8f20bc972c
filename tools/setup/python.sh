#!/bin/sh
# Install groups of pyproject.toml's packages into .venv, at the versions of constraints.txt.
#
#   tools/setup/python.sh run train
#
# pip can leave a package half-written when it is interrupted and then take it for installed.
# A mark stands while it works; where the mark is found again, the environment is made anew.
set -eu
python=${PYTHON:-python3}
mark=.venv/.installing
if [ -e "$mark" ]; then rm -rf .venv; fi
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
: >"$mark"
# Compiling 30,000 modules ahead costs longer than compiling the few that are imported.
pip=".venv/bin/pip install --disable-pip-version-check --no-compile --no-input --progress-bar off"
case " $* " in
  # Alone and first: on its own, pip takes whichever build of exactly this version the machine
  # is set up to find (a CPU build where one is offered) instead of weighing it with the rest.
  *" train "*) $pip "$(grep '^torch==' constraints.txt)" ;;
esac
.venv/bin/python tools/setup/requirements.py "$@" >.venv/requirements.txt
$pip --constraint constraints.txt --requirement .venv/requirements.txt
rm -f "$mark"
