//! The tables, by version. A migration is never edited once it is released; a new one follows it.

use rusqlite::Connection;

use super::store_error;
use crate::client::ClientStoreError;

/// The migration at index `n` leads from version `n` to version `n + 1`.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE account (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        address TEXT NOT NULL,
        device TEXT NOT NULL,
        device_key BLOB NOT NULL,
        provider BLOB,
        certificate BLOB
    ) STRICT;
    CREATE TABLE inbox (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        read INTEGER NOT NULL,
        acknowledged INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE key_packages (
        reference BLOB PRIMARY KEY,
        package BLOB NOT NULL,
        secrets BLOB,
        expires INTEGER NOT NULL,
        uploaded INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE groups (
        id BLOB PRIMARY KEY,
        name TEXT NOT NULL,
        state INTEGER NOT NULL,
        leaving INTEGER NOT NULL,
        halted INTEGER NOT NULL,
        cursor INTEGER NOT NULL,
        head BLOB NOT NULL,
        slot BLOB NOT NULL,
        slot_key BLOB NOT NULL,
        epoch INTEGER NOT NULL,
        members INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE records (
        group_id BLOB NOT NULL,
        key BLOB NOT NULL,
        value BLOB NOT NULL,
        PRIMARY KEY (group_id, key)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE heads (
        group_id BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        head BLOB NOT NULL,
        PRIMARY KEY (group_id, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE outgoing (
        group_id BLOB PRIMARY KEY,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE intents (
        id INTEGER PRIMARY KEY,
        group_id BLOB,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE posts (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE joins (
        arrival INTEGER PRIMARY KEY AUTOINCREMENT,
        reference BLOB NOT NULL UNIQUE,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE messages (
        group_id BLOB NOT NULL,
        sequence INTEGER NOT NULL,
        epoch INTEGER NOT NULL,
        sender TEXT NOT NULL,
        text TEXT NOT NULL,
        time INTEGER NOT NULL,
        own INTEGER NOT NULL,
        read INTEGER NOT NULL,
        PRIMARY KEY (group_id, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX messages_by_time ON messages (time, group_id, sequence);
    CREATE INDEX messages_unread ON messages (time, group_id, sequence)
        WHERE read = 0 AND own = 0;
"];

/// Brings the database to the newest version in one transaction; refuses a newer one.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), ClientStoreError> {
    let known = u32::try_from(MIGRATIONS.len()).expect("there are few migrations");
    let transaction = connection.transaction().map_err(store_error)?;
    let found: u32 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(store_error)?;
    if found > known {
        return Err(ClientStoreError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().skip(found as usize) {
        transaction.execute_batch(migration).map_err(store_error)?;
    }
    transaction
        .pragma_update(None, "user_version", known)
        .map_err(store_error)?;
    transaction.commit().map_err(store_error)
}
