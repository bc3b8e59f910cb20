//! The secret tree (RFC 9420 §9): every sender's ratchets, derived when first needed.
//!
//! A step is computed without changing anything and applied once the message proved genuine, so a
//! forged message costs no key. Applying erases what was consumed (§9.2, check 51).

use super::{KeyAndNonce, RatchetKind, RatchetState};
use crate::Error;
use crate::check::Check;
use crate::labels::expand_to_hash;
use crate::tree::{LeafIndex, MAX_HEIGHT, NodeIndex};
use folkmoot_crypto::{Crypto, Secret};
use std::collections::{BTreeMap, HashMap};

/// A ratchet's name.
pub(crate) type RatchetId = (LeafIndex, RatchetKind);

/// The secrets of one epoch's messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct SecretTree {
    pub(crate) nodes: BTreeMap<NodeIndex, Secret>,
    pub(crate) ratchets: HashMap<RatchetId, RatchetState>,
    /// Keys of generations that were skipped.
    pub(crate) skipped: BTreeMap<(RatchetId, u32), KeyAndNonce>,
}

/// What using one message key changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct RatchetStep {
    pub(crate) nodes_erased: Vec<NodeIndex>,
    pub(crate) nodes_made: Vec<(NodeIndex, Secret)>,
    pub(crate) ratchets: Vec<(RatchetId, RatchetState)>,
    pub(crate) skipped_made: Vec<((RatchetId, u32), KeyAndNonce)>,
    pub(crate) skipped_erased: Vec<(RatchetId, u32)>,
}

impl SecretTree {
    /// A tree of `2^height` leaves under the epoch's encryption secret.
    pub(crate) fn new(encryption_secret: Secret, height: u8) -> Self {
        let nodes = BTreeMap::from([(NodeIndex::root(height), encryption_secret)]);
        Self {
            nodes,
            ..Self::default()
        }
    }

    /// The key of a received generation, skipping at most `skip_bound` and keeping at most
    /// `kept_bound` skipped keys per ratchet, the oldest going first (check 52).
    pub(crate) fn key_for(
        &self,
        crypto: &dyn Crypto,
        id: RatchetId,
        generation: u32,
        bounds: SkipBounds,
    ) -> Result<(KeyAndNonce, RatchetStep), Error> {
        let consumed = Error::KeyConsumed { generation };
        if let Some(keys) = self.skipped.get(&(id, generation)) {
            let skipped_erased = vec![(id, generation)];
            return Ok((
                keys.clone(),
                RatchetStep {
                    skipped_erased,
                    ..RatchetStep::default()
                },
            ));
        }
        let (mut ratchet, mut step) = self.ratchet(crypto, id)?;
        let skip = generation.checked_sub(ratchet.generation).ok_or(consumed)?;
        if skip > bounds.skip {
            return Err(Check::GenerationBound.into());
        }
        loop {
            let (keys, next) = ratchet.step(crypto).ok_or(Check::GenerationBound)?;
            let reached = ratchet.generation == generation;
            let passed = core::mem::replace(&mut ratchet, next).generation;
            if reached {
                step.ratchets.push((id, ratchet));
                self.forget_oldest(id, bounds.kept, &mut step);
                return Ok((keys, step));
            }
            step.skipped_made.push(((id, passed), keys));
        }
    }

    /// The key of this member's own next generation; who seals bounds how many (check 53).
    pub(crate) fn next_key(
        &self,
        crypto: &dyn Crypto,
        id: RatchetId,
    ) -> Result<Option<(u32, KeyAndNonce, RatchetStep)>, Error> {
        let (ratchet, mut step) = self.ratchet(crypto, id)?;
        let Some((keys, next)) = ratchet.step(crypto) else {
            return Ok(None);
        };
        step.ratchets.push((id, next));
        Ok(Some((ratchet.generation, keys, step)))
    }

    /// Takes a step computed from this very state.
    pub(crate) fn apply(&mut self, step: RatchetStep) {
        step.nodes_erased
            .iter()
            .for_each(|index| drop(self.nodes.remove(index)));
        self.nodes.extend(step.nodes_made);
        self.ratchets.extend(step.ratchets);
        self.skipped.extend(step.skipped_made);
        step.skipped_erased
            .iter()
            .for_each(|key| drop(self.skipped.remove(key)));
    }

    /// A sender's ratchet, and what deriving it from the tree changes.
    fn ratchet(
        &self,
        crypto: &dyn Crypto,
        id: RatchetId,
    ) -> Result<(RatchetState, RatchetStep), Error> {
        if let Some(ratchet) = self.ratchets.get(&id) {
            return Ok((ratchet.clone(), RatchetStep::default()));
        }
        let descent = descend(&self.nodes, id.0, crypto).ok_or(Check::SenderIsMember)?;
        let mut step = RatchetStep {
            nodes_erased: vec![descent.from],
            nodes_made: descent.beside,
            ..RatchetStep::default()
        };
        let secret = &descent.secret;
        let start = |kind: RatchetKind| RatchetState {
            generation: 0,
            secret: expand_to_hash(crypto, secret, kind.label(), b""),
        };
        let other = match id.1 {
            RatchetKind::Handshake => RatchetKind::Application,
            RatchetKind::Application => RatchetKind::Handshake,
        };
        step.ratchets.push(((id.0, other), start(other)));
        Ok((start(id.1), step))
    }

    fn forget_oldest(&self, id: RatchetId, kept: usize, step: &mut RatchetStep) {
        if step.skipped_made.is_empty() {
            return;
        }
        let before = self
            .skipped
            .range((id, 0)..=(id, u32::MAX))
            .map(|(key, _)| *key);
        let made = step.skipped_made.iter().map(|(key, _)| *key);
        let all: Vec<_> = before.chain(made).collect();
        step.skipped_erased
            .extend(&all[..all.len().saturating_sub(kept)]);
    }
}

/// The way from the lowest secret above a leaf down to it (RFC 9420 §9).
pub(super) struct Descent {
    /// Where it begins; what is there is used up.
    pub(super) from: NodeIndex,
    /// The secrets beside the way, to be kept instead.
    pub(super) beside: Vec<(NodeIndex, Secret)>,
    /// The leaf's.
    pub(super) secret: Secret,
}

/// None where the secrets above the leaf are used up, or there never were any.
pub(super) fn descend(
    nodes: &BTreeMap<NodeIndex, Secret>,
    leaf: LeafIndex,
    crypto: &dyn Crypto,
) -> Option<Descent> {
    let target = NodeIndex::from(leaf);
    let mut above = core::iter::once(target).chain(target.direct_path(MAX_HEIGHT));
    let found = above.find_map(|index| Some((index, nodes.get(&index)?.clone())));
    let (from, mut secret) = found?;
    let (mut at, mut beside) = (from, Vec::new());
    while let (Some(left), Some(right)) = (at.left(), at.right()) {
        let child = |side: &str| expand_to_hash(crypto, &secret, "tree", side.as_bytes());
        let (toward, secret_toward, away, secret_away) = if target < at {
            (left, child("left"), right, child("right"))
        } else {
            (right, child("right"), left, child("left"))
        };
        beside.push((away, secret_away));
        (at, secret) = (toward, secret_toward);
    }
    Some(Descent {
        from,
        beside,
        secret,
    })
}

/// How far a receiver goes along with messages out of order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SkipBounds {
    /// Generations skipped by one message.
    pub(crate) skip: u32,
    /// Skipped keys kept per ratchet.
    pub(crate) kept: usize,
}
