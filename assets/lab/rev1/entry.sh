#!/bin/bash
# Process 1's only child: prepares the front on the first start, then keeps NGINX, the backend and MySQL
# running. What was stopped with `rev1-ctl stop` stays stopped over a restart of the box.
set -euo pipefail
front=/etc/nginx/front
if [ ! -e "$front/token" ]; then
  token=$(od -An -tx1 -N16 /dev/urandom | tr -d ' \n')
  sed -i "s/@TOKEN@/$token/g" /etc/nginx/conf.d/front.conf
  mkdir -p -m 0755 "$front/state"
  : > "$front/state/open"
  (umask 077 && echo "$token" > "$front/token")
fi
chown -R mysql:mysql /var/lib/mysql
mkdir -p /var/lib/rev1/stopped /run/mysqld
chown mysql:mysql /run/mysqld
program() { # name, priority, stop signal, seconds to stop, command
  start=true
  [ ! -e "/var/lib/rev1/stopped/$1" ] || start=false
  cat <<END
[program:$1]
priority=$2
command=$5
autostart=$start
autorestart=true
startretries=1000
startsecs=0
stopsignal=$3
stopwaitsecs=$4
stdout_logfile=/dev/fd/1
stdout_logfile_maxbytes=0
redirect_stderr=true
stopasgroup=false
killasgroup=true
END
}
{
  cat /opt/rev1/supervisord.conf
  program mysql 10 TERM 60 '/usr/sbin/mysqld --user=mysql'
  program backend 20 TERM 15 '/opt/rev1/backend.sh'
  program nginx 30 QUIT 10 "/usr/sbin/nginx -g 'daemon off;'"
} > /run/supervisord.conf
exec supervisord --nodaemon --configuration /run/supervisord.conf
