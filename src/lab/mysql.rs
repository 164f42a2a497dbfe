//! The image with MySQL 9.7 that both servers stand on.

use std::time::Duration;

use super::{Part, Recipe, Site, base};
use crate::services::Result;

/// Builds it unless it is there; its reference. `part` is who asked.
pub async fn image(site: &Site<'_>, part: Part) -> Result<String> {
    let recipe = Recipe::embedded("mysql", base::ensure(site).await?, Duration::from_secs(70))?;
    recipe.ensure(site, part).await
}
