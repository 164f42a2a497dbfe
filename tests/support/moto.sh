#!/bin/bash
# Makes a virtual environment with moto (an emulator of AWS that is not ours) once, outside the clone, and
# prints the path of its server. Safe to run again, and by two at a time.
set -euo pipefail

home="${XDG_CACHE_HOME:-$HOME/.cache}/cutover/moto"
wanted='moto[server,route53]>=5,<6'
mkdir -p "$home"
exec 9>"$home/lock"
flock 9

if [ "$(cat "$home/made" 2>/dev/null)" != "$wanted" ]; then
  rm -rf "$home/venv"
  # Debian splits the module that puts pip into an environment from its python3.
  if ! python3 -m venv "$home/venv" >&2; then
    rm -rf "$home/venv"
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 python3-venv >&2 ||
      { echo "moto needs python3 with its venv module: install python3-venv" >&2; exit 1; }
    python3 -m venv "$home/venv" >&2
  fi
  "$home/venv/bin/pip" install --quiet --disable-pip-version-check "$wanted" >&2
  echo "$wanted" >"$home/made"
fi
echo "$home/venv/bin/moto_server"
