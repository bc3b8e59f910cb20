//! What a sealed group shows of a message: group, epoch and kind.

use folkmoot_mls::{ContentType, MlsMessage};
use folkmoot_protocol::{Append, EntryKind, GroupId, Problem, ProblemCode};

/// Refuses an append whose message is not what the append says about it, so that a log holds MLS
/// messages only, each where it claims to belong.
pub(crate) fn check(append: &Append, group: &GroupId) -> Result<(), Problem> {
    let message =
        MlsMessage::decode(&append.message).map_err(|_| refused("is not an MLS message"))?;
    let (Some(of_group), Some(epoch), Some(content)) =
        (message.group_id(), message.epoch(), message.content_type())
    else {
        return Err(refused("is not a message to a group"));
    };
    if of_group.as_slice() != group.as_slice() {
        return Err(refused("is for another group"));
    }
    if epoch != append.epoch {
        return Err(refused("is of another epoch than stated"));
    }
    if kind(content) != append.kind {
        return Err(refused("is of another kind than stated"));
    }
    Ok(())
}

fn kind(content: ContentType) -> EntryKind {
    match content {
        ContentType::Application => EntryKind::Application,
        ContentType::Proposal => EntryKind::Proposal,
        ContentType::Commit => EntryKind::Commit,
    }
}

fn refused(why: &str) -> Problem {
    Problem::new(ProblemCode::Malformed, format!("the message {why}"))
}
