//! Generations that a sender may use without telling its store of each.
//!
//! The store has the ratchet as it will be after the reserved generations. A sender that restarts goes on
//! from there, so no key is used twice; what it had reserved and not used, its receivers skip.

use super::{RatchetState, RatchetStep};
use folkmoot_crypto::Crypto;

/// The most generations reserved at once, and so the most that a restart skips.
const MAX_RESERVED: u32 = 64;

/// What is reserved of one epoch's own application ratchet.
#[derive(Debug, Default)]
pub(crate) struct Reservation {
    /// The generation of the stored ratchet.
    until: u32,
    /// Generations used since the epoch began or was loaded.
    used: u32,
}

impl Reservation {
    /// What has to be stored before the key of `step` may be used: none of it within what is reserved,
    /// otherwise the step with as many generations ahead as were used already. So a restart skips no
    /// more than was sent, and one who restarts for each message skips nothing.
    pub(crate) fn cover(&mut self, crypto: &dyn Crypto, step: &RatchetStep) -> Option<RatchetStep> {
        let ahead = self.used.clamp(1, MAX_RESERVED);
        self.used = self.used.saturating_add(1);
        let mut stored = step.clone();
        // A sender's step ends with the ratchet that it uses.
        if let Some((_, ratchet)) = stored.ratchets.last_mut() {
            if ratchet.generation <= self.until {
                return None;
            }
            *ratchet = advanced(crypto, ratchet, ahead - 1);
            self.until = ratchet.generation;
        }
        Some(stored)
    }
}

fn advanced(crypto: &dyn Crypto, from: &RatchetState, by: u32) -> RatchetState {
    let states = core::iter::successors(Some(from.clone()), |state| state.next(crypto));
    let reached = states.take(by as usize + 1).last();
    reached.unwrap_or_else(|| from.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::{RatchetKind, SecretTree};
    use crate::tree::LeafIndex;
    use folkmoot_crypto::{Secret, suite_one};

    const OWN: (LeafIndex, RatchetKind) = (LeafIndex(0), RatchetKind::Application);

    /// A sender, and the tree as its store has it.
    struct Sender {
        reservation: Reservation,
        memory: SecretTree,
        stored: SecretTree,
        writes: u32,
    }

    impl Sender {
        fn new() -> Self {
            let tree = SecretTree::new(Secret::from(vec![7; 32]), 1);
            Self {
                reservation: Reservation::default(),
                memory: tree.clone(),
                stored: tree,
                writes: 0,
            }
        }

        /// The generation and the key of a message.
        fn send(&mut self) -> (u32, Secret) {
            let next = self.memory.next_key(suite_one(), OWN).unwrap();
            let (generation, keys, step) = next.unwrap();
            if let Some(stored) = self.reservation.cover(suite_one(), &step) {
                self.stored.apply(stored);
                self.writes += 1;
            }
            self.memory.apply(step);
            (generation, keys.key)
        }

        fn restart(&mut self) {
            self.reservation = Reservation::default();
            self.memory = self.stored.clone();
        }
    }

    #[test]
    fn no_generation_is_used_twice_however_often_the_sender_restarts() {
        for restart_after in [1, 2, 3, 50, 200] {
            let (mut sender, mut last) = (Sender::new(), None);
            for sent in 0..500 {
                if sent % restart_after == 0 {
                    sender.restart();
                }
                let (generation, _) = sender.send();
                assert!(last.is_none_or(|last| generation > last), "{restart_after}");
                last = Some(generation);
            }
            let skipped = last.unwrap() - 499;
            let restarts = 500 / restart_after;
            assert!(skipped <= restarts * restart_after.min(MAX_RESERVED));
            assert!(restart_after > 1 || skipped == 0);
        }
    }

    #[test]
    fn the_store_hears_once_of_a_block() {
        let mut sender = Sender::new();
        for _ in 0..640 {
            sender.send();
        }
        // 1, 1, 2, 4, ... and then whole blocks.
        assert!(sender.writes <= 7 + 640 / MAX_RESERVED, "{}", sender.writes);
    }

    #[test]
    fn keys_are_those_of_a_sender_who_never_restarted() {
        let (mut one, mut other) = (Sender::new(), Sender::new());
        let keys: Vec<_> = (0..200).map(|_| one.send()).collect();
        for sent in 0..100 {
            if sent % 7 == 0 {
                other.restart();
            }
            let (generation, key) = other.send();
            assert_eq!(keys[generation as usize], (generation, key));
        }
    }
}
