# The control plane, sourced by entry.sh on the first node only.

start_api_server() {
  keep etcd etcd --name lab --data-dir /var/lib/etcd-k8s --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster lab=http://127.0.0.1:2380
  # Without the request header settings and a CA of their own the metrics API stays unavailable.
  keep apiserver "$PROGRAMS/kube-apiserver" --advertise-address="$address" --bind-address=0.0.0.0 --secure-port=6443 \
    --etcd-servers=http://127.0.0.1:2379 --authorization-mode=Node,RBAC --allow-privileged=true \
    --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key --client-ca-file=ca.crt \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=sa.pub \
    --service-account-signing-key-file=sa.key --service-cluster-ip-range=10.96.0.0/16 \
    --kubelet-client-certificate=apikubelet.crt --kubelet-client-key=apikubelet.key \
    --kubelet-preferred-address-types=InternalIP,Hostname \
    --default-not-ready-toleration-seconds=30 --default-unreachable-toleration-seconds=30 \
    --requestheader-client-ca-file=front-ca.crt --requestheader-allowed-names=front-proxy \
    --requestheader-extra-headers-prefix=X-Remote-Extra- --requestheader-group-headers=X-Remote-Group \
    --requestheader-username-headers=X-Remote-User --proxy-client-cert-file=front.crt \
    --proxy-client-key-file=front.key --enable-aggregator-routing=true
}

api_ready() {
  curl -fsS --cacert ca.crt --cert admin.crt --key admin.key https://127.0.0.1:6443/readyz
}

# Pod subnets are fixed per node: --allocate-node-cidrs would stall the controller manager for ten seconds.
start_controllers() {
  until_true 120 api_ready
  keep kcm "$PROGRAMS/kube-controller-manager" --kubeconfig=kcm.conf --leader-elect=false \
    --service-account-private-key-file=sa.key --root-ca-file=ca.crt --use-service-account-credentials=true \
    --cluster-signing-cert-file=ca.crt --cluster-signing-key-file=ca.key --cluster-cidr=10.244.0.0/16 \
    --service-cluster-ip-range=10.96.0.0/16 --node-monitor-period=1s --node-monitor-grace-period=15s
  keep scheduler "$PROGRAMS/kube-scheduler" --kubeconfig=sched.conf --leader-elect=false
}
