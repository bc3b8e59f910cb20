//! What catching up amounts to, in words.

use super::model::{Change, Written};
use super::script::Person;
use super::transcript::names;

/// A line on each change that someone learnt of, and the epoch in which they are then.
pub(super) fn learnt(changes: &[Change]) -> impl Iterator<Item = (String, Option<u64>)> {
    changes.iter().map(|change| {
        let epoch = match change {
            Change::Joined { epoch, .. } | Change::Committed { epoch, .. } => Some(*epoch),
            Change::Removed { .. } => None,
        };
        (one(change), epoch)
    })
}

fn one(change: &Change) -> String {
    match change {
        Change::Joined { .. } => "opens the Welcome and is in".to_owned(),
        Change::Committed {
            by, added, removed, ..
        } => match (&added[..], &removed[..]) {
            ([], []) => format!("takes in {}'s fresh keys", by.name()),
            (added, []) => format!("sees {} come", names(added, " and ")),
            (_, removed) => format!("sees {} go", names(removed, " and ")),
        },
        Change::Removed { by } => format!("learns that {} removed him", by.name()),
    }
}

/// A line on what someone read.
pub(super) fn read(messages: &[Written]) -> String {
    let mut writers: Vec<Person> = Vec::new();
    for message in messages {
        if !writers.contains(&message.by) {
            writers.push(message.by);
        }
    }
    match messages {
        [] => "finds nothing to read".to_owned(),
        _ => format!("reads what {} wrote", names(&writers, " and ")),
    }
}
