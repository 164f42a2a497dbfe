#!/bin/bash
# program.sh DIRECTORY NAME...: builds programs into DIRECTORY, one after the other, those that are there
# already excepted. Says `begin NAME` and `end NAME SECONDS`. A half-written file never gets the final name.
set -euo pipefail
directory=$1; shift
version=v1.36.3
stamp=k8s.io/component-base/version
mkdir -p "$directory"

package_of() {
  case $1 in
    coredns)        echo ./coredns ;;
    metrics-server) echo sigs.k8s.io/metrics-server/cmd/metrics-server ;;
    kube*)          echo "k8s.io/kubernetes/cmd/$1" ;;
    *)              echo "program.sh: no recipe for $1" >&2; exit 2 ;;
  esac
}

cd /src/go
for name in "$@"; do
  [ -x "$directory/$name" ] && continue
  echo "begin $name"
  began=$SECONDS
  if [ "$name" = pause ]; then
    gcc -Os -static -o "$directory/.$name" /src/pause.c
  else
    package=$(package_of "$name")
    go build -o "$directory/.$name" \
      -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=36" "$package"
  fi
  mv "$directory/.$name" "$directory/$name"
  echo "end $name $((SECONDS - began))"
done
