//! Loading what a decision of the Delivery Service must see.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_delivery::{
    EarlierAppend, EarlierPost, EntryRange, Facts, GroupFacts, GroupNeed, GroupRecord, InboxState,
    Need, SlotRecord, StoredKeyPackage,
};
use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::bounds::{DEVICES_PER_USER, INBOX_READ_LIMIT};
use folkmoot_protocol::{
    EntryKind, Epoch, GroupId, IdempotencyKey, InboxCursor, InboxItem, JoinerWelcome,
    KeyPackageRefBytes, LogEntry, LogPosition, Sequence, SlotId, Timestamp,
};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::row::{bound, bytes, list, number, optional_bytes, optional_number, text};

/// Loads the facts for a need; whoever calls holds a transaction, so that they are of one moment.
pub(in super::super) fn load(connection: &Connection, need: &Need) -> rusqlite::Result<Facts> {
    match need {
        Need::Nothing => Ok(Facts::Nothing),
        Need::KeyPackages {
            device,
            references,
            at,
        } => key_packages(connection, device, references, *at),
        Need::Claim { user, at } => claim(connection, user, *at).map(Facts::Claim),
        Need::Post {
            to,
            idempotency,
            reference,
        } => post(connection, to, idempotency, reference),
        Need::Inbox { device, after } => items(connection, device, *after).map(Facts::Inbox),
        Need::Group(need) => group(connection, need).map(|facts| Facts::Group(Box::new(facts))),
    }
}

fn key_packages(
    connection: &Connection,
    device: &DeviceName,
    references: &[KeyPackageRefBytes],
    at: Timestamp,
) -> rusqlite::Result<Facts> {
    let device = device.to_string();
    let mut exists = connection
        .prepare_cached("SELECT 1 FROM key_package WHERE device = ? AND reference = ?")?;
    let mut known = BTreeSet::new();
    for reference in references {
        if exists.exists(params![device, reference.as_slice()])? {
            known.insert(reference.clone());
        }
    }
    let available = connection
        .prepare_cached(
            "SELECT count(*) FROM key_package
             WHERE device = ? AND package IS NOT NULL AND not_after > ?",
        )?
        .query_row(params![device, bound(at.0)], |row| number(row, 0))?;
    Ok(Facts::KeyPackages { known, available })
}

/// SQLite takes the other columns of a group from the row that has the minimum.
fn claim(
    connection: &Connection,
    user: &UserName,
    at: Timestamp,
) -> rusqlite::Result<Vec<StoredKeyPackage>> {
    connection
        .prepare_cached(
            "SELECT device, reference, min(not_after), package FROM key_package
             WHERE user = ? AND package IS NOT NULL AND not_after > ?
             GROUP BY device ORDER BY device LIMIT ?",
        )?
        .query_map(
            params![
                user.to_string(),
                bound(at.0),
                bound(DEVICES_PER_USER as u64)
            ],
            |row| {
                Ok(StoredKeyPackage {
                    device: text(row, 0)?,
                    reference: bytes(row, 1)?,
                    not_after: Timestamp(number(row, 2)?),
                    package: bytes(row, 3)?,
                })
            },
        )?
        .collect()
}

fn post(
    connection: &Connection,
    to: &DeviceName,
    idempotency: &IdempotencyKey,
    reference: &KeyPackageRefBytes,
) -> rusqlite::Result<Facts> {
    let to = to.to_string();
    let claimed = connection
        .prepare_cached(
            "SELECT 1 FROM key_package WHERE device = ? AND reference = ? AND package IS NULL",
        )?
        .exists(params![to, reference.as_slice()])?;
    let earlier = connection
        .prepare_cached(
            "SELECT request, cursor FROM inbox_post WHERE device = ? AND idempotency = ?",
        )?
        .query_row(params![to, idempotency.as_slice()], |row| {
            Ok(EarlierPost {
                request: bytes(row, 0)?,
                cursor: InboxCursor(number(row, 1)?),
            })
        })
        .optional()?;
    let inbox = connection
        .prepare_cached("SELECT last, kept FROM inbox WHERE device = ?")?
        .query_row([&to], |row| {
            Ok(InboxState {
                last: InboxCursor(number(row, 0)?),
                kept: number(row, 1)?,
            })
        })
        .optional()?;
    Ok(Facts::Post {
        claimed,
        earlier,
        inbox: inbox.unwrap_or_default(),
    })
}

fn items(
    connection: &Connection,
    device: &DeviceName,
    after: InboxCursor,
) -> rusqlite::Result<Vec<InboxItem>> {
    connection
        .prepare_cached(
            "SELECT cursor, reference, pointer FROM inbox_item
             WHERE device = ? AND cursor > ? ORDER BY cursor LIMIT ?",
        )?
        .query_map(
            params![
                device.to_string(),
                bound(after.0),
                bound(INBOX_READ_LIMIT as u64)
            ],
            |row| {
                Ok(InboxItem {
                    cursor: InboxCursor(number(row, 0)?),
                    key_package_ref: bytes(row, 1)?,
                    pointer: bytes(row, 2)?,
                })
            },
        )?
        .collect()
}

