//! Columns and rows to values and back. Numbers are `u64` here and `i64` in SQLite: the same 64
//! bits, so that no number a provider sends can fail to be written.

use std::str::FromStr;

use folkmoot_crypto::Secret;
use folkmoot_mls::{Epoch, Timestamp};
use folkmoot_protocol::Sequence;
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

use crate::client::{GroupRow, GroupState, KeyPackageRow, MessageRow};

pub(super) fn key_package(row: &Row<'_>) -> Result<KeyPackageRow> {
    Ok(KeyPackageRow {
        reference: row.get("reference")?,
        package: row.get("package")?,
        secrets: row.get::<_, Option<Vec<u8>>>("secrets")?.map(Secret::from),
        expires: Timestamp(number(row, "expires")?),
        uploaded: row.get("uploaded")?,
    })
}

pub(super) fn group(row: &Row<'_>) -> Result<GroupRow> {
    Ok(GroupRow {
        id: fixed(row, "id")?,
        name: row.get("name")?,
        state: state(row)?,
        leaving: row.get("leaving")?,
        halted: row.get("halted")?,
        cursor: Sequence(number(row, "cursor")?),
        head: fixed(row, "head")?,
        slot: fixed(row, "slot")?,
        slot_key: secret(row, "slot_key")?,
        epoch: Epoch(number(row, "epoch")?),
        members: number(row, "members")?,
    })
}

pub(super) fn message(row: &Row<'_>) -> Result<MessageRow> {
    Ok(MessageRow {
        group: fixed(row, "group_id")?,
        sequence: Sequence(number(row, "sequence")?),
        epoch: Epoch(number(row, "epoch")?),
        sender: parsed(row, "sender")?,
        text: row.get("text")?,
        time: Timestamp(number(row, "time")?),
        own: row.get("own")?,
        read: row.get("read")?,
    })
}

const STATES: [(GroupState, i64); 4] = [
    (GroupState::Creating, 1),
    (GroupState::Active, 2),
    (GroupState::Removed, 3),
    (GroupState::Stuck, 4),
];

pub(super) fn state_number(state: GroupState) -> i64 {
    let (_, number) = STATES
        .iter()
        .find(|(of, _)| *of == state)
        .expect("every state has one");
    *number
}

fn state(row: &Row<'_>) -> Result<GroupState> {
    let found: i64 = row.get("state")?;
    let known = STATES.iter().find(|(_, number)| *number == found);
    known
        .map(|(state, _)| *state)
        .ok_or_else(|| unreadable(Type::Integer, "no state of a group"))
}

pub(super) fn number(row: &Row<'_>, column: &str) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

pub(super) fn secret(row: &Row<'_>, column: &str) -> Result<Secret> {
    row.get::<_, Vec<u8>>(column).map(Secret::from)
}

pub(super) fn fixed<T>(row: &Row<'_>, column: &str) -> Result<T>
where
    T: for<'a> TryFrom<&'a [u8]>,
{
    let bytes: Vec<u8> = row.get(column)?;
    T::try_from(&bytes).map_err(|_| unreadable(Type::Blob, "not of its length"))
}

pub(super) fn parsed<T: FromStr>(row: &Row<'_>, column: &str) -> Result<T> {
    let text: String = row.get(column)?;
    text.parse().map_err(|_| unreadable(Type::Text, "no name"))
}

/// What this program did not write: the file is damaged.
fn unreadable(found: Type, what: &'static str) -> Error {
    Error::FromSqlConversionFailure(0, found, what.into())
}
