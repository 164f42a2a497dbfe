# The images that no registry has, imported where they are missing: at boot, and again by `lab up`, because a kubelet
# on a full disk takes images away whatever its thresholds say.
# PROGRAMS   directory of coredns, metrics-server, pause
set -euo pipefail
for _ in $(seq 60); do
  ctr version >/dev/null 2>&1 && break
  sleep 1
done
for image in pause coredns metrics-server; do
  ctr -n k8s.io images ls -q | grep -q "localhost/$image:lab" && continue
  bash /k8s/image-tar.sh "$image" "$PROGRAMS/$image" | ctr -n k8s.io images import -
done
