//! Applying what the Delivery Service decided.

use folkmoot_delivery::{
    GroupRecord, SlotRecord, StoredEntry, StoredKeyPackage, StoredPost, Write,
};
use folkmoot_identity::DeviceName;
use folkmoot_protocol::{Digest, GroupId, InboxCursor, SlotId, SlotPublicKey};
use rusqlite::{Connection, params};

use super::super::row::{bound, column, encoded_list, run};

/// Applies one decision's writes in their order; whoever calls holds a transaction.
pub(in super::super) fn apply(connection: &Connection, writes: &[Write]) -> rusqlite::Result<()> {
    writes
        .iter()
        .try_for_each(|write| apply_one(connection, write))
}

fn apply_one(connection: &Connection, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::PutKeyPackage(stored) => put_key_package(connection, stored),
        Write::SpendKeyPackage { device, reference } => run(
            connection,
            "UPDATE key_package SET package = NULL WHERE device = ? AND reference = ?",
            params![device.to_string(), reference.as_slice()],
        ),
        Write::DropKeyPackages { device, expired_at } => run(
            connection,
            "DELETE FROM key_package WHERE device = ? AND not_after < ?",
            params![device.to_string(), bound(expired_at.0)],
        ),
        Write::PutPost(post) => put_post(connection, post),
        Write::DropItems { device, through } => drop_items(connection, device, *through),
        Write::ForgetPosts { device, before } => run(
            connection,
            "DELETE FROM inbox_post WHERE device = ? AND time < ?",
            params![device.to_string(), bound(before.0)],
        ),
        Write::PutGroup(record) => put_group(connection, record),
        Write::PutSlot {
            group,
            slot,
            record,
        } => put_slot(connection, group, slot, record),
        Write::PutEntry(stored) => put_entry(connection, stored),
    }
}

fn put_key_package(connection: &Connection, stored: &StoredKeyPackage) -> rusqlite::Result<()> {
    run(
        connection,
        "INSERT INTO key_package (device, reference, user, not_after, package)
         VALUES (?, ?, ?, ?, ?)",
        params![
            stored.device.to_string(),
            stored.reference.as_slice(),
            stored.device.user().to_string(),
            column(stored.not_after.0)?,
            stored.package.as_slice(),
        ],
    )
}

fn put_post(connection: &Connection, post: &StoredPost) -> rusqlite::Result<()> {
    let to = post.to.to_string();
    let cursor = column(post.item.cursor.0)?;
    run(
        connection,
        "INSERT INTO inbox (device, last, kept) VALUES (?, ?, 1)
         ON CONFLICT DO UPDATE SET last = excluded.last, kept = kept + 1",
        params![to, cursor],
    )?;
    run(
        connection,
        "INSERT INTO inbox_item (device, cursor, reference, pointer) VALUES (?, ?, ?, ?)",
        params![
            to,
            cursor,
            post.item.key_package_ref.as_slice(),
            post.item.pointer.as_slice(),
        ],
    )?;
    run(
        connection,
        "INSERT INTO inbox_post (device, idempotency, request, cursor, time)
         VALUES (?, ?, ?, ?, ?)",
        params![
            to,
            post.idempotency.as_slice(),
            post.request.as_slice(),
            cursor,
            column(post.time.0)?,
        ],
    )
}

fn drop_items(
    connection: &Connection,
    device: &DeviceName,
    through: InboxCursor,
) -> rusqlite::Result<()> {
    let device = device.to_string();
    let dropped = connection
        .prepare_cached("DELETE FROM inbox_item WHERE device = ? AND cursor <= ?")?
        .execute(params![device, bound(through.0)])?;
    run(
        connection,
        "UPDATE inbox SET kept = kept - ? WHERE device = ?",
        params![column(dropped as u64)?, device],
    )
}

fn put_group(connection: &Connection, record: &GroupRecord) -> rusqlite::Result<()> {
    run(
        connection,
        "INSERT INTO log (id, epoch, sequence, head) VALUES (?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET
             epoch = excluded.epoch, sequence = excluded.sequence, head = excluded.head",
        params![
            record.position.group.as_slice(),
            column(record.epoch.0)?,
            column(record.position.sequence.0)?,
            record.position.head.as_slice(),
        ],
    )
}

fn put_slot(
    connection: &Connection,
    group: &GroupId,
    slot: &SlotId,
    record: &SlotRecord,
) -> rusqlite::Result<()> {
    let closed_at = record.closed_at.map(|at| column(at.0)).transpose()?;
    run(
        connection,
        "INSERT OR REPLACE INTO slot (log, id, opened_at, ticket_digest, key, closed_at)
         VALUES (?, ?, ?, ?, ?, ?)",
        params![
            group.as_slice(),
            slot.as_slice(),
            column(record.from.0)?,
            record.ticket_digest.as_ref().map(Digest::as_slice),
            record.key.as_ref().map(SlotPublicKey::as_slice),
            closed_at,
        ],
    )
}

fn put_entry(connection: &Connection, stored: &StoredEntry) -> rusqlite::Result<()> {
    let entry = &stored.entry;
    let (group, sequence) = (stored.group.as_slice(), column(entry.sequence.0)?);
    run(
        connection,
        "INSERT INTO entry (log, sequence, epoch, kind, slot, idempotency, request, time, head,
             welcome_digest, opens, closes, message)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            group,
            sequence,
            column(entry.epoch.0)?,
            entry.kind as u8,
            stored.slot.as_slice(),
            entry.idempotency.as_slice(),
            stored.request.as_slice(),
            column(entry.time.0)?,
            entry.head.as_slice(),
            entry.welcome_digest.as_ref().map(Digest::as_slice),
            encoded_list(&entry.opens)?,
            encoded_list(&entry.closes)?,
            entry.message.as_slice(),
        ],
    )?;
    let Some(welcome) = &stored.welcome else {
        return Ok(());
    };
    run(
        connection,
        "INSERT INTO welcome (log, sequence, sealed) VALUES (?, ?, ?)",
        params![group, sequence, welcome.shared.as_slice()],
    )?;
    // What a slot got when it was opened before goes.
    let sql =
        "INSERT OR REPLACE INTO welcome_part (log, slot, sequence, sealed) VALUES (?, ?, ?, ?)";
    welcome.parts.iter().try_for_each(|(slot, part)| {
        let params = params![group, slot.as_slice(), sequence, part.as_slice()];
        run(connection, sql, params)
    })
}
