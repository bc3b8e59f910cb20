//! What this client takes from the other members of a group, beyond what RFC 9420 asks.
//!
//! The answer follows from the message alone, so that all members give the same one.

use folkmoot_mls::{IncomingContent, Proposal, Sender};

/// Why a genuine message is not taken; none where it is.
///
/// A group keeps its extensions, which hold its name and its slot secret, and nobody enters it but by
/// an invitation through its log.
pub(super) fn refusal(content: &IncomingContent) -> Option<&'static str> {
    match content {
        IncomingContent::Application(_) => None,
        IncomingContent::Proposal { sender, proposal } => match (sender, proposal.as_ref()) {
            (Sender::Member(_), Proposal::Add(_) | Proposal::Update(_) | Proposal::Remove(_)) => {
                None
            }
            (Sender::Member(_), _) => Some("this group takes no such proposal"),
            _ => Some("it is a proposal from outside"),
        },
        IncomingContent::Commit(commit) if commit.joins => Some("it joins without an invitation"),
        IncomingContent::Commit(commit) if commit.extensions.is_some() => {
            Some("it replaces the group's settings")
        }
        IncomingContent::Commit(commit) if commit.reinit.is_some() => Some("it ends the group"),
        IncomingContent::Commit(commit) if !commit.psks.is_empty() => {
            Some("it mixes in a key that this group does not use")
        }
        IncomingContent::Commit(_) => None,
    }
}
