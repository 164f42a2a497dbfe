//! Links, one for each person: a random token, of which only digests are kept, in a file for its owner alone.
//!
//! The token stands in the link's fragment, which browsers send to nobody; the page hands it in once and gets a
//! cookie, made of the token and good for as long as the link. Both are compared by their digests, so this file
//! opens no door to whoever reads it; and because nothing else is kept, sessions outlive the engine.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::{Failure, plain};

/// The file's name in the state directory.
const FILE: &str = "links.json";

/// Held by whoever changes the file.
const LOCK: &str = "links.lock";

/// What makes a session of a token: who has the one cannot compute the other.
const SESSION: &str = "cutover session 1:";

/// The longest name, in characters.
const LONGEST: usize = 64;

/// A person's link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Whose it is: what they write stands under this name.
    pub name: String,
    /// Since when.
    pub since: Timestamp,
    /// The token's digest.
    token: String,
    /// The session's digest.
    session: String,
}

/// A token and its session are 64 hex digits; anything else is nobody's.
fn digest(secret: &str) -> Option<String> {
    let fits = secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| hex::encode(Sha256::digest(secret)))
}

/// The session that belongs to a token.
fn session_of(token: &str) -> String {
    hex::encode(Sha256::digest(format!("{SESSION}{token}")))
}

/// Everybody who has a link.
///
/// # Errors
/// The file cannot be read; that is not the same as having nobody in it.
pub fn all(directory: &Path) -> io::Result<Vec<Link>> {
    match fs::read_to_string(directory.join(FILE)) {
        Ok(text) => Ok(serde_json::from_str(&text)?),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(why) => Err(why),
    }
}

/// What to say of a file that cannot be read.
pub fn unreadable(directory: &Path, why: &io::Error) -> Failure {
    Failure::permanent(format!("read {}", directory.join(FILE).display()))
        .because(why.to_string())
        .next("does it belong to the user of the engine? who lost theirs gets a new link once it is out of the way")
}

/// Makes a person's link, in place of the one that they had; its token, which is kept nowhere.
///
/// # Errors
/// A name that is none, or that the file cannot be written.
pub fn create(directory: &Path, name: &str) -> Result<String, Failure> {
    let name = plain::line(name).trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST {
        return Err(Failure::refused(format!("a link's name has 1 to {LONGEST} characters")));
    }
    let token = hex::encode(rand::random::<[u8; 32]>());
    let (Some(kept), Some(session)) = (digest(&token), digest(&session_of(&token))) else {
        return Err(Failure::permanent("make a token"));
    };
    change(directory, |links| {
        links.retain(|link| link.name != name);
        links.push(Link { name: name.clone(), since: Timestamp::now(), token: kept, session });
    })?;
    Ok(token)
}

/// Takes a person's link back, with every session made of it.
///
/// # Errors
/// Refused where there is none; or that the file cannot be written.
pub fn revoke(directory: &Path, name: &str) -> Result<(), Failure> {
    let mut had = false;
    change(directory, |links| {
        had = links.iter().any(|link| link.name == name);
        links.retain(|link| link.name != name);
    })?;
    if had {
        return Ok(());
    }
    Err(Failure::refused(format!("{} has no link", plain::line(name)))
        .next("`cutover share RUNBOOK --list` has them all"))
}

/// The session that a token gives; nothing where the token is wrong.
pub(super) fn exchanged(directory: &Path, token: &str) -> io::Result<Option<String>> {
    let Some(kept) = digest(token) else { return Ok(None) };
    Ok(all(directory)?.iter().any(|link| link.token == kept).then(|| session_of(token)))
}

/// Whose session it is; nothing where it is wrong, or its link was taken back.
pub(super) fn whose(directory: &Path, session: &str) -> io::Result<Option<String>> {
    let Some(kept) = digest(session) else { return Ok(None) };
    Ok(all(directory)?.into_iter().find(|link| link.session == kept).map(|link| link.name))
}

fn change(directory: &Path, change: impl FnOnce(&mut Vec<Link>)) -> Result<(), Failure> {
    let written = || -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let private = |path: &Path| -> io::Result<File> {
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
        };
        let lock = private(&directory.join(LOCK))?;
        lock.lock()?;
        let mut links = all(directory)?;
        change(&mut links);
        let new = directory.join("links.json.new");
        let mut file = private(&new)?;
        file.write_all(serde_json::to_string_pretty(&links)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, directory.join(FILE))
    };
    written().map_err(|why| {
        Failure::permanent(format!("write {}", directory.join(FILE).display()))
            .because(why.to_string())
            .next("does the state directory belong to this user?")
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_link_is_good_until_it_is_revoked_and_its_file_opens_no_door() {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        let (ben, eve) = (create(directory, "ben").unwrap(), create(directory, "eve").unwrap());
        let session = exchanged(directory, &ben).unwrap().unwrap();
        assert_eq!(exchanged(directory, &ben).unwrap().as_ref(), Some(&session), "again: a second device");
        assert_eq!(whose(directory, &session).unwrap().as_deref(), Some("ben"));
        assert_eq!(
            (whose(directory, &ben).unwrap(), exchanged(directory, &session).unwrap()),
            (None, None),
            "each for its own use"
        );

        let path = directory.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let kept = fs::read_to_string(&path).unwrap();
        for secret in [&ben, &eve, &session] {
            assert!(!kept.contains(secret.as_str()));
        }
        for link in all(directory).unwrap() {
            assert_eq!(
                (exchanged(directory, &link.token).unwrap(), whose(directory, &link.session).unwrap()),
                (None, None)
            );
        }

        revoke(directory, "ben").unwrap();
        assert_eq!((exchanged(directory, &ben).unwrap(), whose(directory, &session).unwrap()), (None, None));
        assert!(revoke(directory, "ben").is_err());
        assert!(exchanged(directory, &eve).unwrap().is_some());
        let again = create(directory, "eve").unwrap();
        assert!(
            exchanged(directory, &eve).unwrap().is_none() && exchanged(directory, &again).unwrap().is_some(),
            "one link a person"
        );
    }

    #[test]
    fn a_wrong_token_and_a_broken_file_let_nobody_in() {
        let directory = tempfile::tempdir().unwrap();
        let token = create(directory.path(), "ben\u{1b}[31m\u{202e}").unwrap();
        assert_eq!(all(directory.path()).unwrap()[0].name, "ben");
        for wrong in ["", "x", &token[1..], &token.to_uppercase(), &format!("{token}0"), &"0".repeat(64)] {
            assert!(exchanged(directory.path(), wrong).unwrap().is_none() || wrong == token, "{wrong}");
        }
        fs::write(directory.path().join(FILE), "{").unwrap();
        assert!(exchanged(directory.path(), &token).is_err(), "a file that cannot be read is not one without links");
        assert!(create(directory.path(), "eve").is_err(), "and is not written over");
        assert!(create(directory.path(), " ").is_err() && create(directory.path(), &"a".repeat(65)).is_err());
    }
}
