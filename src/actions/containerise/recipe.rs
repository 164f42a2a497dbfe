//! What an image is built from: the backend's directory, a Dockerfile of its own or of ours, a pinned base.

use std::path::Path;

use crate::actions::{Reading, Result};
use crate::domain::Failure;
use crate::domain::runbook::inputs::Containerise;
use crate::services::docker::{Context, Engine, ImageInfo, Labels, split_reference};
use crate::services::kubernetes::{MANAGED_BY, MANAGER, RUN};

/// The label that holds the digest of the sources.
pub(super) const CONTEXT: &str = "cutover.dev/context";
/// The label that holds what the source said it was.
const SOURCE_BUILD: &str = "cutover.dev/source-build";
/// OCI's label for the commit.
const REVISION: &str = "org.opencontainers.image.revision";

/// Our Dockerfile is put into the context under a name that no backend uses.
const OURS: &str = ".cutover.Dockerfile";
/// The template's base where the runbook names none.
const BASE: &str = "debian:trixie-slim";
const DEBIAN: &str = include_str!("../../../assets/containerise/debian.Dockerfile");

/// A build, ready to be sent.
pub(super) struct Recipe {
    pub(super) context: Context,
    pub(super) context_digest: String,
    pub(super) dockerfile: String,
    pub(super) args: Labels,
    pub(super) labels: Labels,
    base: Option<String>,
    revision: Option<String>,
}

impl Recipe {
    /// Reads the backend's directory and decides how it is built.
    pub(super) async fn read(inputs: &Containerise, cx: &Reading, engine: &Engine) -> Result<Self> {
        let directory = cx.path(&inputs.context);
        let unreadable = |why: std::io::Error| {
            Failure::permanent(format!("read the backend's directory {}", directory.display()))
                .because(why.to_string())
                .next("give its place as `context` in the step")
        };
        let context = Context::of_directory(&directory).map_err(unreadable)?;
        let (context, dockerfile) = match (&inputs.dockerfile, &inputs.template) {
            (Some(own), None) => (context, own.to_string_lossy().into_owned()),
            (None, Some(template)) => {
                let text = from_template(template, inputs, &context)?;
                // A list of no packages is a file too: the template copies it in any case.
                let context =
                    if context.has("apt-packages.txt") { context } else { context.with("apt-packages.txt", "", false) };
                (context.with(OURS, text, false), OURS.to_owned())
            }
            _ => {
                return Err(Failure::permanent("the step has to name either `dockerfile` or `template`")
                    .next("`dockerfile` where the backend has one, else `template = \"debian\"`"));
            }
        };
        if !context.has(&dockerfile) {
            return Err(Failure::permanent(format!("{} has no {dockerfile}", directory.display()))
                .next("write one, or take `template = \"debian\"`"));
        }
        let base = match base(inputs) {
            Some(base) => Some(pinned(engine, base).await?),
            None => None,
        };
        let context_digest = context.digest().map_err(unreadable)?;
        let revision = revision(&directory).await;
        let mut labels = Labels::from([
            (MANAGED_BY.to_owned(), MANAGER.to_owned()),
            (RUN.to_owned(), cx.run().to_string()),
            (CONTEXT.to_owned(), context_digest.clone()),
        ]);
        labels.extend(revision.clone().map(|revision| (REVISION.to_owned(), revision)));
        let build = cx.connections().source.as_ref().and_then(|source| source.build.clone());
        labels.extend(build.map(|build| (SOURCE_BUILD.to_owned(), build)));
        let args = base.iter().map(|base| ("BASE".to_owned(), base.clone())).collect();
        Ok(Self { context, context_digest, dockerfile, args, labels, base, revision })
    }

    /// Whether an image is what this recipe makes, for this run.
    pub(super) fn made(&self, image: &ImageInfo) -> bool {
        [RUN, CONTEXT].iter().all(|key| image.labels.get(*key) == self.labels.get(*key))
    }

    /// How many files go to the engine.
    pub(super) fn files(&self) -> usize {
        self.context.paths().count()
    }

