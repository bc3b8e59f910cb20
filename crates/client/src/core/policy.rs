//! What this client takes from the other members of a group, beyond what RFC 9420 asks.
//!
//! The answer follows from the message alone, so that all members give the same one.

use folkmoot_mls::{CommitSummary, IncomingContent, Proposal, Sender};

/// Why a genuine message is not taken; none where it is.
///
/// A group keeps its extensions, which hold its name and its slot secret, and nobody enters it but by
/// an invitation through its log.
pub(super) fn refusal(content: &IncomingContent) -> Option<&'static str> {
    match content {
        IncomingContent::Application(_) => None,
        IncomingContent::Proposal { sender, proposal } => refused_proposal(*sender, proposal),
        IncomingContent::Commit(commit) => refused_commit(commit),
    }
}

fn refused_proposal(sender: Sender, proposal: &Proposal) -> Option<&'static str> {
    let ours = matches!(
        proposal,
        Proposal::Add(_) | Proposal::Update(_) | Proposal::Remove(_)
    );
    match sender {
        Sender::Member(_) if ours => None,
        Sender::Member(_) => Some("this group takes no such proposal"),
        _ => Some("it is a proposal from outside"),
    }
}

fn refused_commit(commit: &CommitSummary) -> Option<&'static str> {
    let reasons = [
        (commit.joins, "it joins without an invitation"),
        (
            commit.extensions.is_some(),
            "it replaces the group's settings",
        ),
        (commit.reinit.is_some(), "it ends the group"),
        (
            !commit.psks.is_empty(),
            "it mixes in a key that this group does not use",
        ),
    ];
    let mut reasons = reasons.into_iter();
    reasons.find(|(holds, _)| *holds).map(|(_, why)| why)
}
