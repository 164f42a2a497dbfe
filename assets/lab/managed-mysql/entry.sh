#!/bin/bash
# Starts the managed server; makes it first on an empty data directory (`entry.sh make` ends after that).
set -euo pipefail
data=/var/lib/mysql
mkdir -p /run/mysqld
chown mysql:mysql /run/mysqld "$data"
make() {
  find "$data" -mindepth 1 -delete
  mysqld --initialize-insecure --user=mysql
  mysqld --user=mysql --skip-networking --event-scheduler=OFF &
  server=$!
  until mysqladmin --user=root ping >/dev/null 2>&1; do
    kill -0 "$server" || { echo 'mysqld did not start' >&2; exit 1; }
    sleep 0.1
  done
  {
    # The platform's own set-up is in no binlog.
    echo 'SET SESSION sql_log_bin = 0;'
    printf "SET @admin = '%s';\n" "$(cat /etc/cutover/managed-admin)"
    cat /opt/managed/platform.sql /opt/managed/replication.sql /opt/managed/sessions.sql \
      /opt/managed/configuration.sql /opt/managed/admin.sql
  } | mysql --user=root
  mysqladmin shutdown
  wait "$server"
  # Nothing of the set-up is left for anybody to read.
  rm -f "$data"/binlog.*
  : > "$data/platform-ready"
}
[ "${1:-}" != make ] || { make; exit 0; }
[ -e "$data/platform-ready" ] || make
exec mysqld --user=mysql
