//! The provider's data directory: created once, readable by its owner alone, open in one process.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use folkmoot_crypto::Secret;

use crate::Error;

/// Group's and others' bits: nobody but the owner may open the folder or a key.
const NOT_OWNER: u32 = 0o077;
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The longest file that is read whole: keys and certificates.
const MAX_FILE: u64 = 64 * 1024;

const LOCK: &str = "lock";

/// An open data directory. Holds the lock until dropped.
#[derive(Debug)]
pub(crate) struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Opens the directory, which is created when absent, and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(path)
            .map_err(|error| Error::data(path, &error))?;
        refuse_readable_by_others(path, FOLDER_MODE)?;
        let lock_path = path.join(LOCK);
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(&lock_path)
            .map_err(|error| Error::data(&lock_path, &error))?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => {
                Error::Data(format!("{} is in use by another process", path.display()))
            }
            fs::TryLockError::Error(error) => Error::data(&lock_path, &error),
        })?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// The path of a file in the directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file whole; `None` when it is absent.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Secret>, Error> {
        let path = self.file(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::data(&path, &error)),
        };
        refuse_readable_by_others(&path, FILE_MODE)?;
        let mut bytes = Vec::with_capacity(1024);
        let read = file.take(MAX_FILE).read_to_end(&mut bytes);
        let content = Secret::from(bytes);
        read.map_err(|error| Error::data(&path, &error))?;
        Ok(Some(content))
    }

    /// Writes a file that is there completely or not at all, whenever the machine stops.
    pub(crate) fn write(&self, name: &str, content: &Secret) -> Result<(), Error> {
        let (path, half) = (self.file(name), self.file(&format!("{name}.new")));
        let written = || -> std::io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(FILE_MODE)
                .open(&half)?;
            file.write_all(content.expose())?;
            file.sync_all()?;
            fs::rename(&half, &path)?;
            File::open(&self.path)?.sync_all()
        };
        written().map_err(|error| Error::data(&path, &error))
    }

    /// The file's content, which `make` gives when it is absent.
    pub(crate) fn read_or_create(
        &self,
        name: &str,
        make: impl FnOnce() -> Result<Secret, Error>,
    ) -> Result<Secret, Error> {
        if let Some(content) = self.read(name)? {
            return Ok(content);
        }
        let content = make()?;
        self.write(name, &content)?;
        Ok(content)
    }
}

fn refuse_readable_by_others(path: &Path, mode: u32) -> Result<(), Error> {
    let metadata = fs::metadata(path).map_err(|error| Error::data(path, &error))?;
    if metadata.permissions().mode() & NOT_OWNER == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(Error::Data(format!(
        "{path} is open to other users: run `chmod {mode:o} {path}`"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_the_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/data");
        let data = DataDirectory::open(&path).unwrap();
        data.write("key", &Secret::from(b"secret".to_vec()))
            .unwrap();
        assert_eq!(mode(&path), FOLDER_MODE);
        assert_eq!(mode(&path.join("key")), FILE_MODE);

        fs::set_permissions(path.join("key"), fs::Permissions::from_mode(0o640)).unwrap();
        let why = data.read("key").unwrap_err().to_string();
        assert!(why.contains("chmod 600"), "{why}");
        drop(data);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let why = DataDirectory::open(&path).unwrap_err().to_string();
        assert!(why.contains("chmod 700"), "{why}");
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let first = DataDirectory::open(&path).unwrap();
        let why = DataDirectory::open(&path).unwrap_err().to_string();
        assert!(why.contains("in use"), "{why}");
        drop(first);
        DataDirectory::open(&path).unwrap();
    }

    #[test]
    fn what_was_made_once_is_read_ever_after() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let data = DataDirectory::open(&path).unwrap();
        assert!(data.read("key").unwrap().is_none());
        let made = data
            .read_or_create("key", || Ok(Secret::from(vec![7; 32])))
            .unwrap();
        let again = data
            .read_or_create("key", || panic!("it is there"))
            .unwrap();
        assert_eq!(made, again);
    }
}