    /// What the driver should see.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines =
            vec![format!("Dockerfile {}", if self.dockerfile == OURS { "of the template" } else { &self.dockerfile })];
        lines.extend(self.base.iter().map(|base| format!("base {base}")));
        lines.push(format!(
            "commit {}",
            self.revision.as_deref().unwrap_or("unknown: the directory is in no Git repository")
        ));
        lines
    }

    pub(super) fn warnings(&self, inputs: &Containerise, engine: &str) -> Vec<String> {
        let mut warnings = Vec::new();
        if super::architecture(&inputs.platform) != Some(engine) {
            warnings.push(format!("the engine is {engine}: building for {} needs emulation there", inputs.platform));
        }
        if self.revision.as_ref().is_some_and(|revision| revision.ends_with("-dirty")) {
            warnings.push("the backend's directory has changes that are not committed".to_owned());
        }
        let secret = |path: &&str| {
            let path = Path::new(path);
            let ends = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
            matches!(ends, "env" | "pem" | "key")
                || path.file_name().is_some_and(|name| name == ".env" || name == "id_rsa")
        };
        let secrets: Vec<&str> = self.context.paths().filter(secret).collect();
        if !secrets.is_empty() {
            warnings
                .push(format!("these go into the image and look like secrets: {} (.dockerignore)", secrets.join(", ")));
        }
        warnings
    }
}

/// The image that the build begins from, where it is ours to say.
pub(super) fn base(inputs: &Containerise) -> Option<&str> {
    inputs.base.as_deref().or(inputs.template.as_ref().map(|_| BASE))
}

/// The base by its digest, or by its id where it came from no registry: the same base on every attempt. By
/// its name while the engine has not pulled it.
async fn pinned(engine: &Engine, base: &str) -> Result<String> {
    let Some(found) = engine.image(base).await? else { return Ok(base.to_owned()) };
    let repository = split_reference(base).0;
    let by_digest = found.digests.iter().find(|digest| digest.split('@').next() == Some(repository));
    Ok(by_digest.cloned().unwrap_or(found.id))
}

fn from_template(template: &str, inputs: &Containerise, context: &Context) -> Result<String> {
    if template != "debian" {
        return Err(Failure::permanent(format!("there is no template `{template}`")).next("the one there is: `debian`"));
    }
    if !inputs.live.starts_with('/') || inputs.live.contains(|c: char| !c.is_ascii_graphic() || "'\"\\$`".contains(c)) {
        return Err(Failure::permanent(format!("`live` is no plain path: {}", inputs.live)));
    }
    let entry = serde_json::to_string(&entry(context)?).map_err(|why| Failure::permanent(why.to_string()))?;
    Ok(DEBIAN.replace("${port}", &inputs.port.to_string()).replace("${live}", &inputs.live).replace("${entry}", &entry))
}

/// How the backend is started: the `web` line of its Procfile, or the one file that says so by its name.
fn entry(context: &Context) -> Result<Vec<String>> {
    if let Ok(procfile) = context.read("Procfile") {
        let text = String::from_utf8_lossy(&procfile).into_owned();
        if let Some(line) = text.lines().find_map(|line| line.strip_prefix("web:")) {
            return Ok(["/bin/sh", "-c"]
                .into_iter()
                .map(str::to_owned)
                .chain([format!("exec {}", line.trim())])
                .collect());
        }
    }
    for name in ["entry", "entry.sh", "entrypoint.sh", "serve.sh", "run", "run.sh", "start.sh"] {
        if context.has(name) {
            return Ok(vec![format!("./{name}")]);
        }
    }
    for name in ["backend.py", "app.py", "main.py", "server.py"] {
        if context.has(name) {
            return Ok(vec!["python3".to_owned(), name.to_owned()]);
        }
    }
    Err(Failure::permanent("the template cannot tell how the backend is started")
        .next("add a Procfile with a line `web: PROGRAM ARGUMENTS`, or a Dockerfile of its own"))
}

/// The commit that the directory is at, with `-dirty` where the directory has changes.
async fn revision(directory: &Path) -> Option<String> {
    let head = git(directory, &["rev-parse", "HEAD"]).await?;
    let changes = git(directory, &["status", "--porcelain", "--", "."]).await?;
    Some(if changes.is_empty() { head } else { format!("{head}-dirty") })
}

async fn git(directory: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = tokio::process::Command::new("git");
    git.arg("-C").arg(directory).args(arguments).stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = git.output().await.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_procfile_says_how_to_start_and_a_well_known_file_does_too() {
        let procfile = Context::default().with("Procfile", "release: x\nweb: python3 app.py --port 80\n", false);
        assert_eq!(entry(&procfile).unwrap(), ["/bin/sh", "-c", "exec python3 app.py --port 80"]);
        assert_eq!(entry(&Context::default().with("app.py", "", false)).unwrap(), ["python3", "app.py"]);
        assert!(entry(&Context::default()).unwrap_err().next.unwrap().contains("Procfile"));
    }
}
