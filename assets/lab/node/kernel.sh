# The kernel's side of a node, sourced by entry.sh. The container is not privileged (a machine without
# CAP_SYS_RESOURCE refuses that), so Docker mounts /sys and each cgroup hierarchy read-only: CAP_SYS_ADMIN
# may turn that round.

prepare_kernel() {
  mount --make-rshared /
  local point
  for point in $(awk '$5 ~ "^/sys(/fs/cgroup(/.*)?)?$" && $6 ~ /(^|,)ro(,|$)/ {print $5}' /proc/self/mountinfo); do
    mount -o remount,bind,rw "$point" || say "cannot remount $point"
  done
  [ -e /dev/kmsg ] || ln -s /dev/console /dev/kmsg
}

# prepare_pod_network NUMBER NAME=ADDRESS...: this node's pods live in 10.244.(NUMBER-1).0/24, the other
# nodes' are reached through those nodes.
prepare_pod_network() {
  local number=$1 entry other; shift
  rm -rf /var/lib/cni/networks /var/lib/cni/results   # addresses of pods that died with the last boot
  sed "s#POD_SUBNET#10.244.$((number - 1)).0/24#" /k8s/cni.conflist >/etc/cni/net.d/10-pods.conflist
  for entry in "$@"; do
    other=${entry%%=*}; other=${other#node}
    [ "$other" = "$number" ] || ip route replace "10.244.$((other - 1)).0/24" via "${entry#*=}"
  done
}
