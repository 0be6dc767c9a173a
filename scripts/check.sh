#!/usr/bin/env bash
# Checks the training pipeline: lints, types, tests. Installs its pinned tools into target/check-venv (torch is large).
set -euo pipefail
cd "$(dirname "$0")"
venv=../target/check-venv

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
"$venv/bin/ruff" check .
"$venv/bin/ruff" format --check .
"$venv/bin/mypy"
"$venv/bin/pytest" --quiet
