//! Building an image: the context goes up as a stream, the steps come back as lines, and an error in the
//! middle of a successful answer is found.
//!
//! The engine's classic builder is used: it is in every engine since 1.12 and needs no session of the
//! client's own. A client that goes away cancels its build.

use std::collections::VecDeque;

use bollard::query_parameters::BuildImageOptions;
use futures_util::StreamExt as _;

use super::{Context, Credentials, Engine, Labels};
use crate::services::{Error, Kind, Result};

/// How many of the last lines a failed build shows.
const SHOWN: usize = 15;

/// How to build.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// `repository:tag` for the result; the result's id is returned either way.
    pub tag: Option<String>,
    /// The Dockerfile's path in the context; `Dockerfile` if empty.
    pub dockerfile: String,
    /// `ARG` values. They stay in the image's history: never a secret.
    pub args: Labels,
    /// Labels on the result.
    pub labels: Labels,
    /// `linux/amd64`; the engine's own if empty.
    pub platform: String,
    /// The network of `RUN` steps, `host` for instance; the engine's default if `None`.
    pub network: Option<String>,
    /// Credentials for base images, by registry host.
    pub credentials: Vec<(String, Credentials)>,
}

/// What happened meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BuildEvent {
    /// `Step 3/9 : RUN apt-get ...`
    Step {
        /// From 1.
        number: u32,
        /// In all.
        total: u32,
        /// The instruction.
        instruction: String,
    },
    /// A line that a step printed.
    Line(String),
}

impl Engine {
    /// Builds `context` and returns the image's id (`sha256:...`).
    pub async fn build(
        &self,
        context: Context,
        options: &BuildOptions,
        mut on: impl FnMut(BuildEvent) + Send,
    ) -> Result<String> {
        let dockerfile = if options.dockerfile.is_empty() { "Dockerfile" } else { &options.dockerfile };
        let doing = format!("build the image {}", options.tag.as_deref().unwrap_or(dockerfile));
        if !context.has(dockerfile) {
            return Err(Error::new("Docker engine", self.address(), doing, Kind::Permanent)
                .because(format!("{dockerfile} is not in the build context")));
        }
        let request = BuildImageOptions {
            dockerfile: dockerfile.to_owned(),
            t: options.tag.clone(),
            rm: true,
            forcerm: true,
            buildargs: Some(options.args.clone().into_iter().collect()),
            labels: Some(options.labels.clone().into_iter().collect()),
            networkmode: options.network.clone(),
            platform: options.platform.clone(),
            ..BuildImageOptions::default()
        };
        let credentials = options.credentials.iter().map(|(host, c)| (host.clone(), c.for_engine(host))).collect();
        let body = bollard::body_try_stream(context.into_stream());
        let mut stream = self.docker.build_image(request, Some(credentials), Some(body));

        let mut id = None;
        let mut last = VecDeque::with_capacity(SHOWN);
        let mut pending = String::new();
        while let Some(info) = stream.next().await {
            let info = info.map_err(|why| {
                let error = self.fault(doing.clone())(why);
                with_lines(error, &last)
            })?;
            if let Some(made) = info.aux.and_then(|aux| aux.id) {
                id = Some(made);
            }
            pending.push_str(&info.stream.unwrap_or_default());
            while let Some(end) = pending.find('\n') {
                let line: String = pending.drain(..=end).collect();
                let line = line.trim_end();
                if !line.is_empty() {
                    if last.len() == SHOWN {
                        last.pop_front();
                    }
                    last.push_back(line.to_owned());
                    on(event(line));
                }
            }
        }
        id.ok_or_else(|| {
            let error = Error::new("Docker engine", self.address(), doing, Kind::Unknown)
                .because("the engine's answer ended without the image's id");
            with_lines(error, &last)
        })
    }
}

/// The engine's error says which command failed; its last lines say why.
fn with_lines(mut error: Error, last: &VecDeque<String>) -> Error {
    let lines: Vec<&str> = last.iter().map(String::as_str).collect();
    if !lines.is_empty() {
        let why = error.why.take().map(|why| why.to_string()).unwrap_or_default();
        error = error.because(format!("{why}; the build's last lines:\n{}", lines.join("\n")));
    }
    error
}

fn event(line: &str) -> BuildEvent {
    let step = line.strip_prefix("Step ").and_then(|rest| {
        let (count, instruction) = rest.split_once(" : ")?;
        let (number, total) = count.split_once('/')?;
        Some(BuildEvent::Step {
            number: number.parse().ok()?,
            total: total.parse().ok()?,
            instruction: instruction.to_owned(),
        })
    });
    step.unwrap_or_else(|| BuildEvent::Line(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_from_lines() {
        let step = event("Step 2/7 : RUN apt-get update");
        assert_eq!(step, BuildEvent::Step { number: 2, total: 7, instruction: "RUN apt-get update".into() });
        assert_eq!(event("Step by step"), BuildEvent::Line("Step by step".into()));
    }
}
