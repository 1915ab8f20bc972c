#!/bin/sh
# Make .bench/oracles, the environment of the oracles, and write their numbers anew.
set -eu
python=${PYTHON:-python3}
place=.bench/oracles
rm -rf "$place"
"$python" -m venv "$place"
"$place/bin/pip" install --disable-pip-version-check --no-compile --no-input --progress-bar off \
  --requirement bench/oracles/requirements.txt
"$place/bin/python" bench/oracles/rollouts.py > tests/backend/rollouts/oracles.json
