//! The lab's cluster: two nodes of real Kubernetes, the balancer in front of them, and the ingress
//! controller's image, as strict as the original and stricter.
//!
//! One test after the other, on the one lab; what they make stands in namespaces of its own.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cutover::lab::kubernetes::{CONTEXT, balancer, ingress, kubeconfig};
use cutover::lab::{Part, Site, State};
use cutover::services::docker::Engine;
use cutover::services::kubernetes::{Cluster, Manifest, Owner, Placeholders};
use tokio::sync::{Mutex, MutexGuard};

const MANIFEST: &str = include_str!("support/ingress.yaml");
const PATIENCE: Duration = Duration::from_mins(1);
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

struct Lab {
    site: Site<'static>,
    cluster: Cluster,
    _alone: MutexGuard<'static, ()>,
}

/// The lab with the four parts up (a second `up` takes seconds) and nothing of a rehearsal in the cluster.
async fn lab() -> Lab {
    let alone = ONE_AT_A_TIME.lock().await;
    let home = || std::env::home_dir().unwrap().join(".cache/cutover/lab");
    let directory = std::env::var_os("CUTOVER_LAB_DIR").map_or_else(home, Into::into);
    let engine = Engine::connect(None).await.unwrap();
    let site =
        Site { engine, directory, rows: 1000, builds: Mutex::default(), news: &|news| eprintln!("{}", news.text) };
    for part in [Part::Registry, Part::Kubernetes, Part::Balancer, Part::IngressImage] {
        part.up(&site).await.unwrap();
        assert_eq!(part.ready(&site).await.unwrap(), State::Ready, "{part}");
    }
    Part::Kubernetes.reset(&site).await.unwrap();
    let cluster = Cluster::connect(Some(&kubeconfig(&site)), Some(CONTEXT)).await.unwrap();
    Lab { site, cluster, _alone: alone }
}

/// A controller in `namespace` with this Secret as its wildcard certificate.
async fn install(lab: &Lab, namespace: &str, wildcard: &str, extra: &str) {
    let certified = rcgen::generate_simple_self_signed(vec!["app.lab.example".to_owned()]).unwrap();
    let password = lab.site.secret("registry").await.unwrap();
    let auth = STANDARD.encode(format!("cutover:{password}"));
    let values = [
        ("NAMESPACE", namespace.to_owned()),
        ("NAME", "nginx-ingress".to_owned()),
        ("REPLICAS", "2".to_owned()),
        ("WILDCARD", wildcard.to_owned()),
        ("IMAGE", ingress::controller(&lab.site).await.unwrap().unwrap().image),
        ("CRT", STANDARD.encode(certified.cert.pem())),
        ("KEY", STANDARD.encode(certified.signing_key.serialize_pem())),
        ("PULL", STANDARD.encode(format!(r#"{{"auths":{{"registry.lab:5000":{{"auth":"{auth}"}}}}}}"#))),
    ];
    let mut text =
        values.iter().fold(MANIFEST.to_owned(), |text, (key, value)| text.replace(&format!("${{{key}}}"), value));
    if !extra.is_empty() {
        text = text.replace("- -report-ingress-status", &format!("- -report-ingress-status\n        - {extra}"));
    }
    for manifest in Manifest::parse(&text, &Placeholders::default()).unwrap() {
        lab.cluster.apply(&manifest, &Owner::new("lab-cluster-test")).await.unwrap();
    }
}

/// Polls until `look` gives something.
async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the first pod's log says that contains `words`.
async fn log_with(lab: &Lab, namespace: &str, words: &str) -> String {
    eventually(words, || async {
        let pods = lab.cluster.pods(namespace, "app=nginx-ingress").await.unwrap();
        let log = lab.cluster.pod_log(namespace, &pods.first()?.name, 20).await.ok()?;
        log.contains(words).then_some(log)
    })
    .await
}

#[tokio::test]
async fn a_controller_from_the_registry_serves_at_the_balancer_and_a_reset_removes_it() {
    let lab = lab().await;
    let nodes = lab.cluster.nodes().await.unwrap();
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["node1", "node2"]);

    install(&lab, "nginx-ingress", "certificate", "").await;
    lab.cluster.wait_rolled_out("nginx-ingress", "nginx-ingress", PATIENCE, |_| {}).await.unwrap();
    let host = lab.cluster.wait_load_balancer("nginx-ingress", "nginx-ingress", PATIENCE).await.unwrap();
    assert_eq!(host, balancer::HOST_NAME);

    // A host that nobody has: answered by the controller's default server, through the balancer.
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = eventually("an answer at the balancer", || async {
        http.get(format!("http://{}/", balancer::ADDRESS)).send().await.ok().map(|answer| answer.status().as_u16())
    })
    .await;
    assert_eq!(status, 404);

    // Stricter than the original: a typing error rejects the Ingress, and says so.
    let wrong = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: wrong, namespace: nginx-ingress, annotations: {nginx.org/ssl-redirekt: 'false'}}
spec:
  ingressClassName: nginx
  rules: [{host: wrong.lab.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: nginx-ingress, port: {number: 80}}}}]}}]
";
    for manifest in Manifest::parse(wrong, &Placeholders::default()).unwrap() {
        lab.cluster.apply(&manifest, &Owner::new("lab-cluster-test")).await.unwrap();
    }
    let is_stand_in = ingress::controller(&lab.site).await.unwrap().unwrap().name == "stand-in";
    if is_stand_in {
        let warning = eventually("a warning", || async {
            lab.cluster.warnings("nginx-ingress", "Ingress", "wrong").await.unwrap().into_iter().next()
        })
        .await;
        assert!(warning.contains("nginx.org/ssl-redirekt is not known"), "{warning}");
    }

    Part::Kubernetes.reset(&lab.site).await.unwrap();
    assert_eq!(lab.cluster.load_balancer("nginx-ingress", "nginx-ingress").await.unwrap(), None);
    assert_eq!(lab.cluster.ingress_class("nginx").await.unwrap(), None);
}

#[tokio::test]
async fn a_controller_whose_wildcard_certificate_is_missing_does_not_start() {
    let lab = lab().await;
    install(&lab, "no-secret", "absent", "").await;
    let log = log_with(&lab, "no-secret", "absent").await;
    assert!(lab.cluster.pods("no-secret", "app=nginx-ingress").await.unwrap().iter().all(|pod| !pod.ready), "{log}");
    Part::Kubernetes.reset(&lab.site).await.unwrap();
}

#[tokio::test]
async fn a_controller_refuses_an_argument_that_it_does_not_know() {
    let lab = lab().await;
    install(&lab, "odd-argument", "certificate", "-no-such-thing").await;
    log_with(&lab, "odd-argument", "flag provided but not defined: -no-such-thing").await;
    Part::Kubernetes.reset(&lab.site).await.unwrap();
}
