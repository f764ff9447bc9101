#!/usr/bin/env bash
# Builds .venv from requirements/<extra>.txt, every file checked against its hash. Needs a Python 3.11 to 3.13.
# uv installs (it is fast and compiles bytecode); where uv cannot be had, pip does the same, slower.
set -euo pipefail
python=$1 extra=$2
# make puts .venv/bin first, an activated shell again; meant here is the Python outside, also where .venv stands already
PATH=":$PATH:"
for here in "$PWD" "$(pwd -P)"; do while [[ $PATH == *":$here/.venv/bin:"* ]]; do PATH=${PATH/":$here/.venv/bin:"/:}; done; done
PATH=${PATH#:} PATH=${PATH%:}
"$python" - <<'CHECK'
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"Python 3.11 to 3.13 is needed, {sys.version.split()[0]} was found; name one: make repro PYTHON=python3.12")
CHECK
if [ ! -x .venv/bin/python ]; then
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    rm -rf .venv
    "$python" -m venv --without-pip .venv
    "$python" -m pip --version >/dev/null 2>&1 || {
      rm -rf .venv
      echo "neither venv nor pip works with $python: install Debian's python3-venv (or your system's) and try again" >&2
      exit 1
    }
  fi
fi
pip() { if .venv/bin/python -m pip --version >/dev/null 2>&1; then .venv/bin/python -m pip "$@"; else
  "$python" -m pip --python .venv/bin/python "$@"; fi; }
case $extra in serve) size="0.7 GB" bytecode="";; gpu) size="more than 3.6 GB" bytecode=--compile-bytecode;;
  *) size="3.6 GB" bytecode=--compile-bytecode;; esac
# Where one only scores, the environment is kept small: no uv, and bytecode of what is imported alone.
small() {
  .venv/bin/uv pip uninstall -q --python .venv/bin/python uv
  env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m serving.http --help >/dev/null || true
}
echo "setting up .venv (about $size, a minute or more) ..."
# The checkout itself: a line in site-packages that names this folder, and the command `cxr`. What stands in the working
# folder goes before it with `python -m`, so that a copy or another commit runs its own code.
link=(--no-deps --no-build-isolation --editable .)
if pip install -q --disable-pip-version-check --require-hashes -r requirements/uv.txt &&
   .venv/bin/uv pip install -q --system-certs --python .venv/bin/python --require-hashes $bytecode \
     -r "requirements/$extra.txt"; then
  .venv/bin/uv pip install -q --offline --python .venv/bin/python "${link[@]}"
  if [ "$extra" = serve ]; then small; fi
  exit 0
fi
echo "uv could not install; trying pip" >&2
# ai-edge-litert asks for backports-strenum, which calls itself unfit for Python 3.11 and installs there; uv overlooks that
pip install -q --disable-pip-version-check --require-hashes --ignore-requires-python -r "requirements/$extra.txt"
pip install -q --disable-pip-version-check --no-index "${link[@]}"
.venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null || true
