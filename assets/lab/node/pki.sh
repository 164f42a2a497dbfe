#!/bin/bash
# The cluster's certificates and kubeconfigs, made once in /var/lib/k8s by the first node.
set -euo pipefail
cd /var/lib/k8s
read -ra nodes <<<"$NODES"
control_plane=${nodes[0]#*=}

key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"; }
authority() { key "$1"; openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 365 -out "$1.crt"; }

# certificate NAME SUBJECT AUTHORITY [SANS]
certificate() {
  key "$1"
  openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
  printf 'basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth,clientAuth\n%s\n' \
    "${4:+subjectAltName=$4}" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days 365 -extfile "$1.ext" \
    -out "$1.crt" 2>/dev/null
  rm "$1.csr" "$1.ext"
}

kubeconfig() {
  cat >"$1.conf" <<K
apiVersion: v1
kind: Config
clusters:
- name: cutover-lab
  cluster: {server: "https://$control_plane:6443", certificate-authority-data: $(base64 -w0 ca.crt)}
users:
- name: cutover-lab
  user: {client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key")}
contexts:
- name: cutover-lab
  context: {cluster: cutover-lab, user: cutover-lab}
current-context: cutover-lab
K
}

authority ca
authority front-ca
openssl genrsa -out sa.key 2048 2>/dev/null
openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
names=DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local
certificate apiserver /CN=kube-apiserver ca \
  "$names,DNS:localhost,DNS:${nodes[0]%%=*},IP:127.0.0.1,IP:10.96.0.1,IP:$control_plane"
certificate apikubelet /O=system:masters/CN=kube-apiserver-kubelet-client ca
certificate front /CN=front-proxy front-ca

for entry in "${nodes[@]}"; do
  name=${entry%%=*}
  certificate "$name" "/O=system:nodes/CN=system:node:$name" ca "DNS:$name,IP:${entry#*=}"
  kubeconfig "$name"
done
certificate admin /O=system:masters/CN=admin ca
certificate kcm /CN=system:kube-controller-manager ca
certificate sched /CN=system:kube-scheduler ca
certificate proxy /CN=system:kube-proxy ca
certificate cloud /CN=cloud-controller ca
for user in admin kcm sched proxy cloud; do kubeconfig "$user"; done
touch done
