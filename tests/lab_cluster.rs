//! The lab's cluster: two nodes of real Kubernetes, the balancer in front of them, and the ingress
//! controller's image, as strict as the original and stricter.

use cutover::lab::kubernetes::{CONTEXT, kubeconfig};
use cutover::lab::{Part, Progress, Site, State};
use cutover::services::docker::Engine;
use cutover::services::kubernetes::Cluster;

fn hear(news: Progress) {
    eprintln!("{:?} {} {:?} {:?}", news.part, news.text, news.done, news.eta);
}

async fn site() -> Site<'static> {
    let home = std::env::var("HOME").unwrap();
    let directory = std::env::var("CUTOVER_LAB_DIR").unwrap_or_else(|_| format!("{home}/.cache/cutover/lab"));
    let engine = Engine::connect(None).await.unwrap();
    Site { engine, directory: directory.into(), rows: 1000, builds: tokio::sync::Mutex::default(), news: &hear }
}

#[tokio::test]
async fn two_nodes_and_a_balancer_come_up() {
    let site = site().await;
    for part in [Part::Registry, Part::Kubernetes, Part::Balancer, Part::IngressImage] {
        part.up(&site).await.unwrap();
        assert_eq!(part.ready(&site).await.unwrap(), State::Ready, "{part}");
    }
    let cluster = Cluster::connect(Some(&kubeconfig(&site)), Some(CONTEXT)).await.unwrap();
    let nodes = cluster.nodes().await.unwrap();
    assert_eq!(nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["node1", "node2"]);
}
