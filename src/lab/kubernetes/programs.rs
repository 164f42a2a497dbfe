//! The nodes' programs, built in a container from the Go module proxy, once for each recipe.
//!
//! They live in a volume that the nodes mount, below a directory named by the recipe's hash; modules and
//! compiled packages are kept in a second volume. Both are caches: `down` leaves them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::super::{LABEL, Recipe, Site, base, progress::Stretch};
use super::PART;
use crate::services::docker::{ContainerSpec, Labels, Mount};
use crate::services::{Error, Kind, Result};

/// The volume with the finished programs, and where it is mounted.
pub const VOLUME: (&str, &str) = ("cutover-lab-programs", "/programs");
const CACHE: (&str, &str) = ("cutover-lab-go", "/root");
const CONTAINER: &str = "cutover-lab-build";

/// Each program with the seconds it takes on two cores when nothing is cached; the first one pays for the
/// downloads and for what all share.
const PROGRAMS: [(&str, u64); 8] = [
    ("pause", 1),
    ("kube-apiserver", 300),
    ("kube-controller-manager", 50),
    ("kube-scheduler", 5),
    ("kubelet", 16),
    ("kube-proxy", 6),
    ("coredns", 10),
    ("metrics-server", 8),
];

/// How often the builder's log is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How often it is said that a program is still being built.
const REMINDER: Duration = Duration::from_secs(20);

/// Builds what is missing; the directory with the programs, as the nodes see it.
pub async fn ensure(site: &Site<'_>) -> Result<String> {
    let recipe = Recipe::embedded("node-builder", base::ensure(site).await?, Duration::from_mins(1))?;
    let reference = recipe.reference()?;
    let key = reference.rsplit(':').next().unwrap_or("programs");
    let directory = format!("{}/{key}", VOLUME.1);
    // Finished earlier: no need for the builder, nor for its image.
    let marker = format!("programs-{key}");
    if finished(site, &marker).await? {
        return Ok(directory);
    }
    let image = recipe.ensure(site, PART).await?;
    for (volume, _) in [VOLUME, CACHE] {
        site.engine.ensure_volume(volume, &cache_labels()).await?;
    }
    build(site, &image, &directory).await?;
    site.engine.ensure_volume(&format!("cutover-lab-{marker}"), &cache_labels()).await?;
    Ok(directory)
}

/// An empty volume is the marker: it cannot outlive the engine whose volumes hold the programs.
async fn finished(site: &Site<'_>, marker: &str) -> Result<bool> {
    let volumes = site.engine.volumes_labelled(&[(LABEL, "1")]).await?;
    let marker = format!("cutover-lab-{marker}");
    Ok(volumes.contains(&marker) && volumes.iter().any(|volume| volume == VOLUME.0))
}

async fn build(site: &Site<'_>, image: &str, directory: &str) -> Result<()> {
    // A builder that an interrupted `lab up` left behind has its finished programs in the volume.
    site.engine.remove_container(CONTAINER).await?;
    let volume = |(name, at): (&str, &str)| Mount::Volume { name: name.to_owned(), at: at.to_owned() };
    let mut spec = ContainerSpec {
        labels: Site::labels_of(PART),
        mounts: vec![volume(VOLUME), volume(CACHE)],
        command: Some([directory].into_iter().chain(PROGRAMS.map(|(name, _)| name)).map(str::to_owned).collect()),
        ..ContainerSpec::new(CONTAINER, image)
    };
    reach_the_proxy(&mut spec);
    site.engine.run(&spec).await?;

    let total: u64 = PROGRAMS.iter().map(|(_, seconds)| seconds).sum();
    let stretch = Stretch::begin(Duration::from_secs(total));
    let mut ended = std::pin::pin!(site.engine.ended(CONTAINER));
    let mut said = Said::default();
    let code = loop {
        tokio::select! {
            code = &mut ended => break code?,
            () = tokio::time::sleep(LOOK) => {
                let (stdout, _) = site.engine.logs(CONTAINER, None).await?;
                tell(site, &stdout, stretch, &mut said);
            }
        }
    };
    let (_, stderr) = site.engine.logs(CONTAINER, Some(20)).await?;
    site.engine.remove_container(CONTAINER).await?;
    if code != 0 {
        return Err(Error::new("Docker engine", site.engine.address(), "build Kubernetes from the Go module proxy", Kind::Permanent)
            .because(format!("the builder ended with {code}; its last lines:\n{stderr}"))
            .next("the builder needs the Go module proxy: set GOPROXY if yours is another, and SSL_CERT_FILE if this host has certificates of its own"));
    }
    site.say(PART, format!("built Kubernetes in {:.0} s", stretch.elapsed().as_secs_f64()));
    Ok(())
}

/// What was said last, and when.
#[derive(Default)]
struct Said(Option<(String, Instant)>);

impl Said {
    /// Whether `name` is news: another program, or [`REMINDER`] has gone by.
    fn is_news(&mut self, name: &str) -> bool {
        let old = self.0.as_ref().is_some_and(|(last, at)| last == name && at.elapsed() < REMINDER);
        if !old {
            self.0 = Some((name.to_owned(), Instant::now()));
        }
        !old
    }
}

/// Weighs what is finished by the usual times.
fn tell(site: &Site<'_>, log: &str, stretch: Stretch, said: &mut Said) {
    let named =
        |line: &str, word| line.strip_prefix(word).and_then(|rest| rest.split_whitespace().next().map(str::to_owned));
    let begun: Vec<String> = log.lines().filter_map(|line| named(line, "begin ")).collect();
    let ended: Vec<String> = log.lines().filter_map(|line| named(line, "end ")).collect();
    let Some(now) = begun.last().filter(|name| !ended.contains(name)) else { return };
    if !said.is_news(now) {
        return;
    }
    let behind: u64 = PROGRAMS.iter().take_while(|(name, _)| name != now).map(|(_, seconds)| seconds).sum();
    let total: u64 = PROGRAMS.iter().map(|(_, seconds)| seconds).sum();
    #[expect(clippy::cast_precision_loss, reason = "a few hundred seconds")]
    let share = behind as f64 / total as f64;
    let place = PROGRAMS.iter().position(|(name, _)| name == now).unwrap_or_default() + 1;
    site.say_far(Some(PART), format!("building {now} ({place} of {})", PROGRAMS.len()), share, stretch.eta(share));
}

/// The host's way to the module proxy: its settings, and its certificates where they are its own.
fn reach_the_proxy(spec: &mut ContainerSpec) {
    for name in ["GOPROXY", "GOSUMDB", "GONOSUMDB", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"] {
        if let Ok(value) = std::env::var(name) {
            spec.env.push(format!("{name}={value}"));
        }
    }
    let given = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let bundle = given.unwrap_or_else(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"));
    if bundle.is_file() {
        let at = "/etc/host-certificates.crt";
        spec.mounts.push(Mount::Bind { from: bundle.display().to_string(), at: at.to_owned(), read_only: true });
        spec.env.push(format!("SSL_CERT_FILE={at}"));
    }
}

/// Caches belong to the lab and to no part, so that no part takes them away.
fn cache_labels() -> Labels {
    let mut labels = Site::labels();
    labels.insert(format!("{LABEL}.cache"), "1".to_owned());
    labels
}
