#!/bin/sh
# Makes a minimal root of Debian 13 as a tar at $1: debian:trixie-slim where no hub answers.
set -eu
exec mmdebstrap --variant=minbase trixie "$1"
