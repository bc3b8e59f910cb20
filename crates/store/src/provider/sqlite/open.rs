//! Opening the file: nothing is written before it is known to be ours, sound and not newer.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::sql_error;
use super::{READERS, SqliteOptions, schema};
use crate::provider::StoreError;

/// How long a statement waits for another connection of this process, which never holds a lock for
/// longer than one batch.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The connections of an open database.
pub(super) struct Opened {
    pub(super) writer: Connection,
    pub(super) readers: Vec<Connection>,
    /// Keeps other processes out until it is dropped.
    pub(super) lock: File,
}

pub(super) fn open(options: &SqliteOptions) -> Result<Opened, StoreError> {
    let lock = lock(&options.path)?;
    private_file(&options.path).map_err(|error| failed(&error))?;
    let mut writer = connect(&options.path)?;
    schema::version(&writer)?;
    let settings = "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;";
    writer
        .execute_batch(settings)
        .map_err(|error| sql_error(&error))?;
    limit_size(&writer, options.largest).map_err(|error| sql_error(&error))?;
    schema::migrate(&mut writer)?;
    let readers = (0..READERS).map(|_| reader(&options.path));
    let readers = readers.collect::<Result<_, _>>()?;
    Ok(Opened {
        writer,
        readers,
        lock,
    })
}

fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connect = || {
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        Ok(connection)
    };
    connect().map_err(|error| sql_error(&error))
}

fn reader(path: &Path) -> Result<Connection, StoreError> {
    let connection = connect(path)?;
    connection
        .execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")
        .map_err(|error| sql_error(&error))?;
    Ok(connection)
}

fn limit_size(connection: &Connection, largest: Option<u64>) -> rusqlite::Result<()> {
    let Some(largest) = largest else {
        return Ok(());
    };
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
    let pages = largest / u64::try_from(page).unwrap_or(u64::MAX).max(1);
    // The pragma takes at most 2^32 - 2, and returns what it has set.
    let pages = u32::try_from(pages).unwrap_or(u32::MAX - 1).max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
}

/// SQLite gives its companion files the mode of the database.
fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let file = private_file(&PathBuf::from(name)).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

fn failed(error: &std::io::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}
