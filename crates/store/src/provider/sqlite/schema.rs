//! The tables, and how an older file gets them.

use rusqlite::Connection;

use super::error::sql_error;
use crate::provider::StoreError;

/// `Folk`, in the file's header: the file is a provider's database.
const APPLICATION_ID: i64 = 0x466f_6c6b;

/// Step `n` turns version `n` into version `n + 1`. What was released is never changed.
const MIGRATIONS: [&str; 2] = [
    "
CREATE TABLE device (
    name TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    public_key BLOB NOT NULL,
    certificate BLOB NOT NULL
) STRICT;
CREATE INDEX device_by_user ON device (user);
CREATE TABLE invite (
    digest BLOB PRIMARY KEY,
    user TEXT,
    not_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX invite_by_expiry ON invite (not_after);

CREATE TABLE key_package (
    device TEXT NOT NULL,
    reference BLOB NOT NULL,
    user TEXT NOT NULL,
    not_after INTEGER NOT NULL,
    package BLOB,                       -- NULL once spent
    PRIMARY KEY (device, reference)
) STRICT;
CREATE INDEX key_package_to_claim ON key_package (user, device, not_after, reference)
    WHERE package IS NOT NULL;
CREATE INDEX key_package_by_expiry ON key_package (device, not_after);

CREATE TABLE inbox (
    device TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    kept INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE inbox_item (
    device TEXT NOT NULL,
    cursor INTEGER NOT NULL,
    reference BLOB NOT NULL,
    pointer BLOB NOT NULL,
    PRIMARY KEY (device, cursor)
) STRICT;
CREATE TABLE inbox_post (
    device TEXT NOT NULL,
    idempotency BLOB NOT NULL,
    request BLOB NOT NULL,
    cursor INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (device, idempotency)
) STRICT, WITHOUT ROWID;

CREATE TABLE log (
    id BLOB PRIMARY KEY,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    head BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE slot (
    log BLOB NOT NULL,
    id BLOB NOT NULL,
    opened_at INTEGER NOT NULL,
    ticket_digest BLOB,
    key BLOB,
    closed_at INTEGER,
    PRIMARY KEY (log, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE entry (
    log BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    kind INTEGER NOT NULL,              -- RFC 9420's ContentType
    slot BLOB NOT NULL,
    idempotency BLOB NOT NULL,
    request BLOB NOT NULL,
    time INTEGER NOT NULL,
    head BLOB NOT NULL,
    welcome_digest BLOB,
    opens BLOB NOT NULL,
    closes BLOB NOT NULL,
    message BLOB NOT NULL,
    PRIMARY KEY (log, sequence)
) STRICT;
CREATE UNIQUE INDEX entry_by_request ON entry (log, slot, idempotency);
CREATE UNIQUE INDEX entry_by_ended_epoch ON entry (log, epoch) WHERE kind = 3;
CREATE TABLE welcome (
    log BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (log, sequence)
) STRICT;
",
    // A Welcome used to be one ciphertext, which nobody but its joiners can take apart: those who have
    // not fetched theirs are told, and have to be invited again.
    "
DELETE FROM welcome;
CREATE TABLE welcome_part (
    log BLOB NOT NULL,
    slot BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (log, slot)
) STRICT;
",
];

/// Reads what the file is, without writing to it.
pub(super) fn version(connection: &Connection) -> Result<u32, StoreError> {
    let number = |pragma| {
        connection
            .query_row(pragma, [], |row| row.get::<_, i64>(0))
            .map_err(|error| sql_error(&error))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    let known = MIGRATIONS.len();
    match (application, u32::try_from(version)) {
        (0, Ok(0)) if tables == 0 => Ok(0),
        (APPLICATION_ID, Ok(found)) if usize::try_from(found).is_ok_and(|found| found <= known) => {
            Ok(found)
        }
        (APPLICATION_ID, Ok(found)) => Err(StoreError::Newer {
            found,
            known: u32::try_from(known).unwrap_or(u32::MAX),
        }),
        _ => Err(StoreError::Damaged(
            "it is not a provider's database".into(),
        )),
    }
}

/// Brings the file up to date, each step in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (next, sql) in (1_u32..).zip(MIGRATIONS).filter(|(next, _)| *next > found) {
        let run = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            transaction.execute_batch(sql)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", next)?;
            transaction.commit()
        };
        run(connection).map_err(|error| sql_error(&error))?;
    }
    Ok(())
}
