//! A build context: a directory on disk (less what `.dockerignore` names) or files from memory, packed
//! as a tar stream that never stands in memory as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use futures_util::Stream;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::bytes::Bytes;

use super::ignore::Ignore;

/// How much of the tar travels in one piece.
const PIECE: usize = 256 * 1024;

/// What a build reads. Paths are relative, with `/`; later additions replace earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Context {
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone)]
enum Entry {
    OnDisk(PathBuf),
    InMemory { mode: u32, content: Vec<u8> },
}

impl Context {
    /// Everything under `directory` that its `.dockerignore` lets in.
    pub fn of_directory(directory: &Path) -> io::Result<Self> {
        let ignore = match fs::read_to_string(directory.join(".dockerignore")) {
            Ok(text) => Ignore::parse(&text),
            Err(why) if why.kind() == io::ErrorKind::NotFound => Ignore::default(),
            Err(why) => return Err(why),
        };
        let mut context = Self::default();
        context.walk(directory, "", &ignore)?;
        Ok(context)
    }

    fn walk(&mut self, directory: &Path, below: &str, ignore: &Ignore) -> io::Result<()> {
        for found in fs::read_dir(directory)? {
            let found = found?;
            let name = found.file_name().into_string().map_err(|name| {
                io::Error::new(io::ErrorKind::InvalidData, format!("the name {} is not UTF-8", name.display()))
            })?;
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            let kind = found.file_type()?;
            // The Dockerfile and the ignore file go in whatever the patterns say, as with Docker's client.
            let wanted = matches!(path.as_str(), "Dockerfile" | ".dockerignore") || !ignore.excludes(&path);
            if kind.is_dir() && (wanted || ignore.keeps_some()) {
                self.walk(&found.path(), &path, ignore)?;
            }
            if wanted && (kind.is_dir() || kind.is_file() || kind.is_symlink()) {
                self.entries.insert(path, Entry::OnDisk(found.path()));
            }
        }
        Ok(())
    }

    /// With a file from memory, mode 0755 if `executable`, else 0644.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, content: impl Into<Vec<u8>>, executable: bool) -> Self {
        let mode = if executable { 0o755 } else { 0o644 };
        self.entries.insert(path.into(), Entry::InMemory { mode, content: content.into() });
        self
    }

    /// With every file of an embedded directory; scripts (`#!`) are executable.
    #[must_use]
    pub fn with_embedded(mut self, directory: &include_dir::Dir<'_>) -> Self {
        let mut rest = vec![directory];
        while let Some(dir) = rest.pop() {
            for file in dir.files() {
                let path = file.path().strip_prefix(directory.path()).unwrap_or(file.path());
                let script = file.contents().starts_with(b"#!");
                self = self.with(path.to_string_lossy(), file.contents(), script);
            }
            rest.extend(dir.dirs());
        }
        self
    }

    /// Whether `path` is part of it.
    pub fn has(&self, path: &str) -> bool {
        self.entries.contains_key(path)
    }

    /// One file's content.
    pub fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        match self.entries.get(path) {
            Some(Entry::OnDisk(on_disk)) => fs::read(on_disk),
            Some(Entry::InMemory { content, .. }) => Ok(content.clone()),
            None => Err(io::Error::new(io::ErrorKind::NotFound, format!("{path} is not in the build context"))),
        }
    }

    /// Paths in it, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// SHA-256 over names, modes and contents (not times): the same sources give the same figure anywhere.
    pub fn digest(&self) -> io::Result<String> {
        let mut hash = Sha256::new();
        for (path, entry) in &self.entries {
            hash.update((path.len() as u64).to_be_bytes());
            hash.update(path);
            let (mode, content) = match entry {
                Entry::InMemory { mode, content } => (*mode, content.clone()),
                Entry::OnDisk(on_disk) => {
                    let meta = fs::symlink_metadata(on_disk)?;
                    if meta.is_symlink() {
                        (0o120_000, fs::read_link(on_disk)?.to_string_lossy().into_owned().into_bytes())
                    } else if meta.is_dir() {
                        (0o040_000, Vec::new())
                    } else {
                        (mode_of(&meta), fs::read(on_disk)?)
                    }
                }
            };
            hash.update(mode.to_be_bytes());
            hash.update((content.len() as u64).to_be_bytes());
            hash.update(content);
        }
        Ok(format!("sha256:{}", hex::encode(hash.finalize())))
    }

    /// Writes the tar, owned by root, in the order of the paths.
    fn pack(&self, out: impl Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        tar.follow_symlinks(false);
        tar.mode(tar::HeaderMode::Complete);
        for (path, entry) in &self.entries {
            match entry {
                Entry::InMemory { mode, content } => {
                    let mut header = tar::Header::new_gnu();
                    header.set_size(content.len() as u64);
                    header.set_mode(*mode);
                    header.set_entry_type(tar::EntryType::Regular);
                    tar.append_data(&mut header, path, content.as_slice())?;
                }
                Entry::OnDisk(on_disk) => {
                    let meta = fs::symlink_metadata(on_disk)?;
                    let mut header = tar::Header::new_gnu();
                    header.set_metadata(&meta);
                    header.set_uid(0);
                    header.set_gid(0);
                    if meta.is_symlink() {
                        header.set_size(0);
                        tar.append_link(&mut header, path, fs::read_link(on_disk)?)?;
                    } else if meta.is_dir() {
                        header.set_size(0);
                        tar.append_data(&mut header, format!("{path}/"), io::empty())?;
                    } else {
                        tar.append_data(&mut header, path, fs::File::open(on_disk)?)?;
                    }
                }
            }
        }
        tar.into_inner()?.flush()
    }

    /// The tar as a stream; a file that cannot be read ends it with that error.
    pub(super) fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let (sender, receiver) = mpsc::channel(8);
        tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe { sender: sender.clone(), piece: Vec::with_capacity(PIECE) };
            if let Err(why) = self.pack(&mut pipe) {
                // Nobody listening any more is the engine's business, and it has said why.
                let _ = sender.blocking_send(Err(why));
            }
        });
        futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        })
    }
}

/// Execute bits count, the rest of a checkout's umask does not.
fn mode_of(meta: &fs::Metadata) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    if meta.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 }
}

/// A writer whose other end is the request's body.
struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    piece: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_follows_names_and_contents_and_not_the_place() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for dir in [one.path(), two.path()] {
            fs::create_dir(dir.join("app")).unwrap();
            fs::write(dir.join("app/main.py"), "print()").unwrap();
            fs::write(dir.join(".dockerignore"), "*.log").unwrap();
        }
        fs::write(two.path().join("noise.log"), "ignored").unwrap();
        let digest = |dir: &Path| Context::of_directory(dir).unwrap().digest().unwrap();
        assert_eq!(digest(one.path()), digest(two.path()));
        fs::write(two.path().join("app/main.py"), "print(1)").unwrap();
        assert_ne!(digest(one.path()), digest(two.path()));
    }

    #[test]
    fn the_tar_holds_every_file_with_its_content() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("app")).unwrap();
        fs::write(dir.path().join("app/main.py"), "print()").unwrap();
        let context = Context::of_directory(dir.path()).unwrap().with("Dockerfile", "FROM scratch", false);
        let mut packed = Vec::new();
        context.pack(&mut packed).unwrap();
        let mut archive = tar::Archive::new(packed.as_slice());
        let names: Vec<String> =
            archive.entries().unwrap().map(|e| e.unwrap().path().unwrap().to_string_lossy().into_owned()).collect();
        assert_eq!(names, ["Dockerfile", "app/", "app/main.py"]);
    }
}
