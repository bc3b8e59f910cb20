//! The Authentication Service's records in tables.

use folkmoot_authentication::{DeviceRecord, Facts, InviteRecord, Need, RegistrationFacts, Write};
use folkmoot_identity::DeviceName;
use folkmoot_protocol::{Digest, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

use super::row::{array, bound, bytes, column, number, optional_text, run, text};

/// Loads the facts for a need; whoever calls holds a transaction, so that they are of one moment.
pub(super) fn load(connection: &Connection, need: &Need) -> rusqlite::Result<Facts> {
    match need {
        Need::Registration { device, invite } => {
            let facts = registration(connection, device, *invite)?;
            Ok(Facts::Registration(Box::new(facts)))
        }
        Need::Invites { at } => connection
            .prepare_cached("SELECT count(*) FROM invite WHERE not_after >= ?")?
            .query_row([bound(at.0)], |row| number(row, 0))
            .map(Facts::Invites),
    }
}

fn registration(
    connection: &Connection,
    device: &DeviceName,
    invite: Option<Digest>,
) -> rusqlite::Result<RegistrationFacts> {
    let devices = connection
        .prepare_cached("SELECT count(*) FROM device WHERE user = ?")?
        .query_row([device.user().to_string()], |row| number(row, 0))?;
    let invite = match invite {
        Some(digest) => find_invite(connection, digest)?,
        None => None,
    };
    Ok(RegistrationFacts {
        device: find_device(connection, device)?,
        devices,
        invite,
    })
}

fn find_device(
    connection: &Connection,
    device: &DeviceName,
) -> rusqlite::Result<Option<DeviceRecord>> {
    connection
        .prepare_cached("SELECT name, public_key, certificate FROM device WHERE name = ?")?
        .query_row([device.to_string()], |row| {
            Ok(DeviceRecord {
                device: text(row, 0)?,
                public_key: array(row, 1)?,
                certificate: bytes(row, 2)?,
            })
        })
        .optional()
}

fn find_invite(connection: &Connection, digest: Digest) -> rusqlite::Result<Option<InviteRecord>> {
    connection
        .prepare_cached("SELECT user, not_after FROM invite WHERE digest = ?")?
        .query_row([digest.as_slice()], |row| {
            Ok(InviteRecord {
                digest,
                user: optional_text(row, 0)?,
                not_after: Timestamp(number(row, 1)?),
            })
        })
        .optional()
}

/// Applies one decision's writes in their order; whoever calls holds a transaction.
pub(super) fn apply(connection: &Connection, writes: &[Write]) -> rusqlite::Result<()> {
    writes
        .iter()
        .try_for_each(|write| apply_one(connection, write))
}

fn apply_one(connection: &Connection, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::PutDevice(record) => put_device(connection, record),
        Write::PutInvite(record) => run(
            connection,
            "INSERT OR REPLACE INTO invite (digest, user, not_after) VALUES (?, ?, ?)",
            params![
                record.digest.as_slice(),
                record.user.as_ref().map(ToString::to_string),
                column(record.not_after.0)?,
            ],
        ),
        Write::SpendInvite(digest) => run(
            connection,
            "DELETE FROM invite WHERE digest = ?",
            [digest.as_slice()],
        ),
        Write::DropInvites { expired_at } => run(
            connection,
            "DELETE FROM invite WHERE not_after < ?",
            [bound(expired_at.0)],
        ),
    }
}

fn put_device(connection: &Connection, record: &DeviceRecord) -> rusqlite::Result<()> {
    run(
        connection,
        "INSERT OR REPLACE INTO device (name, user, public_key, certificate) VALUES (?, ?, ?, ?)",
        params![
            record.device.to_string(),
            record.device.user().to_string(),
            record.public_key.as_slice(),
            record.certificate.as_slice(),
        ],
    )
}
