#!/bin/bash
# rev1-ctl status | healthy | start|stop|restart|kill NAME...   (mysql, backend, nginx)
# `stop` holds over a restart of the box until `start`; `kill` is a crash: the service comes back by itself.
set -euo pipefail
stopped=/var/lib/rev1/stopped
control() { supervisorctl -c /run/supervisord.conf "$@"; }
answers() {
  case $1 in
    mysql) mysqladmin --silent ping >/dev/null 2>&1 ;;
    backend) curl -fsS -m 1 -o /dev/null http://127.0.0.1:8080/healthz 2>/dev/null ;;
    nginx) front-switch status >/dev/null 2>&1 ;;
    *) echo "rev1-ctl: no service '$1'" >&2; exit 64 ;;
  esac
}
wait_for() {
  for _ in $(seq 300); do answers "$1" && return; sleep 0.1; done
  echo "rev1-ctl: $1 does not answer after 30 s" >&2
  exit 1
}
what=${1:-status}
[ $# -eq 0 ] || shift
case $what in
  status)
    for name in mysql backend nginx; do
      if [ -e "$stopped/$name" ]; then echo "$name stopped"; elif answers "$name"; then echo "$name running"; else echo "$name down"; fi
    done ;;
  healthy)
    for name in mysql backend nginx; do [ -e "$stopped/$name" ] || answers "$name" || { echo "$name does not answer"; exit 1; }; done ;;
  start) for name; do rm -f "$stopped/$name"; control start "$name" >/dev/null || true; wait_for "$name"; done ;;
  stop)
    for name; do
      : > "$stopped/$name"
      control stop "$name" >/dev/null
      ! answers "$name" || { echo "rev1-ctl: $name still answers" >&2; exit 1; }
    done ;;
  restart) for name; do rm -f "$stopped/$name"; control restart "$name" >/dev/null; wait_for "$name"; done ;;
  kill) for name; do control signal KILL "$name" >/dev/null; done ;;
  *) echo 'usage: rev1-ctl status | healthy | start|stop|restart|kill NAME...' >&2; exit 64 ;;
esac
