//! Standard error: a word beside the output. It may be a terminal whose connection is gone or a log on a full disk,
//! and neither may end an engine or its supervisor, as `eprintln!` would, which panics.

use std::io::Write as _;

use crate::domain::plain;

/// Writes a text for people, line by line; nothing in it draws on their terminal.
pub fn line(text: &str) {
    let text = plain::lines(text.trim_end_matches('\n'));
    // In one piece: several tasks write.
    let _ = std::io::stderr().lock().write_all(format!("{text}\n").as_bytes());
}
