#!/bin/sh
# Starts the shop on $PORT (8080). Needs the packages of apt-packages.txt and DATABASE_URL.
set -eu
cd "$(dirname "$0")"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
exec python3 -m gunicorn --config gunicorn.conf.py 'shop.app:create()'
