#!/bin/bash
# image-tar.sh NAME PROGRAM: an image of one static program, as `docker save` would write it, on stdout.
set -euo pipefail
name=$1 program=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
install -D -m 755 "$program" "$work/root/$name"
tar -C "$work/root" -cf "$work/layer.tar" --sort=name --mtime=@0 --owner=0 --group=0 "$name"
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
case $(uname -m) in x86_64) architecture=amd64 ;; aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/%s"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
  "$architecture" "$name" "$layer" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["localhost/%s:lab"],"Layers":["layer.tar"]}]' "$name" >"$work/manifest.json"
tar -C "$work" -cf - manifest.json config.json layer.tar
