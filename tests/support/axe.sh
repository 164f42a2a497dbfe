#!/bin/bash
# Fetches axe-core (the accessibility checker that the page is held against) from npm once, outside the clone, and
# prints the path of its script. Safe to run again, and by two at a time.
set -euo pipefail

home="${XDG_CACHE_HOME:-$HOME/.cache}/cutover/axe"
wanted='axe-core@4.11'
mkdir -p "$home"
exec 9>"$home/lock"
flock 9

if [ "$(cat "$home/made" 2>/dev/null)" != "$wanted" ]; then
  command -v npm >/dev/null || { echo "axe-core needs npm: install nodejs and npm" >&2; exit 1; }
  npm install --prefix "$home" --ignore-scripts --no-audit --no-fund --no-save --silent "$wanted" >&2
  echo "$wanted" >"$home/made"
fi
echo "$home/node_modules/axe-core/axe.min.js"
