//! A fault in a runbook: where it is, what is wrong, what was expected, and the nearest valid word.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// A place in a file; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Something wrong in a runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What was expected instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The nearest valid word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<String>,
}

/// Every fault of a runbook, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Faults(pub Vec<Fault>);

impl Fault {
    /// Something wrong at a place.
    pub fn at(place: &Place, what: impl Into<String>) -> Self {
        Self { place: place.clone(), what: what.into(), expected: None, nearest: None }
    }

    /// What was expected instead.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// Looks for the nearest of the valid words, and names them all where they are few.
    #[must_use]
    pub fn among<'a>(mut self, word: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        self.nearest = valid
            .iter()
            .map(|candidate| (strsim::jaro_winkler(word, candidate), *candidate))
            .filter(|(likeness, _)| *likeness > 0.75)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, candidate)| candidate.to_owned());
        if self.expected.is_none() && !valid.is_empty() && (self.nearest.is_none() || valid.len() <= 6) {
            let quoted: Vec<String> = valid.iter().map(|word| format!("`{word}`")).collect();
            self.expected =
                Some(if quoted.len() == 1 { quoted.concat() } else { format!("one of {}", quoted.join(", ")) });
        }
        self
    }
}

impl Faults {
    /// Faults in the order of the file, each once.
    pub fn new(mut faults: Vec<Fault>) -> Self {
        faults.sort_by(|a, b| a.place.cmp(&b.place));
        faults.dedup();
        Self(faults)
    }

    /// The same faults, where the file itself could not be read: pointing at what named it.
    #[must_use]
    pub fn reached_from(mut self, place: &Place) -> Self {
        for fault in &mut self.0 {
            if fault.place.line == 0 {
                fault.place = place.clone();
            }
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { file, line, column } = &self.place;
        if *line == 0 {
            write!(f, "{}: {}", file.display(), self.what)?;
        } else {
            write!(f, "{}:{line}:{column}: {}", file.display(), self.what)?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(nearest) = &self.nearest {
            write!(f, "; did you mean `{nearest}`?")?;
        }
        Ok(())
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in &self.0 {
            writeln!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
