#!/bin/bash
# What a node does from its start: the kernel's side, certificates, containerd, kubelet and kube-proxy, and
# on node1 the control plane. Runs again as it is after `docker restart`. Logs: /var/log/k8s.
#
# NODES      every node as name=address, in order; the first carries the control plane
# PROGRAMS   directory of kubelet, kube-proxy, ..., coredns, metrics-server, pause
set -u
node=$HOSTNAME
number=${node#node}
read -ra nodes <<<"$NODES"
address=""
for entry in "${nodes[@]}"; do [ "${entry%%=*}" = "$node" ] && address=${entry#*=}; done
[ -n "$address" ] || { echo "this host is $node, which is not in NODES ($NODES)"; exit 2; }
control_plane=${nodes[0]#*=}
state=/var/lib/k8s
mkdir -p $state /var/log/k8s /etc/cni/net.d
cd $state || exit 1

say() { echo "$(date +%T) $*"; }

# keep NAME COMMAND...: runs it for good, and again when it ends.
keep() {
  local name=$1; shift
  (while :; do
    "$@" >>"/var/log/k8s/$name.log" 2>&1
    echo "[entry] $name ended with $?" >>"/var/log/k8s/$name.log"
    sleep 1
  done) &
}

# until_true SECONDS COMMAND...: polls a condition; the node gives up with a reason when it does not come true.
until_true() {
  local deadline=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || { say "gave up waiting for: $*"; exit 1; }
    sleep 0.1
  done
}

. /k8s/kernel.sh
prepare_kernel
prepare_pod_network "$number" "${nodes[@]}"

# Certificates: made on the first node, handed to the others (and to the balancer) through /join.
if [ "$number" = 1 ]; then
  [ -e done ] || bash /k8s/pki.sh || { say "no certificates"; exit 1; }
  # Renamed into place: after a restart of the machine another node may be reading what is there.
  for file in ca.crt proxy.conf cloud.conf admin.conf node[2-9]*; do
    cp -p "$file" "/join/.$file" && mv "/join/.$file" "/join/$file" || { say "cannot hand $file over"; exit 1; }
  done
  touch /join/done
else
  until_true 120 test -e /join/done
  cp /join/ca.crt /join/proxy.conf "/join/$node".* . || { say "no certificates in /join"; exit 1; }
fi
ln -sf "$node.crt" node.crt
ln -sf "$node.key" node.key

# The registry's name is in /etc/hosts; it speaks plain HTTP, to clients with a password.
mkdir -p /etc/containerd/certs.d/registry.lab:5000
cat >/etc/containerd/certs.d/registry.lab:5000/hosts.toml <<'T'
server = "http://registry.lab:5000"
[host."http://registry.lab:5000"]
  capabilities = ["pull", "resolve"]
T
keep containerd containerd --config /k8s/containerd.toml
[ "$number" = 1 ] && . /k8s/control-plane.sh && start_api_server

bash /k8s/images.sh || exit 1
say "containerd is up with its images"

keep kubelet "$PROGRAMS/kubelet" --config=/k8s/kubelet.yaml --kubeconfig="$node.conf" --hostname-override="$node" \
  --node-ip="$address" --root-dir=/var/lib/kubelet --cert-dir=$state/kubelet-pki
keep proxy "$PROGRAMS/kube-proxy" --config=/k8s/proxy.yaml --hostname-override="$node"
[ "$number" = 1 ] && start_controllers
say "started"

trap 'exit 0' TERM INT
wait
