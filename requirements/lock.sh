#!/usr/bin/env bash
# Makes the lock files anew. Needs uv; run it when pyproject.toml changes, and then the tests.
set -Eeuo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

lock() {
  local use=$1
  shift
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
    --output-file "requirements/$use.txt" "$@"
}

lock dev pyproject.toml --extra build --extra litert --extra gpio --extra training --extra dev
lock box pyproject.toml --extra build --extra litert --extra gpio --constraint requirements/dev.txt
lock training pyproject.toml --extra build --extra litert --extra training --constraint requirements/dev.txt
lock bookworm pyproject.toml requirements/bookworm.in --extra build --extra litert --extra gpio
.venv/bin/python requirements/bill.py requirements/box.txt >docs/sbom.json
