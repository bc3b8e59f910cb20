//! The proposals that wait for a commit in one epoch.

use super::proposals::CachedProposal;
use crate::framing::Sender;
use crate::wire::ProposalRef;
use std::collections::HashMap;
use tls_codec::VLBytes;

/// Proposals in the order of their arrival, to be found by reference.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    proposals: Vec<CachedProposal>,
    places: HashMap<ProposalRef, usize>,
    of_sender: HashMap<Sender, usize>,
}

impl Waiting {
    pub(super) fn iter(&self) -> core::slice::Iter<'_, CachedProposal> {
        self.proposals.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.proposals.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.proposals.is_empty()
    }

    pub(super) fn find(&self, reference: &ProposalRef) -> Option<&CachedProposal> {
        let place = *self.places.get(reference)?;
        self.proposals.get(place)
    }

    /// The messages of those that a joiner may refer to.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let messages = self.iter().filter_map(|cached| cached.message.as_ref());
        messages.map(VLBytes::as_slice)
    }

    /// How many one sender has made.
    pub(super) fn count_of(&self, sender: Sender) -> usize {
        self.of_sender.get(&sender).copied().unwrap_or(0)
    }

    pub(super) fn push(&mut self, cached: CachedProposal) {
        *self.of_sender.entry(cached.sender).or_default() += 1;
        let place = self.proposals.len();
        self.places.insert(cached.reference.clone(), place);
        self.proposals.push(cached);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl FromIterator<CachedProposal> for Waiting {
    fn from_iter<I: IntoIterator<Item = CachedProposal>>(proposals: I) -> Self {
        let mut waiting = Self::default();
        proposals
            .into_iter()
            .for_each(|cached| waiting.push(cached));
        waiting
    }
}
