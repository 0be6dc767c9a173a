#!/usr/bin/env bash
# Checks the Python here and in tests/: lints, types, and the pipeline's tests. Installs pinned tools into target/check-venv
# (torch is large).
set -euo pipefail
cd "$(dirname "$0")"
venv=../target/check-venv

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement ../tests/claude_code/requirements.txt
"$venv/bin/ruff" check . ../tests
"$venv/bin/ruff" format --check . ../tests
"$venv/bin/mypy"
(cd ../tests && "../scripts/$venv/bin/mypy")
"$venv/bin/pytest" --quiet
