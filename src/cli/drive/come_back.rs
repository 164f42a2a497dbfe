//! The command that comes back to a run, as a shell takes it: paths with spaces, names, everything that was said.

use std::ffi::{OsStr, OsString};

use crate::cli::Which;

/// `cutover VERB RUNBOOK` with what was given to find the run, and `more` words.
pub(in crate::cli) fn command(verb: &str, which: &Which, more: &[OsString]) -> String {
    let mut words: Vec<OsString> = vec!["cutover".into(), verb.into(), which.runbook.clone().into()];
    if let Some(state) = &which.state {
        words.extend(["--state".into(), state.clone().into()]);
    }
    words.extend(which.set.iter().flat_map(|value| ["--set".into(), value.into()]));
    words.extend_from_slice(more);
    words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as it is where a shell reads nothing into it, else in quotes.
fn quoted(word: &OsStr) -> String {
    let word = word.to_string_lossy();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+:@%,=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.into_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_back_what_was_given() {
        let which = Which {
            runbook: "my runbooks/it's.toml".into(),
            state: Some("/var/lib/cutover".into()),
            set: vec!["nodes=1".to_owned(), "namespace=\"a b\"".to_owned()],
            json: false,
        };
        let words = ["--as".into(), "Mara O".into()];
        let said = command("drive", &which, &words);
        let wanted = r#"cutover drive 'my runbooks/it'\''s.toml' --state /var/lib/cutover --set nodes=1 --set 'namespace="a b"' --as 'Mara O'"#;
        assert_eq!(said, wanted);
        let read = std::process::Command::new("sh").args(["-c", &format!("printf '%s\n' {said}")]).output().unwrap();
        assert!(String::from_utf8_lossy(&read.stdout).contains("my runbooks/it's.toml\n--state\n"), "{read:?}");
    }
}
