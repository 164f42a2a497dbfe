//! Where a secret is to be found: never the secret itself.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A reference to a secret, followed at the moment of use and at no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretRef {
    /// An environment variable of the process that drives.
    Env(String),
    /// A file's content without its last line break; `~/` is the driver's home.
    File(PathBuf),
    /// The standard output of a program, without its last line break.
    Command(Vec<String>),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Command(argv) => write!(f, "command {}", argv.first().map_or("(empty)", String::as_str)),
        }
    }
}
