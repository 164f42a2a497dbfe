//! The nodes' containers. A recipe or programs that have changed make both anew: a cluster is one thing,
//! its certificates are made by the first node and handed to the second through a volume.

use std::time::{Duration, Instant};

use super::super::{LABEL, Recipe, Site, base, registry};
use super::{NODES, PART, programs};
use crate::services::docker::{ContainerSpec, Mount, Port};
use crate::services::{Error, Kind, Result};

/// The volume through which certificates are handed on.
const JOIN: &str = "cutover-lab-join";
/// The label that says which programs a node runs.
const PROGRAMS_LABEL: &str = "programs";
/// How often a file in a container is looked for.
const LOOK: Duration = Duration::from_millis(200);

/// Makes sure of both containers, running the programs of `directory`.
pub async fn ensure(site: &Site<'_>, directory: &str) -> Result<()> {
    let recipe = Recipe::embedded("node", base::ensure(site).await?, Duration::from_secs(45))?;
    let image = recipe.ensure(site, PART).await?;
    if as_wanted(site, &image, directory).await? {
        for (container, ..) in NODES {
            site.engine.start(container).await?;
            site.engine.exec_ok(container, &["bash", "/k8s/images.sh"]).await?;
        }
        return Ok(());
    }
    site.say(PART, "starting two nodes");
    for (container, ..) in NODES {
        site.engine.remove_container(container).await?;
    }
    site.engine.remove_volume(JOIN).await?;
    site.ensure_network().await?;
    site.engine.ensure_volume(JOIN, &Site::labels_of(PART)).await?;
    for node in NODES {
        site.engine.run(&spec(site, node, &image, directory)).await?;
    }
    Ok(())
}

/// Whether both are there, made as they would be made now. Stopped ones count: they are only started.
async fn as_wanted(site: &Site<'_>, image: &str, directory: &str) -> Result<bool> {
    let wanted = site.engine.image(image).await?.map(|image| image.id);
    for (container, ..) in NODES {
        let Some(found) = site.engine.container(container).await? else { return Ok(false) };
        let programs = found.labels.get(&format!("{LABEL}.{PROGRAMS_LABEL}"));
        if Some(&found.image_id) != wanted.as_ref() || programs.is_none_or(|found| found != directory) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Not privileged: a machine without CAP_SYS_RESOURCE refuses that, and this is enough.
fn spec(
    site: &Site<'_>,
    (container, host, address): (&str, &str, &str),
    image: &str,
    directory: &str,
) -> ContainerSpec {
    let list = NODES.map(|(_, host, address)| format!("{host}={address}")).join(" ");
    let mut spec = ContainerSpec {
        hostname: Some(host.to_owned()),
        aliases: vec![host.to_owned()],
        env: vec![format!("NODES={list}"), format!("PROGRAMS={directory}")],
        mounts: vec![
            Mount::Volume { name: JOIN.to_owned(), at: "/join".to_owned() },
            Mount::Volume { name: programs::VOLUME.0.to_owned(), at: programs::VOLUME.1.to_owned() },
            // Not on the image's overlay: containerd cannot stack its own on that one.
            Mount::Anonymous { at: "/var".to_owned() },
        ],
        tmpfs: vec![("/run".to_owned(), String::new()), ("/tmp".to_owned(), String::new())],
        cap_add: vec!["ALL".to_owned()],
        cap_drop: vec!["SYS_RESOURCE".to_owned()],
        security_opt: ["seccomp", "apparmor", "systempaths"].map(|name| format!("{name}=unconfined")).to_vec(),
        devices: vec!["/dev/kmsg".to_owned()],
        device_cgroup_rules: vec!["a *:* rwm".to_owned()],
        private_cgroup: true,
        extra_hosts: NODES
            .iter()
            .map(|(_, host, address)| format!("{host}:{address}"))
            .chain([format!("registry.lab:{}", registry::ADDRESS)])
            .collect(),
        ports: if host == NODES[0].1 { vec![Port::loopback(6443, 6443)] } else { Vec::new() },
        ..site.spec(PART, container, image, address)
    };
    spec.labels.insert(format!("{LABEL}.{PROGRAMS_LABEL}"), directory.to_owned());
    spec
}

/// The administrator's kubeconfig, as the first node has made it, with the API server's address on this host.
pub async fn kubeconfig(site: &Site<'_>, within: Duration) -> Result<String> {
    Ok(handed_over(site, "admin.conf", within)
        .await?
        .replace(&format!("https://{}:6443", NODES[0].2), "https://127.0.0.1:6443"))
}

/// A file that the first node makes for others, once it is complete.
pub async fn handed_over(site: &Site<'_>, name: &str, within: Duration) -> Result<String> {
    let (container, ..) = NODES[0];
    let deadline = Instant::now() + within;
    loop {
        // `done` is written last.
        let done = site.engine.exec_ok(container, &["cat", "/join/done", &format!("/join/{name}")]).await;
        match done {
            Ok(text) => return Ok(text),
            Err(why) if Instant::now() > deadline => {
                let (stdout, stderr) = site.engine.logs(container, Some(20)).await.unwrap_or_default();
                return Err(Error::new("lab node", container, format!("hand over {name}"), Kind::Permanent)
                    .because(format!("{why}; its last lines:\n{stdout}{stderr}")));
            }
            Err(_) => tokio::time::sleep(LOOK).await,
        }
    }
}
