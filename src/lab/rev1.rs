//! Rev1: one box with NGINX (and the front), the backend and MySQL, as the service stands today.

use std::time::Duration;

use super::data_directory::{self, DataDirectory};
use super::part::{State, health};
use super::recipe::embedded;
use super::server::Server;
use super::{Part, Recipe, Site, mysql};
use crate::services::Result;
use crate::services::docker::Context;

/// The container's name.
pub const CONTAINER: &str = "cutover-rev1";
/// Its address: HTTP on 80, HTTPS on 443, MySQL on 3306.
pub const ADDRESS: &str = "172.30.77.10";
/// The engine's account on its MySQL; the password is the secret `rev1-admin`.
pub const ADMIN: &str = "cutover_admin";
/// The application's account on its MySQL; the password is the secret `rev1-app`.
pub const APP: &str = "shop";

const PART: Part = Part::Rev1;
const SECRETS: &[&str] = &["rev1-app", "rev1-admin"];
/// What the data directory is made of, beside the number of rows and the secrets.
const MADE_OF: &[&str] = &["rev1/init.sql", "rev1/seed.sql", "rev1/seed.sh", "rev1/zz-rev1.cnf", "backend/schema.sql"];

/// Makes what is missing and waits until NGINX, the backend and MySQL answer.
pub async fn up(site: &Site<'_>) -> Result<()> {
    server(site).await?.up(site).await
}

/// Looks at it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    health(site, CONTAINER).await
}

/// The box as it was on its first day, front included.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    server(site).await?.reset(site).await
}

/// Takes it away with its data, the pristine ones too.
pub async fn down(site: &Site<'_>) -> Result<()> {
    site.remove_all(PART, true).await
}

async fn server(site: &Site<'_>) -> Result<Server> {
    let base = mysql::image(site, PART).await?;
    let recipe = Recipe::embedded("rev1", &base, Duration::from_mins(1))?.with_files_of("backend", "backend")?;
    let image = recipe.ensure(site, PART).await?;

    let rows = site.rows.to_string();
    let mut made_of = vec![base.into_bytes(), rows.clone().into_bytes()];
    for path in MADE_OF {
        let directory = path.split('/').next().unwrap_or_default();
        let file = embedded(directory)?.get_file(path).map(include_dir::File::contents);
        made_of.push(file.unwrap_or_default().to_vec());
    }
    for name in SECRETS {
        made_of.push(site.secret(name).await?.into_bytes());
    }
    let pieces: Vec<&[u8]> = made_of.iter().map(Vec::as_slice).collect();

    let tls = site.tls()?;
    let mut files = Context::default();
    for name in ["app.crt", "app.key"] {
        files = files.with(format!("etc/cutover/{name}"), site.read(&tls.join(name)).await?, false);
    }
    // Seen: 6 s for the server itself, and about 30 s for every million rows.
    let usual = Duration::from_millis(6_000 + site.rows / 33);
    let data = DataDirectory {
        part: PART,
        image,
        maker: vec!["/opt/rev1/seed.sh".to_owned(), rows],
        secrets: SECRETS,
        key: data_directory::key(&pieces),
        usual,
    };
    Ok(Server { container: CONTAINER, hostname: "rev1", address: ADDRESS, data, files })
}
