//! The managed MySQL: an admin who may little, procedures named as RDS's, a platform that minds its own
//! business in `mysql.*`.

use std::time::Duration;

use super::data_directory::{self, DataDirectory};
use super::part::{State, health};
use super::server::Server;
use super::{Part, Recipe, Site, mysql};
use crate::services::Result;
use crate::services::docker::Context;

/// The container's name.
pub const CONTAINER: &str = "cutover-managed-mysql";
/// Its address, port 3306.
pub const ADDRESS: &str = "172.30.77.20";
/// The customer's account; its password is the secret `managed-admin`.
pub const ADMIN: &str = "admin";

const PART: Part = Part::ManagedMysql;
const SECRETS: &[&str] = &["managed-admin"];

/// Makes what is missing and waits until it answers.
pub async fn up(site: &Site<'_>) -> Result<()> {
    server(site).await?.up(site).await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    health(site, CONTAINER).await
}

/// An empty server again, with the same UUID.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    server(site).await?.reset(site).await
}

/// Takes it away with its data, the pristine ones too.
pub async fn down(site: &Site<'_>) -> Result<()> {
    site.remove_all(PART, true).await
}

async fn server(site: &Site<'_>) -> Result<Server> {
    let base = mysql::image(site, PART).await?;
    let image = Recipe::embedded("managed-mysql", &base, Duration::from_secs(5))?.ensure(site, PART).await?;
    let admin = site.secret("managed-admin").await?;
    // The image's tag stands for its procedures, which are part of the data.
    let key = data_directory::key(&[image.as_bytes(), admin.as_bytes()]);
    let maker = vec!["/opt/managed/entry.sh".to_owned(), "make".to_owned()];
    let data = DataDirectory { part: PART, image, maker, secrets: SECRETS, key, usual: Duration::from_secs(8) };
    let files = Context::default();
    Ok(Server { container: CONTAINER, hostname: "managed-mysql", address: ADDRESS, data, files })
}
