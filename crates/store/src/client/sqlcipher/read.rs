//! The store's reads.

use folkmoot_crypto::Secret;
use folkmoot_mls::RecordKey;
use folkmoot_protocol::{ChainHead, GroupId, Sequence};
use rusqlite::{Connection, OptionalExtension, Params, Result, Row};

use super::row;
use crate::client::{
    Account, GroupRow, InboxMark, Intent, Join, KeyPackageRow, MessageRow, Outgoing, Post,
};

pub(super) fn account(connection: &Connection) -> Result<Option<Account>> {
    one(connection, "SELECT * FROM account", [], |row| {
        Ok(Account {
            address: row.get("address")?,
            device: row::parsed(row, "device")?,
            device_key: row::secret(row, "device_key")?,
            provider: row.get("provider")?,
            certificate: row.get("certificate")?,
        })
    })
}

pub(super) fn inbox_mark(connection: &Connection) -> Result<InboxMark> {
    let mark = one(connection, "SELECT * FROM inbox", [], |row| {
        Ok(InboxMark {
            read: row::number(row, "read")?,
            acknowledged: row::number(row, "acknowledged")?,
        })
    })?;
    Ok(mark.unwrap_or_default())
}

pub(super) fn key_package(
    connection: &Connection,
    reference: &[u8],
) -> Result<Option<KeyPackageRow>> {
    let sql = "SELECT * FROM key_packages WHERE reference = ?1";
    one(connection, sql, [reference], row::key_package)
}

pub(super) fn key_packages_to_upload(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<KeyPackageRow>> {
    let sql = "SELECT * FROM key_packages WHERE uploaded = 0 ORDER BY expires, reference LIMIT ?1";
    all(connection, sql, [bound(limit)], row::key_package)
}

pub(super) fn groups(connection: &Connection) -> Result<Vec<GroupRow>> {
    all(
        connection,
        "SELECT * FROM groups ORDER BY id",
        [],
        row::group,
    )
}

pub(super) fn group(connection: &Connection, group: &GroupId) -> Result<Option<GroupRow>> {
    one(
        connection,
        "SELECT * FROM groups WHERE id = ?1",
        [group.as_slice()],
        row::group,
    )
}

pub(super) fn record(
    connection: &Connection,
    group: &GroupId,
    key: &RecordKey,
) -> Result<Option<Secret>> {
    let sql = "SELECT value FROM records WHERE group_id = ?1 AND key = ?2";
    one(connection, sql, (group.as_slice(), &key.0), |row| {
        row::secret(row, "value")
    })
}

pub(super) fn records(
    connection: &Connection,
    group: &GroupId,
    prefix: &[u8],
) -> Result<Vec<(RecordKey, Secret)>> {
    let read = |row: &Row<'_>| Ok((RecordKey(row.get("key")?), row::secret(row, "value")?));
    let group = group.as_slice();
    if let Some(end) = after_prefix(prefix) {
        let sql = "SELECT key, value FROM records
                   WHERE group_id = ?1 AND key >= ?2 AND key < ?3 ORDER BY key";
        all(connection, sql, (group, prefix, end), read)
    } else {
        let sql = "SELECT key, value FROM records
                   WHERE group_id = ?1 AND key >= ?2 ORDER BY key";
        all(connection, sql, (group, prefix), read)
    }
}

/// The first key after all that begin with `prefix`, if there can be one.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

pub(super) fn head(
    connection: &Connection,
    group: &GroupId,
    sequence: Sequence,
) -> Result<Option<ChainHead>> {
    let sql = "SELECT head FROM heads WHERE group_id = ?1 AND sequence = ?2";
    let key = (group.as_slice(), sequence.0.cast_signed());
    one(connection, sql, key, |row| row::fixed(row, "head"))
}

pub(super) fn outgoing(connection: &Connection, group: &GroupId) -> Result<Option<Outgoing>> {
    let sql = "SELECT * FROM outgoing WHERE group_id = ?1";
    one(connection, sql, [group.as_slice()], |row| {
        Ok(Outgoing {
            group: row::fixed(row, "group_id")?,
            body: row::secret(row, "body")?,
        })
    })
}

pub(super) fn intents(connection: &Connection) -> Result<Vec<Intent>> {
    all(connection, "SELECT * FROM intents ORDER BY id", [], |row| {
        let group = match row.get::<_, Option<Vec<u8>>>("group_id")? {
            Some(_) => Some(row::fixed(row, "group_id")?),
            None => None,
        };
        Ok(Intent {
            id: row::number(row, "id")?,
            group,
            body: row::secret(row, "body")?,
        })
    })
}

pub(super) fn posts(connection: &Connection, limit: usize) -> Result<Vec<Post>> {
    all(
        connection,
        "SELECT * FROM posts ORDER BY id LIMIT ?1",
        [bound(limit)],
        |row| {
            Ok(Post {
                id: row::number(row, "id")?,
                body: row::secret(row, "body")?,
            })
        },
    )
}

pub(super) fn joins(connection: &Connection) -> Result<Vec<Join>> {
    all(
        connection,
        "SELECT * FROM joins ORDER BY arrival",
        [],
        |row| {
            Ok(Join {
                reference: row.get("reference")?,
                body: row::secret(row, "body")?,
            })
        },
    )
}

pub(super) fn messages(
    connection: &Connection,
    group: Option<&GroupId>,
    unread_only: bool,
    limit: usize,
) -> Result<Vec<MessageRow>> {
    let (filter, direction) = if unread_only {
        ("read = 0 AND own = 0", "ASC")
    } else {
        ("TRUE", "DESC")
    };
    let sql = format!(
        "SELECT * FROM (
             SELECT * FROM messages WHERE {filter} AND (?1 IS NULL OR group_id = ?1)
             ORDER BY time {direction}, group_id {direction}, sequence {direction} LIMIT ?2
         ) ORDER BY group_id, sequence"
    );
    all(
        connection,
        &sql,
        (group.map(GroupId::as_slice), bound(limit)),
        row::message,
    )
}

pub(super) fn unread(connection: &Connection, group: &GroupId) -> Result<u64> {
    let sql = "SELECT count(*) AS number FROM messages
               WHERE group_id = ?1 AND read = 0 AND own = 0";
    connection.query_row(sql, [group.as_slice()], |row| row::number(row, "number"))
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn one<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    connection
        .prepare_cached(sql)?
        .query_row(params, read)
        .optional()
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    connection
        .prepare_cached(sql)?
        .query_map(params, read)?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::after_prefix;

    #[test]
    fn the_end_of_a_prefix_is_right_at_the_edges() {
        assert_eq!(after_prefix(b"ab"), Some(b"ac".to_vec()));
        assert_eq!(after_prefix(&[1, 255]), Some(vec![2]));
        assert_eq!(after_prefix(&[255, 255]), None);
        assert_eq!(after_prefix(b""), None);
    }
}
