//! What `front-switch` says, read: an HTTP response's head, printed as it came.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which way the front passes requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// To the old side.
    Direct,
    /// Reads go on, writes wait or are told to come again.
    Hold,
    /// To the new side.
    Relay,
}

impl Mode {
    /// The program's word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Hold => "hold",
            Self::Relay => "relay",
        }
    }

    fn named(word: &str) -> Option<Self> {
        [Self::Direct, Self::Hold, Self::Relay].into_iter().find(|mode| mode.word() == word)
    }
}

/// Where writes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The backend at the old address.
    Old,
    /// The ingress.
    New,
}

impl Side {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }
}

/// What the front says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Which way is in force.
    pub mode: Mode,
    /// The generation of its configuration, where it says so.
    pub generation: Option<String>,
}

/// What came back through the staged relay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tested {
    /// The HTTP status.
    pub status: u16,
    /// The response's headers, names in lower case.
    pub headers: BTreeMap<String, String>,
}

pub(super) fn status(said: &str) -> Option<Status> {
    let head = tested(said)?;
    let mode = Mode::named(head.headers.get("x-front-mode")?)?;
    Some(Status { mode, generation: head.headers.get("x-front-gen").cloned() })
}

/// The last response's head in the text; what follows it (a list of processes) is not looked at.
pub(super) fn tested(said: &str) -> Option<Tested> {
    let lines: Vec<&str> = said.lines().map(str::trim_end).collect();
    let begins = lines.iter().rposition(|line| line.starts_with("HTTP/"))?;
    let status = lines[begins].split_whitespace().nth(1)?.parse().ok()?;
    let headers = lines[begins + 1..]
        .iter()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some(Tested { status, headers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_read_from_the_answer_and_not_from_what_follows() {
        let said = "HTTP/1.1 204 No Content\r\nX-Front-Mode: hold\r\nX-Front-Worker: 31\r\nX-Front-Gen: 7\r\n\r\n   31 nginx: relay\n";
        assert_eq!(status(said), Some(Status { mode: Mode::Hold, generation: Some("7".to_owned()) }));
    }

    #[test]
    fn an_answer_without_a_mode_or_with_a_strange_one_is_none() {
        assert_eq!(status("HTTP/2 204\r\nServer: nginx\r\n\r\n"), None);
        assert_eq!(status("HTTP/2 204\r\nX-Front-Mode: open\r\n\r\n"), None);
        assert_eq!(status("curl: (7) Failed to connect"), None);
    }

    #[test]
    fn a_test_gives_the_last_answers_status_and_headers() {
        let said = "HTTP/1.1 100 Continue\r\n\r\nHTTP/2 200\r\nX-App-Build: sha256:ab\r\n\r\n";
        let tested = tested(said).unwrap();
        assert_eq!((tested.status, tested.headers["x-app-build"].as_str()), (200, "sha256:ab"));
    }
}
