//! Commits of very many proposals, by a member.

use super::{ACCEPTED, Attack, Expected};
use crate::credentials::Credentials;
use crate::engine::Failure;
use crate::made::Pool;
use folkmoot_mls::hazmat::Knowledge;
use folkmoot_mls::{
    CommitIntent, Extensions, Group, JoinOptions, KeyPackage, LeafIndex, MessageBody, MlsMessage,
    NoRecords, OwnKeyPackage, Proposal, Settings,
};
use folkmoot_sim::Forgery;
use std::sync::Arc;
use std::time::Duration;

const PROPOSALS: usize = 1000;
/// The insider, the victim, and others for the insider to remove.
const MEMBERS: usize = 4;

pub(super) struct Insider {
    credentials: Arc<Credentials>,
    group: Group,
    victim: Group,
}

impl Insider {
    pub(super) fn new(pool: &mut Pool) -> Result<Self, Failure> {
        let (crypto, credentials) = (pool.crypto, pool.credentials.clone());
        let auth = credentials.authentication();
        let id = Group::random_id(crypto, pool.rng());
        let founder = credentials.member(crypto, "insider", pool.rng())?;
        let founder = (founder, pool.lifetime);
        let (extensions, settings) = (Extensions::default(), Settings::default());
        let created = Group::create(crypto, id, founder, extensions, settings, auth, pool.rng());
        let (mut group, _) = created?;
        let (victim, secrets) = pool.offer("victim-of-insider")?;
        let mut packages = vec![victim.clone()];
        for number in 2..MEMBERS {
            packages.push(pool.offer(&format!("other-{number}"))?.0);
        }
        let settings = Settings::default();
        let intent = CommitIntent {
            add: KeyPackage::verify_all(packages, crypto, auth, &settings, None)?,
            ..CommitIntent::default()
        };
        let (bundle, _) = group.commit(intent, b"", auth, pool.rng())?;
        // Nobody here is ever loaded again.
        let _ = group.accept_pending()?;
        let welcome = bundle.welcome.ok_or_else(Failure::no_group)?;
        let MessageBody::Welcome(welcome) = welcome.body else {
            return Err(Failure::new("not a Welcome"));
        };
        let own = OwnKeyPackage {
            key_package: &victim,
            secrets: &secrets,
        };
        let options = JoinOptions::default();
        let (victim, _) = Group::join(crypto, &welcome, own, options, settings, auth)?;
        Ok(Self {
            credentials: credentials.clone(),
            group,
            victim,
        })
    }

    /// One member, removed many times over.
    pub(super) fn repeated_removal(&self, patience: Duration) -> Result<Attack, Failure> {
        let known = Knowledge::of(&self.group, &NoRecords)?;
        let removals = vec![Proposal::Remove(LeafIndex(2)); PROPOSALS];
        let commit = Forgery::new(known, removals).message().encode();
        self.sends(
            "hostile_commit_removals",
            &commit,
            "OneChangePerLeaf",
            patience,
        )
    }

    /// As many new members: legal.
    pub(super) fn many_additions(
        &mut self,
        pool: &mut Pool,
        patience: Duration,
    ) -> Result<Attack, Failure> {
        pool.grow(PROPOSALS)?;
        let credentials = self.credentials.clone();
        let auth = credentials.authentication();
        let packages = pool.packages(PROPOSALS);
        let add = KeyPackage::verify_all(packages, pool.crypto, auth, &Settings::default(), None)?;
        let intent = CommitIntent {
            add,
            tree_apart: true,
            ..CommitIntent::default()
        };
        let (bundle, _) = self.group.commit(intent, b"", auth, pool.rng())?;
        let commit = bundle.commit.encode();
        self.sends("hostile_commit_additions", &commit, ACCEPTED, patience)
    }

    fn sends(
        &self,
        name: &'static str,
        commit: &[u8],
        outcome: &'static str,
        patience: Duration,
    ) -> Result<Attack, Failure> {
        let expected = Expected {
            name,
            leaves: self.group.member_count(),
            outcome,
            bytes: commit.len(),
        };
        expected.of(patience, || {
            let message = MlsMessage::decode(commit)?;
            self.victim
                .receive(message, self.credentials.authentication())
        })
    }
}
