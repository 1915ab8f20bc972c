#!/bin/sh
# Say at once, in plain words, when Python or Node is missing or too old.
if [ -z "${PYTHON:-}" ]; then
  echo "Tailorbird needs Python 3.11 or newer; $(python3 --version 2>/dev/null || echo 'python3') is not that." >&2
  echo "Install one, or name it: make PYTHON=/path/to/python3.11 demo" >&2
  exit 1
fi
if ! "$PYTHON" -c 'import venv, ensurepip' 2>/dev/null; then
  echo "$PYTHON cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' 2>/dev/null; then
  echo "Tailorbird needs Node 20.19 or newer (24 LTS is best); found $(node --version 2>/dev/null || echo 'none')." >&2
  exit 1
fi
command -v npm >/dev/null || { echo "Tailorbird needs npm beside Node." >&2; exit 1; }
