//! The client's store in an encrypted SQLite database.
//!
//! The file is held exclusively: two processes on one profile would each believe their own memory.
//! `secure_delete` overwrites what a delta erases; what the write-ahead log still holds of it is
//! encrypted and goes with the next checkpoint, at the latest when the store is closed.

mod read;
mod row;
mod schema;
mod write;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use zeroize::Zeroizing;

use folkmoot_crypto::Secret;
use folkmoot_mls::RecordKey;
use folkmoot_protocol::{ChainHead, GroupId, Sequence};

use super::{
    Account, ClientChanges, ClientStore, ClientStoreError, GroupRow, InboxMark, Intent, Join,
    KeyPackageRow, MessageRow, Outgoing, Post, ProfileFolder,
};

/// The database's file in a profile's folder.
pub const DATABASE_FILE: &str = "profile.db";

/// The store of a profile on disk.
#[derive(Debug)]
pub struct SqlCipherStore {
    connection: Connection,
    /// Keeps other processes out for as long as the connection lives.
    _folder: ProfileFolder,
}

impl SqlCipherStore {
    /// Opens the folder's database and brings its schema up to date; makes one where the profile is
    /// new.
    pub fn open(mut folder: ProfileFolder) -> Result<Self, ClientStoreError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, !folder.is_established());
        let mut connection =
            Connection::open_with_flags(folder.database()?, flags).map_err(store_error)?;
        unlock(&connection, folder.key())?;
        schema::migrate(&mut connection)?;
        if !folder.is_established() {
            // The tables have to be in the file itself before the profile counts as made.
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(store_error)?;
            folder.establish()?;
        }
        Ok(Self {
            connection,
            _folder: folder,
        })
    }
}

/// Gives the key and reads once, which fails if it is wrong; only then come the settings, which
/// would write.
fn unlock(connection: &Connection, key: &Secret) -> Result<(), ClientStoreError> {
    // A wrong key is this function's error to tell, not SQLCipher's to print.
    let mut pragma = Zeroizing::new(String::with_capacity(128));
    pragma.push_str("PRAGMA cipher_log_level = NONE; PRAGMA key = \"x'");
    for byte in key.expose() {
        for digit in [byte >> 4, byte & 15] {
            pragma.push(char::from_digit(digit.into(), 16).expect("four bits are one digit"));
        }
    }
    pragma.push_str("'\"");
    connection.execute_batch(&pragma).map_err(store_error)?;
    connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(store_error)?;
    connection
        .execute_batch(
            "PRAGMA locking_mode = EXCLUSIVE;
             PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA secure_delete = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA foreign_keys = ON;",
        )
        .map_err(store_error)
}

/// Sorts SQLite's errors by what a person can do about them.
fn store_error(error: rusqlite::Error) -> ClientStoreError {
    use rusqlite::Error as Sql;
    match error {
        Sql::SqliteFailure(code, message) => {
            let text = message.unwrap_or_else(|| code.to_string());
            match code.code {
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ClientStoreError::Locked,
                ErrorCode::NotADatabase => ClientStoreError::Damaged(
                    "its key does not fit, or the file is not a database".to_owned(),
                ),
                ErrorCode::DatabaseCorrupt => ClientStoreError::Damaged(text),
                _ => ClientStoreError::Failed(text),
            }
        }
        Sql::FromSqlConversionFailure(..)
        | Sql::InvalidColumnType(..)
        | Sql::IntegralValueOutOfRange(..) => ClientStoreError::Damaged(error.to_string()),
        other => ClientStoreError::Failed(other.to_string()),
    }
}

impl ClientStore for SqlCipherStore {
    fn apply(&mut self, changes: ClientChanges) -> Result<(), ClientStoreError> {
        let transaction = self.connection.transaction().map_err(store_error)?;
        for change in changes {
            write::change(&transaction, change).map_err(store_error)?;
        }
        transaction.commit().map_err(store_error)
    }

    fn account(&self) -> Result<Option<Account>, ClientStoreError> {
        read::account(&self.connection).map_err(store_error)
    }

    fn inbox_mark(&self) -> Result<InboxMark, ClientStoreError> {
        read::inbox_mark(&self.connection).map_err(store_error)
    }

    fn key_package(&self, reference: &[u8]) -> Result<Option<KeyPackageRow>, ClientStoreError> {
        read::key_package(&self.connection, reference).map_err(store_error)
    }

    fn key_packages_to_upload(&self, limit: usize) -> Result<Vec<KeyPackageRow>, ClientStoreError> {
        read::key_packages_to_upload(&self.connection, limit).map_err(store_error)
    }

    fn groups(&self) -> Result<Vec<GroupRow>, ClientStoreError> {
        read::groups(&self.connection).map_err(store_error)
    }

    fn group(&self, group: &GroupId) -> Result<Option<GroupRow>, ClientStoreError> {
        read::group(&self.connection, group).map_err(store_error)
    }

    fn record(&self, group: &GroupId, key: &RecordKey) -> Result<Option<Secret>, ClientStoreError> {
        read::record(&self.connection, group, key).map_err(store_error)
    }

    fn records(
        &self,
        group: &GroupId,
        prefix: &[u8],
    ) -> Result<Vec<(RecordKey, Secret)>, ClientStoreError> {
        read::records(&self.connection, group, prefix).map_err(store_error)
    }

    fn head(
        &self,
        group: &GroupId,
        sequence: Sequence,
    ) -> Result<Option<ChainHead>, ClientStoreError> {
        read::head(&self.connection, group, sequence).map_err(store_error)
    }

    fn outgoing(&self, group: &GroupId) -> Result<Option<Outgoing>, ClientStoreError> {
        read::outgoing(&self.connection, group).map_err(store_error)
    }

    fn intents(&self) -> Result<Vec<Intent>, ClientStoreError> {
        read::intents(&self.connection).map_err(store_error)
    }

    fn posts(&self, limit: usize) -> Result<Vec<Post>, ClientStoreError> {
        read::posts(&self.connection, limit).map_err(store_error)
    }

    fn joins(&self) -> Result<Vec<Join>, ClientStoreError> {
        read::joins(&self.connection).map_err(store_error)
    }

    fn messages(
        &self,
        group: Option<&GroupId>,
        unread_only: bool,
        limit: usize,
    ) -> Result<Vec<MessageRow>, ClientStoreError> {
        read::messages(&self.connection, group, unread_only, limit).map_err(store_error)
    }

    fn unread(&self, group: &GroupId) -> Result<u64, ClientStoreError> {
        read::unread(&self.connection, group).map_err(store_error)
    }
}

#[cfg(test)]
impl SqlCipherStore {
    /// Makes the next write of an account fail, in the middle of its transaction.
    pub(super) fn refuse_next_write(&self) {
        let sql = "CREATE TEMP TRIGGER refuse BEFORE INSERT ON account
                   BEGIN SELECT RAISE(ABORT, 'refused'); END";
        self.connection.execute_batch(sql).unwrap();
    }

    /// Pretends that another program wrote the file.
    pub(super) fn set_version(&self, version: u32) {
        self.connection
            .pragma_update(None, "user_version", version)
            .unwrap();
    }
}
