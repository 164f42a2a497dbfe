//! The ingress controller's image in the lab's registry: F5's own where the Docker engine has it or a hub
//! gives it, else the stand-in. The step that installs it is the same for both.

use std::time::Duration;

use secrecy::SecretString;

use super::super::part::State;
use super::super::{Part, Recipe, Site, base, files, registry, site};
use crate::services::Result;
use crate::services::docker::Credentials;
use crate::services::registry::Registry;

/// Its repository in the lab's registry.
pub const REPOSITORY: &str = "lab/nginx-ingress";
/// The original, newest first, as the Docker engine may have it.
const ORIGINALS: [&str; 3] = ["nginx/nginx-ingress:5.5.4", "nginx/nginx-ingress:5.5.3", "nginx/nginx-ingress:5.5.0"];
/// The tag by which the rehearsal's runbook names it, whichever it is.
const IN_USE: &str = "lab";
/// Holds the tag in use, below the lab directory.
const RECORD: &str = "ingress-image";

const PART: Part = Part::IngressImage;

/// Which controller the lab has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// The image as the nodes pull it.
    pub image: String,
    /// What reports say: `stand-in`, or the original's image.
    pub name: String,
}

impl Controller {
    fn of_tag(tag: &str) -> Self {
        let name =
            if tag.starts_with("stand-in") { "stand-in".to_owned() } else { format!("nginx/nginx-ingress:{tag}") };
        Self { image: format!("{}/{REPOSITORY}:{tag}", registry::PULL_ADDRESS), name }
    }
}

/// The controller that `up` has put into the registry, if it has.
pub async fn controller(site: &Site<'_>) -> Result<Option<Controller>> {
    let path = site.directory.join(RECORD);
    match tokio::fs::read_to_string(&path).await {
        Ok(tag) => Ok(Some(Controller::of_tag(tag.trim()))),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(site::fault(&path, "read which ingress controller is in use").because(why)),
    }
}

/// Puts the image into the registry unless it is there.
pub async fn up(site: &Site<'_>) -> Result<()> {
    let (source, tag) = choose(site).await?;
    let credentials = credentials(site).await?;
    let registry = Registry::new(registry::PUSH_ADDRESS, Some(credentials.clone()))?;
    let digest = registry.resolve(REPOSITORY, &tag).await?;
    if digest.is_none() || digest != registry.resolve(REPOSITORY, IN_USE).await? {
        for tag in [tag.as_str(), IN_USE] {
            let target = format!("{}/{REPOSITORY}:{tag}", registry::PUSH_ADDRESS);
            site.say(PART, format!("pushing {source} as {REPOSITORY}:{tag}"));
            site.engine.tag(&source, &target).await?;
            site.engine.push(&target, Some(&credentials), |_| {}).await?;
            // Only a name: the image itself stays, as `source`.
            site.engine.remove_image(&target).await?;
        }
    }
    let path = site.directory.join(RECORD);
    files::write(&path, tag.as_bytes(), 0o600).map_err(|why| site::fault(&path, "keep it").because(why))
}

/// (image on the engine, tag in the registry).
async fn choose(site: &Site<'_>) -> Result<(String, String)> {
    for original in ORIGINALS {
        if site.engine.image(original).await?.is_some() {
            return Ok(tagged(original));
        }
    }
    let recipe = Recipe::embedded("nginx-ingress", base::ensure(site).await?, Duration::from_secs(45))?;
    let stand_in = recipe.reference()?;
    // A hub is asked once, before the stand-in is built: a closed network does not open between two runs.
    if site.engine.image(&stand_in).await?.is_none() {
        site.say(PART, format!("asking the hub for {}", ORIGINALS[0]));
        match base::pull(site, ORIGINALS[0]).await {
            Ok(()) => return Ok(tagged(ORIGINALS[0])),
            Err(why) => {
                let reason = why.why.map(|why| why.to_string()).unwrap_or_default();
                site.say(PART, format!("no hub gives it ({reason}): building the stand-in"));
            }
        }
    }
    let image = recipe.ensure(site, PART).await?;
    let digits = image.rsplit(':').next().unwrap_or_default().to_owned();
    Ok((image, format!("stand-in-{digits}")))
}

fn tagged(original: &str) -> (String, String) {
    (original.to_owned(), original.rsplit(':').next().unwrap_or_default().to_owned())
}

async fn credentials(site: &Site<'_>) -> Result<Credentials> {
    let password = SecretString::from(site.secret("registry").await?);
    Ok(Credentials::Basic { username: registry::USER.to_owned(), password })
}

/// Whether the registry has it.
pub async fn ready(site: &Site<'_>) -> Result<State> {
    let Some(found) = controller(site).await? else { return Ok(State::Absent) };
    let tag = found.image.rsplit(':').next().unwrap_or_default();
    let registry = Registry::new(registry::PUSH_ADDRESS, Some(credentials(site).await?))?;
    Ok(match registry.resolve(REPOSITORY, tag).await {
        Ok(Some(_)) => State::Ready,
        Ok(None) => State::Down(format!("the registry has no {REPOSITORY}:{tag}")),
        Err(why) => State::Down(why.to_string()),
    })
}

/// The registry keeps the lab's own images over a reset.
pub async fn reset(site: &Site<'_>) -> Result<()> {
    up(site).await
}

/// The registry's volume goes with the registry; here only the note of what is in it.
pub async fn down(site: &Site<'_>) -> Result<()> {
    let path = site.directory.join(RECORD);
    match tokio::fs::remove_file(&path).await {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => Err(site::fault(&path, "remove it").because(why)),
        _ => Ok(()),
    }
}
