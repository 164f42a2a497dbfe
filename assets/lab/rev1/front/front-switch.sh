#!/bin/bash
# front-switch status | test PATH | stage HTTP HTTPS | hold | drained old|new [SECONDS] | relay | direct
# | hits [SINCE] | held [SINCE]
# Runs on the front's box. Every action is idempotent. 0 done, 2 refused, 3 not in time, 4 not in force, 64 usage.
# `status` and `test` print the head of an HTTP response.
set -euo pipefail
front=/etc/nginx/front
state=$front/state
hits=/var/log/nginx/relayed.log
held=/var/log/nginx/held.log
token=$(cat "$front/token")
host=${FRONT_HOST:-app.lab.example}

master() { cat /run/nginx.pid; }
refuse() { echo "front: $2" >&2; exit "$1"; }
ask() { # what, path
  curl -ksS --path-as-is -m 10 -o /dev/null -D - --resolve "$host:443:127.0.0.1" -H "X-Front: $1-$token" "https://$host${2:-/}"
}
mode() { ask status | tr -d '\r' | sed -n 's/^[Xx]-[Ff]ront-[Mm]ode: //p'; }
in_force() { # proves the mode by a request
  found=$(mode)
  [ "$found" = "$1" ] || refuse 4 "asked for $1, in force is '$found'"
}
configuration() { # what is staged; the generation tells a worker that knows it from one that does not
  printf 'upstream front_new_http  { server %s; }\nupstream front_new_https { server %s; }\n' "$1" "$2"
  printf 'map $host $front_generation { default "%s,%s"; }\n' "$1" "$2"
}
generation() { ask status | tr -d '\r' | sed -n 's/^[Xx]-[Ff]ront-[Gg]en: //p'; }
after() { # log, seconds since 1970: how many of its requests came after that moment
  awk -v since="${2:-0}" '$1 > since { n++ } END { print n + 0 }' "$1" 2>/dev/null || echo 0
}
leaving() { # workers from before the reload that are still there
  for pid in $(pgrep -P "$(master)"); do ! grep -qx "$pid" "$front/leaving" || echo "$pid"; done
}
stage() { # one reload while no relay is in force; no worker may live on with the old addresses
  for address in "$1" "$2"; do
    [[ $address =~ ^[][0-9a-zA-Z.:-]+:[0-9]+$ ]] || refuse 64 "'$address' is no host:port"
  done
  [ ! -e "$state/relay" ] || refuse 2 'the relay is in force: hold first'
  if [ "$(generation)" != "$1,$2" ]; then
    cp "$front/upstream.conf" "$front/upstream.conf.before"
    configuration "$1" "$2" > "$front/upstream.conf"
    nginx -t -q || { mv "$front/upstream.conf.before" "$front/upstream.conf"; refuse 2 'NGINX refuses the configuration'; }
    : > "$hits"
    pgrep -P "$(master)" > "$front/leaving"
    nginx -s reload
  fi
  give_up=$((SECONDS + $3))
  until [ -z "$(leaving)" ] && [ "$(generation)" = "$1,$2" ]; do
    [ $SECONDS -lt $give_up ] || refuse 3 "workers from before are still there: $(leaving | tr '\n' ' ')"
    sleep 0.05
  done
}

case ${1:-} in
  # One file operation a step, hold always between direct and relay.
  hold) rm -f "$state/open"; rm -f "$state/relay"; in_force hold ;;
  relay)
    [ ! -e "$state/open" ] || refuse 2 'direct -> relay goes through hold'
    ! grep -q '127.0.0.1:9;' "$front/upstream.conf" || refuse 2 'nothing is staged: front-switch stage HTTP HTTPS'
    : > "$state/relay"
    in_force relay ;;
  direct)
    [ ! -e "$state/relay" ] || refuse 2 'relay -> direct goes through hold'
    : > "$state/open"
    in_force direct ;;
  status) ask status ;;
  test) ask test "${2:-/}" ;;
  stage) [ $# -ge 3 ] || refuse 64 'usage: front-switch stage HTTP HTTPS'; stage "$2" "$3" "${4:-8}" ;;
  drained) # no write decided for that side is in flight in ANY worker (204), else wait
    [[ ${2:-} = old || ${2:-} = new ]] || refuse 64 'usage: front-switch drained old|new [SECONDS]'
    give_up=$(($(date +%s) + ${3:-10}))
    while :; do
      code=$(ask "drained-$2" | sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p')
      [ "$code" != 204 ] || { echo drained; exit 0; }
      [ "$(date +%s)" -lt "$give_up" ] || refuse 3 "writes to the $2 side are still in flight ($code)"
      sleep 0.02
    done ;;
  hits) after "$hits" "${2:-}" ;; # clients' requests that were relayed
  held) after "$held" "${2:-}" ;; # clients' writes that were told to come again
  *) echo 'usage: front-switch status | test PATH | stage HTTP HTTPS | hold | drained old|new [S] | relay | direct | hits [SINCE] | held [SINCE]' >&2; exit 64 ;;
esac
