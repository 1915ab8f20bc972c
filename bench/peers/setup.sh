#!/bin/sh
# Make an environment of peers: setup.sh REQUIREMENTS PLACE
set -eu
python=${PYTHON:-python3}
requirements=$1
place=$2
if grep -q '^numpy==1\.' "$requirements" && ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))'; then
  echo "These peers need Python 3.11 or 3.12 (NumPy 1.26 has no wheels for others); set PYTHON to one."
  exit 1
fi
rm -rf "$place"
"$python" -m venv "$place"
pip="$place/bin/pip install --disable-pip-version-check --no-compile --no-input --progress-bar off"
# Alone and first: on its own, pip takes whichever build of exactly this version the machine is set
# up to find (a CPU build where one is offered) instead of weighing it with the rest.
$pip "$(grep '^torch==' "$requirements")"
$pip --requirement "$requirements"
