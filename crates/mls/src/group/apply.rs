//! Transitions that were computed, carried out.

use super::epoch::{EpochState, PastEpoch};
use super::receive::Transition;
use super::{Group, Incoming};
use crate::error::{Error, StateError};
use crate::records::{Delta, Kind};
use crate::schedule::RatchetStep;
use crate::tree::NodeChange;
use crate::wire::Epoch;

impl Group {
    /// Takes a message that [`Self::receive`] examined in this very state of the group.
    ///
    /// A commit replaces the epoch, drops waiting proposals and a pending commit of this member's
    /// own, or ends the membership.
    pub fn apply(&mut self, incoming: Incoming) -> Result<Delta, Error> {
        if incoming.base != self.revision {
            return Err(StateError::Superseded.into());
        }
        let mut delta = Delta::default();
        match incoming.transition {
            Transition::Application { epoch, step } => self.take_step(epoch, step, &mut delta),
            Transition::Proposal { step, cached } => {
                self.take_current_step(step, &mut delta);
                delta.put_proposal(self.proposals.len(), &cached);
                self.proposals.push(*cached);
            }
            Transition::Commit {
                step,
                next: Some(next),
            } => {
                let changes = delta.put_succession(self.crypto, &self.epoch, &next)?;
                self.take_current_step(step, &mut delta);
                self.advance(*next, changes, &mut delta);
            }
            Transition::Commit { step, next: None } => {
                self.take_current_step(step, &mut delta);
                self.end(&mut delta);
            }
        }
        self.changed();
        Ok(delta)
    }

    /// Enters the epoch of this member's own commit, which has been accepted.
    pub fn accept_pending(&mut self) -> Result<Delta, Error> {
        self.check_active()?;
        let pending = self.pending.as_ref().ok_or(StateError::NoCommitPending)?;
        let mut delta = Delta::default();
        let changes = delta.put_succession(self.crypto, &self.epoch, &pending.next)?;
        let pending = self.pending.take().ok_or(StateError::NoCommitPending)?;
        self.advance(*pending.next, changes, &mut delta);
        self.changed();
        Ok(delta)
    }

    /// Forgets this member's own commit: another one was accepted, or nobody wants it.
    pub fn discard_pending(&mut self) -> Delta {
        let mut delta = Delta::default();
        self.pending = None;
        delta.erase(Kind::Pending.key(&[]));
        self.changed();
        delta
    }

    fn take_current_step(&mut self, step: Option<RatchetStep>, delta: &mut Delta) {
        let epoch = self.epoch.public.context.epoch;
        if let Some(step) = step {
            self.take_step(epoch, step, delta);
        }
    }

    pub(super) fn take_step(&mut self, epoch: Epoch, step: RatchetStep, delta: &mut Delta) {
        delta.put_step(epoch, &step);
        if epoch == self.epoch.public.context.epoch {
            self.epoch.messages.apply(step);
        } else if let Some(past) = self
            .past
            .iter_mut()
            .find(|past| past.context.epoch == epoch)
        {
            past.messages.apply(step);
        }
    }

    /// Makes `next`, which is in the delta with its changes of the tree, the current epoch and the
    /// current one past.
    fn advance(&mut self, next: EpochState, changes: Vec<NodeChange>, delta: &mut Delta) {
        delta.erase_all(Kind::Proposal.key(&[]));
        delta.erase(Kind::Pending.key(&[]));
        self.proposals.clear();
        self.pending = None;
        self.keep_resumption(delta);
        let past = PastEpoch::new(core::mem::replace(&mut self.epoch, next), changes);
        let public = &mut self.epoch.public;
        public.tree.settle(public.context.epoch);
        delta.put_past(&past);
        self.past.push_back(past);
        while self.past.len() > self.settings.past_epochs {
            if let Some(oldest) = self.past.pop_front() {
                delta.erase_past(oldest.context.epoch);
            }
        }
    }

    /// Keeps the current epoch's resumption key, and the newest ones before it (check 140).
    fn keep_resumption(&mut self, delta: &mut Delta) {
        let epoch = self.epoch.public.context.epoch;
        let key = self.epoch.secrets.resumption_psk.clone();
        delta.put_resumption(epoch, &key);
        self.resumption.push_back((epoch, key));
        while self.resumption.len() > self.settings.resumption_epochs {
            if let Some((oldest, _)) = self.resumption.pop_front() {
                delta.erase(Kind::Resumption.of_epoch(oldest));
            }
        }
    }

    /// Ends the membership: every secret goes, what the group was stays readable (check 97).
    fn end(&mut self, delta: &mut Delta) {
        self.active = false;
        self.epoch.forget();
        self.past.clear();
        self.resumption.clear();
        self.proposals.clear();
        self.pending = None;
        let secrets = [
            Kind::PrivateKey,
            Kind::ExporterNode,
            Kind::SecretNode,
            Kind::Ratchet,
            Kind::Skipped,
        ];
        let rest = [
            Kind::Past,
            Kind::PastLeaf,
            Kind::Proposal,
            Kind::Pending,
            Kind::Resumption,
        ];
        for kind in secrets.into_iter().chain(rest) {
            delta.erase_all(kind.key(&[]));
        }
        delta.put_epoch(&self.epoch, false);
    }
}
