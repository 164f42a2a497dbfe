#!/bin/sh
# Starts the registry with one account, `cutover`, whose password the lab puts into /etc/cutover/registry.
set -eu
htpasswd -Bic /etc/docker/registry/htpasswd cutover < /etc/cutover/registry
chmod 0600 /etc/docker/registry/htpasswd
exec docker-registry serve /etc/docker/registry/config.yml
