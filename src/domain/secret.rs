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

/// Shorter values, and shorter lines of them, are left in a text: to replace them would only garble it.
const SHORTEST: usize = 4;

/// A text of a program that knows secrets, with each value, and each line of one, replaced by its name in brackets.
pub fn hidden<'a>(text: &str, secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (name, value) in secrets {
        // Often only a text's last line is shown: of a secret of several lines that is one.
        found.extend([value].into_iter().chain(value.lines()).map(str::trim).map(|value| (name, value)));
    }
    found.retain(|(_, value)| value.chars().count() >= SHORTEST);
    // One may begin like another.
    found.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
    found.into_iter().fold(text.to_owned(), |text, (name, value)| text.replace(value, &format!("[{name}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_replaced_by_its_name_whole_by_its_lines_and_before_one_that_it_begins_with() {
        let secrets = [("SHORT", "abc"), ("PW", "hunter2"), ("LONGER", "hunter22"), ("PEM", "begin\nend of it\n")];
        let hide = |text| hidden(text, secrets);
        assert_eq!(hide("abc: hunter2, hunter22"), "abc: [PW], [LONGER]");
        assert_eq!(hide("begin\nend of it: end of it"), "[PEM]: [PEM]");
    }
}
