//! The image with MySQL 9.7 that both servers stand on.

use std::time::Duration;

use super::{Part, Recipe, Site, base};
use crate::services::Result;

/// The name by which runbooks and tests ask for it, whatever its recipe's hash is.
pub const NAME: &str = "cutover-lab/mysql:9.7";

/// Builds it unless it is there; its reference. `part` is who asked.
pub async fn image(site: &Site<'_>, part: Part) -> Result<String> {
    let recipe = Recipe::embedded("mysql", base::ensure(site).await?, Duration::from_secs(70))?;
    let reference = recipe.ensure(site, part).await?;
    site.engine.tag(&reference, NAME).await?;
    Ok(reference)
}
