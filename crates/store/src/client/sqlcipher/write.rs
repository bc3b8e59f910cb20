//! The store's writes, inside the transaction of one step.

use folkmoot_crypto::Secret;
use folkmoot_mls::{Change, Delta};
use folkmoot_protocol::GroupId;
use rusqlite::{Connection, Params, Result};

use super::read::after_prefix;
use super::row::state_number;
use crate::client::{Account, ClientChange, GroupRow, KeyPackageRow, MessageRow};

pub(super) fn change(connection: &Connection, change: ClientChange) -> Result<()> {
    let run = |sql: &str, params: &[&dyn rusqlite::ToSql]| execute(connection, sql, params);
    match change {
        ClientChange::PutAccount(account) => put_account(connection, &account),
        ClientChange::PutInboxMark(mark) => run(
            "INSERT OR REPLACE INTO inbox VALUES (1, ?1, ?2)",
            &[&mark.read.cast_signed(), &mark.acknowledged.cast_signed()],
        ),
        ClientChange::PutKeyPackage(package) => put_key_package(connection, &package),
        ClientChange::EraseKeyPackages { expired_before } => run(
            "DELETE FROM key_packages WHERE expires < ?1",
            &[&expired_before.0.cast_signed()],
        ),
        ClientChange::PutGroup(group) => put_group(connection, &group),
        ClientChange::Records(group, delta) => records(connection, &group, delta),
        ClientChange::EraseRecords(group) => run(
            "DELETE FROM records WHERE group_id = ?1",
            &[&group.as_slice()],
        ),
        ClientChange::PutHead(group, sequence, head) => run(
            "INSERT OR REPLACE INTO heads VALUES (?1, ?2, ?3)",
            &[
                &group.as_slice(),
                &sequence.0.cast_signed(),
                &head.as_slice(),
            ],
        ),
        ClientChange::EraseHeads { group, before } => run(
            "DELETE FROM heads WHERE group_id = ?1 AND sequence < ?2",
            &[&group.as_slice(), &before.0.cast_signed()],
        ),
        ClientChange::PutOutgoing(outgoing) => run(
            "INSERT OR REPLACE INTO outgoing VALUES (?1, ?2)",
            &[&outgoing.group.as_slice(), &outgoing.body.expose()],
        ),
        ClientChange::EraseOutgoing(group) => run(
            "DELETE FROM outgoing WHERE group_id = ?1",
            &[&group.as_slice()],
        ),
        ClientChange::PutIntent(intent) => run(
            "INSERT OR REPLACE INTO intents VALUES (?1, ?2, ?3)",
            &[
                &intent.id.cast_signed(),
                &intent.group.as_ref().map(GroupId::as_slice),
                &intent.body.expose(),
            ],
        ),
        ClientChange::EraseIntent(id) => {
            run("DELETE FROM intents WHERE id = ?1", &[&id.cast_signed()])
        }
        ClientChange::AddPost(body) => {
            run("INSERT INTO posts (body) VALUES (?1)", &[&body.expose()])
        }
        ClientChange::ErasePost(id) => run("DELETE FROM posts WHERE id = ?1", &[&id.cast_signed()]),
        ClientChange::PutJoin(join) => run(
            "INSERT INTO joins (reference, body) VALUES (?1, ?2)
             ON CONFLICT (reference) DO UPDATE SET body = excluded.body",
            &[&join.reference, &join.body.expose()],
        ),
        ClientChange::EraseJoin(reference) => {
            run("DELETE FROM joins WHERE reference = ?1", &[&reference])
        }
        ClientChange::PutMessage(message) => put_message(connection, &message),
        ClientChange::MarkRead(group, sequence) => run(
            "UPDATE messages SET read = 1 WHERE group_id = ?1 AND sequence = ?2",
            &[&group.as_slice(), &sequence.0.cast_signed()],
        ),
    }
}

fn put_account(connection: &Connection, account: &Account) -> Result<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO account VALUES (1, ?1, ?2, ?3, ?4, ?5)",
        (
            &account.address,
            account.device.to_string(),
            account.device_key.expose(),
            &account.provider,
            &account.certificate,
        ),
    )
}

fn put_key_package(connection: &Connection, row: &KeyPackageRow) -> Result<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO key_packages VALUES (?1, ?2, ?3, ?4, ?5)",
        (
            &row.reference,
            &row.package,
            row.secrets.as_ref().map(Secret::expose),
            row.expires.0.cast_signed(),
            row.uploaded,
        ),
    )
}

fn put_group(connection: &Connection, row: &GroupRow) -> Result<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO groups VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        (
            row.id.as_slice(),
            &row.name,
            state_number(row.state),
            row.leaving,
            row.halted,
            row.cursor.0.cast_signed(),
            row.head.as_slice(),
            row.slot.as_slice(),
            row.slot_key.expose(),
            row.epoch.0.cast_signed(),
            row.members.cast_signed(),
        ),
    )
}

fn put_message(connection: &Connection, row: &MessageRow) -> Result<()> {
    execute(
        connection,
        "INSERT OR REPLACE INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (
            row.group.as_slice(),
            row.sequence.0.cast_signed(),
            row.epoch.0.cast_signed(),
            row.sender.to_string(),
            &row.text,
            row.time.0.cast_signed(),
            row.own,
            row.read,
        ),
    )
}

fn records(connection: &Connection, group: &GroupId, delta: Delta) -> Result<()> {
    let group = group.as_slice();
    for change in delta.changes {
        match change {
            Change::Put { key, value } => execute(
                connection,
                "INSERT OR REPLACE INTO records VALUES (?1, ?2, ?3)",
                (group, key.0, value.expose()),
            )?,
            Change::Erase { key } => execute(
                connection,
                "DELETE FROM records WHERE group_id = ?1 AND key = ?2",
                (group, key.0),
            )?,
            Change::EraseAll { prefix } => erase_prefix(connection, group, &prefix.0)?,
        }
    }
    Ok(())
}

fn erase_prefix(connection: &Connection, group: &[u8], prefix: &[u8]) -> Result<()> {
    match after_prefix(prefix) {
        Some(end) => execute(
            connection,
            "DELETE FROM records WHERE group_id = ?1 AND key >= ?2 AND key < ?3",
            (group, prefix, end),
        ),
        None => execute(
            connection,
            "DELETE FROM records WHERE group_id = ?1 AND key >= ?2",
            (group, prefix),
        ),
    }
}

fn execute(connection: &Connection, sql: &str, params: impl Params) -> Result<()> {
    connection.prepare_cached(sql)?.execute(params)?;
    Ok(())
}
