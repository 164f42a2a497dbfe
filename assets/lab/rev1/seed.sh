#!/bin/bash
# Makes Rev1's database in an empty /var/lib/mysql: server, accounts, schema, and $1 rows of history.
# Runs in a container of its own, which ends when it is done.
set -euo pipefail
rows=$1
data=/var/lib/mysql
find "$data" -mindepth 1 -delete
mysqld --initialize-insecure --user=mysql
# Nothing here has to survive a crash: a half-made directory is thrown away and made again.
mysqld --user=mysql --skip-networking --innodb-flush-log-at-trx-commit=0 --sync-binlog=0 --skip-innodb-doublewrite &
server=$!
until mysqladmin ping >/dev/null 2>&1; do
  kill -0 "$server" || { echo 'mysqld did not start' >&2; exit 1; }
  sleep 0.1
done
{
  printf "SET @app = '%s', @admin = '%s';\n" "$(cat /etc/cutover/rev1-app)" "$(cat /etc/cutover/rev1-admin)"
  cat /opt/rev1/init.sql
} | mysql
{
  echo 'SET SESSION sql_log_bin = 0;'
  cat /opt/shop/schema.sql
  echo "SET @rows = $rows;"
  cat /opt/rev1/seed.sql
} | mysql --default-character-set=utf8mb4 shop
mysqladmin shutdown
wait "$server"
du -sm "$data" | cut -f1
