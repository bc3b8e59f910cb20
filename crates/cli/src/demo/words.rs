//! What catching up amounts to, in words.

use super::model::{Change, Written};
use super::script::Person;

/// One line on what someone read and learnt.
pub(super) fn catching_up(read: &[Written], learnt: &[Change]) -> String {
    let mut parts: Vec<String> = learnt.iter().map(change).collect();
    if !read.is_empty() {
        let mut writers: Vec<Person> = Vec::new();
        for message in read {
            if !writers.contains(&message.by) {
                writers.push(message.by);
            }
        }
        let writers: Vec<_> = writers.iter().map(|writer| writer.name()).collect();
        parts.push(format!("reads {}", writers.join(" and ")));
    }
    if parts.is_empty() {
        return "reads nothing".to_owned();
    }
    parts.join(", ")
}

fn change(change: &Change) -> String {
    match change {
        Change::Joined { epoch, .. } => format!("opens the Welcome and is in, in epoch {epoch}"),
        Change::Committed {
            by,
            epoch,
            added,
            removed,
        } => match (&added[..], &removed[..]) {
            ([], []) => format!("takes in {}'s fresh keys, epoch {epoch}", by.name()),
            (added, []) => format!(
                "sees {} come, epoch {epoch}",
                super::transcript::names(added, " and ")
            ),
            (_, removed) => {
                format!(
                    "sees {} go, epoch {epoch}",
                    super::transcript::names(removed, " and ")
                )
            }
        },
        Change::Removed { by } => {
            format!("learns that {} removed him, and reads nothing", by.name())
        }
    }
}
