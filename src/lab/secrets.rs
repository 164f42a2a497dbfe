//! The lab's secrets: made once, kept in files of mode 0600, the same for every world.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use rand::Rng as _;
use rand::distr::Alphanumeric;

use super::site::fault;
use crate::services::Result;

/// The secret in `directory/name`; 24 random letters and digits if it is not there yet.
pub async fn ensure(directory: &Path, name: &str) -> Result<String> {
    let path = directory.join(name);
    match tokio::fs::read_to_string(&path).await {
        Ok(text) if !text.is_empty() => return Ok(text),
        Ok(_) => {}
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {}
        Err(why) => return Err(fault(&path, "read the secret").because(why)),
    }
    make_private(directory).map_err(|why| fault(directory, "make it").because(why))?;
    let made: String = rand::rng().sample_iter(Alphanumeric).take(24).map(char::from).collect();
    super::files::write(&path, made.as_bytes(), 0o600).map_err(|why| fault(&path, "keep the secret").because(why))?;
    Ok(made)
}

/// Nobody else may even see which secrets there are.
fn make_private(directory: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    #[tokio::test]
    async fn a_secret_is_made_once_and_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let first = super::ensure(directory.path(), "rev1-app").await.unwrap();
        let second = super::ensure(directory.path(), "rev1-app").await.unwrap();
        assert_eq!(first, second);
        assert_eq!(first.len(), 24);
        let mode = std::fs::metadata(directory.path().join("rev1-app")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
