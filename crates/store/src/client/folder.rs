//! A profile's folder: who has it open, and the key of its database in a file that only its owner
//! can read.
//!
//! The key's file gets its name once the database exists, so that a key without a database is
//! damage, and an interrupted beginning is none.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use folkmoot_crypto::Secret;

use super::{ClientStoreError, DATABASE_FILE};

/// The file with the key of the profile's database.
pub const KEY_FILE: &str = "profile.key";
/// The key's file until the database exists.
const UNFINISHED_KEY_FILE: &str = "profile.key.new";
/// The file whose lock says that a process has the profile open.
pub const LOCK_FILE: &str = "profile.lock";

/// A profile's folder, held exclusively until this is dropped.
#[derive(Debug)]
pub struct ProfileFolder {
    path: PathBuf,
    key: Secret,
    established: bool,
    _lock: File,
}

impl ProfileFolder {
    /// Length of the database's raw key, in bytes.
    pub const KEY_LENGTH: usize = 32;

    /// Opens the profile in `path`; makes and deletes nothing but the lock's file.
    pub fn open(path: &Path) -> Result<Self, ClientStoreError> {
        if !path.join(KEY_FILE).exists() {
            return Err(without_key(path));
        }
        let lock = lock(path)?;
        Ok(Self {
            path: path.to_owned(),
            key: load_key(&path.join(KEY_FILE))?,
            established: true,
            _lock: lock,
        })
    }

    /// Opens the profile in `path`, or begins one: the folder with mode 0700 and the key's file with
    /// mode 0600. `fresh` becomes the key of a new profile and is durable before any database needs
    /// it.
    pub fn open_or_create(
        path: &Path,
        fresh: [u8; Self::KEY_LENGTH],
    ) -> Result<Self, ClientStoreError> {
        private_folder(path).map_err(|error| failed(&error))?;
        let lock = lock(path)?;
        let (key_file, unfinished) = (path.join(KEY_FILE), path.join(UNFINISHED_KEY_FILE));
        let established = key_file.exists();
        let key = if established {
            load_key(&key_file)?
        } else if path.join(DATABASE_FILE).exists() {
            // Begun before with this key, or the database of a key that is lost.
            if !unfinished.exists() {
                return Err(without_key(path));
            }
            load_key(&unfinished)?
        } else {
            write_key(&unfinished, Secret::from(fresh.to_vec()))?
        };
        Ok(Self {
            path: path.to_owned(),
            key,
            established,
            _lock: lock,
        })
    }

    /// The database's file; of an established profile it has to be there already.
    pub(super) fn database(&self) -> Result<PathBuf, ClientStoreError> {
        let file = self.path.join(DATABASE_FILE);
        if self.established && !fs::metadata(&file).is_ok_and(|file| file.len() > 0) {
            let reason = format!("{DATABASE_FILE} is missing or empty");
            return Err(ClientStoreError::Damaged(reason));
        }
        Ok(file)
    }

    pub(super) fn key(&self) -> &Secret {
        &self.key
    }

    /// Whether the profile's database was made before.
    pub(super) fn is_established(&self) -> bool {
        self.established
    }

    /// Ends the beginning of a profile: its database is durable.
    pub(super) fn establish(&mut self) -> Result<(), ClientStoreError> {
        if !self.established {
            fs::rename(
                self.path.join(UNFINISHED_KEY_FILE),
                self.path.join(KEY_FILE),
            )
            .and_then(|()| File::open(&self.path)?.sync_all())
            .map_err(|error| failed(&error))?;
            self.established = true;
        }
        Ok(())
    }
}

/// A folder without a key is no profile, unless there is a database that only the key could read.
fn without_key(path: &Path) -> ClientStoreError {
    if path.join(DATABASE_FILE).exists() && !path.join(UNFINISHED_KEY_FILE).exists() {
        ClientStoreError::Damaged(format!("{KEY_FILE} is missing"))
    } else {
        ClientStoreError::Missing
    }
}

fn lock(path: &Path) -> Result<File, ClientStoreError> {
    let file = private_file(&path.join(LOCK_FILE)).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClientStoreError::Locked),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

fn load_key(path: &Path) -> Result<Secret, ClientStoreError> {
    let file = File::open(path).map_err(|error| failed(&error))?;
    let mut bytes = Vec::with_capacity(ProfileFolder::KEY_LENGTH + 1);
    file.take(ProfileFolder::KEY_LENGTH as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(&error))?;
    let key = Secret::from(bytes);
    if key.len() != ProfileFolder::KEY_LENGTH {
        let expected = ProfileFolder::KEY_LENGTH;
        let reason = format!("{KEY_FILE} does not have the {expected} bytes of a key");
        return Err(ClientStoreError::Damaged(reason));
    }
    Ok(key)
}

/// Writes the key durably; one that was begun before has no database yet and is replaced.
fn write_key(path: &Path, key: Secret) -> Result<Secret, ClientStoreError> {
    let write = || -> std::io::Result<()> {
        let mut file = private_file(path)?;
        file.set_len(0)?;
        file.write_all(key.expose())?;
        file.sync_all()?;
        path.parent()
            .map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| failed(&error))?;
    Ok(key)
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> std::io::Result<()> {
    DirBuilder::new().recursive(true).create(folder)
}

#[cfg(unix)]
fn private_file(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

#[cfg(not(unix))]
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
}

fn failed(error: &std::io::Error) -> ClientStoreError {
    ClientStoreError::Failed(error.to_string())
}
