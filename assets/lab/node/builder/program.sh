#!/bin/bash
# program.sh DIRECTORY NAME: builds one program into DIRECTORY, unless a finished one is there.
# A half-written file never gets the final name.
set -euo pipefail
directory=$1 name=$2
version=v1.36.3
mkdir -p "$directory"
[ -x "$directory/$name" ] && exit 0

case $name in
  pause)          gcc -Os -static -o "$directory/.$name" /src/pause.c ;;
  coredns)        package=./coredns ;;
  metrics-server) package=sigs.k8s.io/metrics-server/cmd/metrics-server ;;
  kube*)          package=k8s.io/kubernetes/cmd/$name ;;
  *)              echo "program.sh: no recipe for $name" >&2; exit 2 ;;
esac

if [ -n "${package:-}" ]; then
  cd /src/go
  stamp=k8s.io/component-base/version
  go build -o "$directory/.$name" \
    -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=36" "$package"
fi
mv "$directory/.$name" "$directory/$name"
