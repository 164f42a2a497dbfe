#!/bin/sh
# The shop as Rev1 runs it: a plain process, its database on the same box.
set -eu
DATABASE_URL="mysql://shop:$(cat /etc/cutover/rev1-app)@127.0.0.1:3306/shop?ssl=off"
export DATABASE_URL APP_BUILD=rev1 RUN_JOBS=1 PORT=8080 HOME=/tmp
exec setpriv --reuid=shop --regid=shop --clear-groups /opt/shop/serve.sh
