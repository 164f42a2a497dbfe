//! The registry: distribution 2.8 with basic auth and deletion on. The Docker engine pushes to one
//! address ([`PUSH_ADDRESS`]), the cluster's nodes pull from another ([`PULL_ADDRESS`]).

use std::time::Duration;

use super::part::{State, health};
use super::{Part, Recipe, Site, base};
use crate::services::Result;
use crate::services::docker::{ContainerSpec, Mount, Port};

/// The container's name.
pub const CONTAINER: &str = "cutover-registry";
/// Its address on the lab's network.
pub const ADDRESS: &str = "172.30.77.30";
/// Where the Docker engine and this program reach it.
pub const PUSH_ADDRESS: &str = "127.0.0.1:5077";
/// Where the cluster's nodes reach it.
pub const PULL_ADDRESS: &str = "registry.lab:5000";
/// The one account; its password is the secret `registry`.
pub const USER: &str = "cutover";

const PART: Part = Part::Registry;
const VOLUME: &str = "cutover-lab-registry";
const REPOSITORIES: &str = "/var/lib/registry/docker/registry/v2/repositories";

/// The registry's image.
pub async fn image(site: &Site<'_>) -> Result<String> {
    let recipe = Recipe::embedded("registry", base::ensure(site).await?, Duration::from_secs(40))?;
    recipe.ensure(site, PART).await
}

/// Makes what is missing and waits until it answers.
pub async fn up(site: &Site<'_>) -> Result<()> {
    let image = image(site).await?;
    if site.runs(CONTAINER, &image).await? {
        return site.engine.wait_healthy(CONTAINER, Duration::from_secs(30)).await;
    }
    site.say(PART, "starting");
    site.engine.remove_container(CONTAINER).await?;
    site.ensure_network().await?;
    site.engine.ensure_volume(VOLUME, &Site::labels_of(PART)).await?;
    let spec = ContainerSpec {
        hostname: Some("registry".to_owned()),
        aliases: vec!["registry.lab".to_owned()],
        ports: vec![Port::loopback(5000, 5077)],
        mounts: vec![Mount::Volume { name: VOLUME.to_owned(), at: "/var/lib/registry".to_owned() }],
        ..site.spec(PART, CONTAINER, &image, ADDRESS)
    };
    site.engine.create(&spec).await?;
    site.give_secrets(CONTAINER, &["registry"]).await?;
    site.engine.start(CONTAINER).await?;
    site.engine.wait_healthy(CONTAINER, Duration::from_secs(30)).await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    health(site, CONTAINER).await
}

/// Empties `shop/*`; the lab's own images under `lab/*` stay. What nobody refers to any more is collected.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    up(site).await?;
    site.engine.exec_ok(CONTAINER, &["rm", "-rf", &format!("{REPOSITORIES}/shop")]).await?;
    let collect = ["docker-registry", "garbage-collect", "/etc/docker/registry/config.yml"];
    site.engine.exec_ok(CONTAINER, &["sh", "-c", &format!("[ ! -d {REPOSITORIES} ] || {}", collect.join(" "))]).await?;
    Ok(())
}

/// Takes it away with everything pushed to it.
pub async fn down(site: &Site<'_>) -> Result<()> {
    site.remove_all(PART, true).await
}