/// Where group or slot is absent the rest does not matter, so that who knows neither costs nothing.
fn group(connection: &Connection, need: &GroupNeed) -> rusqlite::Result<GroupFacts> {
    let mut facts = GroupFacts {
        group: head(connection, need.group)?,
        ..GroupFacts::default()
    };
    if facts.group.is_none() {
        return Ok(facts);
    }
    facts.slot = slot(connection, &need.group, &need.slot)?;
    if facts.slot.is_none() {
        return Ok(facts);
    }
    if let Some(key) = &need.idempotency {
        facts.earlier = earlier(connection, need, key)?;
    }
    if let Some(epoch) = need.commit_of {
        facts.winner = commit_of(connection, &need.group, epoch)?;
    }
    facts.slots = slots(connection, &need.group, &need.slots)?;
    if let Some(range) = need.entries {
        facts.entries = entries(connection, &need.group, range)?;
    }
    if let Some(sequence) = need.welcome {
        facts.welcome = welcome(connection, need, sequence)?;
    }
    Ok(facts)
}

fn head(connection: &Connection, group: GroupId) -> rusqlite::Result<Option<GroupRecord>> {
    connection
        .prepare_cached("SELECT epoch, sequence, head FROM log WHERE id = ?")?
        .query_row([group.as_slice()], |row| {
            Ok(GroupRecord {
                epoch: Epoch(number(row, 0)?),
                position: LogPosition {
                    group,
                    sequence: Sequence(number(row, 1)?),
                    head: bytes(row, 2)?,
                },
            })
        })
        .optional()
}

fn slot(
    connection: &Connection,
    group: &GroupId,
    slot: &SlotId,
) -> rusqlite::Result<Option<SlotRecord>> {
    connection
        .prepare_cached(
            "SELECT opened_at, ticket_digest, key, closed_at FROM slot WHERE log = ? AND id = ?",
        )?
        .query_row([group.as_slice(), slot.as_slice()], |row| {
            Ok(SlotRecord {
                from: Sequence(number(row, 0)?),
                ticket_digest: optional_bytes(row, 1)?,
                key: optional_bytes(row, 2)?,
                closed_at: optional_number(row, 3)?.map(Sequence),
            })
        })
        .optional()
}

fn slots(
    connection: &Connection,
    group: &GroupId,
    wanted: &[SlotId],
) -> rusqlite::Result<BTreeMap<SlotId, SlotRecord>> {
    let mut found = BTreeMap::new();
    for id in wanted {
        if let Some(record) = slot(connection, group, id)? {
            found.insert(*id, record);
        }
    }
    Ok(found)
}

fn earlier(
    connection: &Connection,
    need: &GroupNeed,
    key: &IdempotencyKey,
) -> rusqlite::Result<Option<EarlierAppend>> {
    connection
        .prepare_cached(
            "SELECT request, sequence, head FROM entry
             WHERE log = ? AND slot = ? AND idempotency = ?",
        )?
        .query_row(
            [need.group.as_slice(), need.slot.as_slice(), key.as_slice()],
            |row| {
                Ok(EarlierAppend {
                    request: bytes(row, 0)?,
                    sequence: Sequence(number(row, 1)?),
                    head: bytes(row, 2)?,
                })
            },
        )
        .optional()
}

fn commit_of(
    connection: &Connection,
    group: &GroupId,
    epoch: Epoch,
) -> rusqlite::Result<Option<LogEntry>> {
    connection
        .prepare_cached(
            "SELECT sequence, epoch, kind, idempotency, time, head, welcome_digest, opens, closes,
                 message
             FROM entry WHERE log = ? AND epoch = ? AND kind = 3",
        )?
        .query_row(params![group.as_slice(), bound(epoch.0)], entry)
        .optional()
}

fn entries(
    connection: &Connection,
    group: &GroupId,
    range: EntryRange,
) -> rusqlite::Result<Vec<LogEntry>> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, epoch, kind, idempotency, time, head, welcome_digest, opens, closes,
             message
         FROM entry WHERE log = ? AND sequence > ? ORDER BY sequence LIMIT ?",
    )?;
    let limit = bound(range.limit as u64);
    let found = statement.query_map(
        params![group.as_slice(), bound(range.after.0), limit],
        entry,
    )?;
    let (mut entries, mut size) = (Vec::new(), 0_usize);
    for entry in found {
        let entry = entry?;
        size = size.saturating_add(entry.message.len());
        if size > range.bytes && !entries.is_empty() {
            break;
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn entry(row: &Row<'_>) -> rusqlite::Result<LogEntry> {
    Ok(LogEntry {
        sequence: Sequence(number(row, 0)?),
        epoch: Epoch(number(row, 1)?),
        kind: kind(number(row, 2)?)?,
        idempotency: bytes(row, 3)?,
        time: Timestamp(number(row, 4)?),
        head: bytes(row, 5)?,
        welcome_digest: optional_bytes(row, 6)?,
        opens: list(row, 7)?,
        closes: list(row, 8)?,
        message: bytes(row, 9)?,
    })
}

fn kind(number: u64) -> rusqlite::Result<EntryKind> {
    match number {
        1 => Ok(EntryKind::Application),
        2 => Ok(EntryKind::Proposal),
        3 => Ok(EntryKind::Commit),
        other => Err(FromSqlError::OutOfRange(bound(other)).into()),
    }
}

/// Both parts or none: a slot's part is that of the commit that opened it last.
fn welcome(
    connection: &Connection,
    need: &GroupNeed,
    sequence: Sequence,
) -> rusqlite::Result<Option<JoinerWelcome>> {
    let key = params![
        need.group.as_slice(),
        need.slot.as_slice(),
        bound(sequence.0)
    ];
    connection
        .prepare_cached(
            "SELECT welcome.sealed, welcome_part.sealed FROM welcome_part
             JOIN welcome USING (log, sequence) WHERE log = ? AND slot = ? AND sequence = ?",
        )?
        .query_row(key, |row| {
            Ok(JoinerWelcome {
                shared: bytes(row, 0)?,
                part: bytes(row, 1)?,
            })
        })
        .optional()
}
