//! A steady group that is played by Folkmoot alone, in memory.

use crate::engine::{Failure, Seat};
use crate::made::{self, Invitation, Pool};
use crate::primitives;
use folkmoot_crypto::Crypto;
use folkmoot_mls::{
    AuthenticationService, CommitIntent, Delta, Group, JoinOptions, KeyPackage, KeyPackageSecrets,
    MessageBody, MlsMessage, OwnKeyPackage, Settings,
};

/// RFC 9420's mandatory suite.
const SUITE: u16 = 1;
const SEED: u64 = 9420;

/// A group in which every member has committed once. Of the same number of members always the same.
pub struct Steady {
    /// The leftmost leaf.
    pub committer: Group,
    /// The first leaf of the right half.
    pub receiver: Group,
    joined: Delta,
    joiner: (KeyPackage, KeyPackageSecrets),
    invitation: Invitation,
    pool: Pool,
}

impl Steady {
    /// Makes it and lets both join.
    pub fn new(members: u32) -> Result<Self, Failure> {
        if !made::is_possible(members) {
            let why = "one member would be alone in the right half: take another number";
            return Err(Failure::new(format!("{members} members: {why}")));
        }
        let mut pool = Pool::seeded(crypto()?, SEED)?;
        pool.grow(members as usize)?;
        let committer = pool.offer(Seat::Committer.name())?;
        let joiner = pool.offer(Seat::Receiver.name())?;
        let offers = [&committer, &joiner].map(|(package, _)| package.to_message().encode());
        let invitation = made::group(&mut pool, members, [&offers[0], &offers[1]])?;
        let (committer, _) = join(&pool, &committer, &invitation)?;
        let (receiver, joined) = join(&pool, &joiner, &invitation)?;
        Ok(Self {
            committer,
            receiver,
            joined,
            joiner,
            invitation,
            pool,
        })
    }

    /// What the receiver stores once it has joined.
    pub fn joined(&self) -> &Delta {
        &self.joined
    }

    /// The receiver joins again.
    pub fn join(&self) -> Result<Group, Failure> {
        let (group, _) = join(&self.pool, &self.joiner, &self.invitation)?;
        Ok(group)
    }

    /// The Welcome to both, an encoded message.
    pub fn welcome(&self) -> &[u8] {
        &self.invitation.welcome
    }

    /// The committer renews its path and accepts its commit, an encoded message.
    pub fn commit(&mut self) -> Result<Vec<u8>, Failure> {
        let credentials = self.pool.credentials.clone();
        let auth = credentials.authentication();
        let intent = CommitIntent {
            force_path: true,
            ..CommitIntent::default()
        };
        let (bundle, _) = self.committer.commit(intent, b"", auth, self.pool.rng())?;
        // The committer is never loaded again.
        let _ = self.committer.accept_pending()?;
        Ok(bundle.commit.encode())
    }

    /// The committer seals data in an encoded message.
    pub fn seal(&mut self, data: &[u8]) -> Result<Vec<u8>, Failure> {
        let (message, _) = self.committer.seal(data, b"", self.pool.rng())?;
        Ok(message.encode())
    }

    /// The receiver decodes, verifies and takes a message.
    pub fn receive(&mut self, message: &[u8]) -> Result<Delta, Failure> {
        let message = MlsMessage::decode(message)?;
        let auth = self.pool.credentials.authentication();
        let incoming = self.receiver.receive(message, auth)?;
        Ok(self.receiver.apply(incoming)?)
    }

    /// KeyPackages of as many of its members.
    pub fn key_packages(&self, members: usize) -> Vec<KeyPackage> {
        self.pool.packages(members)
    }

    /// Who vouches for the members.
    pub fn authentication(&self) -> &dyn AuthenticationService {
        self.pool.credentials.authentication()
    }
}

/// The suite of every such group.
pub fn crypto() -> Result<&'static dyn Crypto, Failure> {
    primitives::suite(SUITE).ok_or_else(|| Failure::new("there is no cipher suite 1"))
}

fn join(
    pool: &Pool,
    (key_package, secrets): &(KeyPackage, KeyPackageSecrets),
    invitation: &Invitation,
) -> Result<(Group, Delta), Failure> {
    let own = OwnKeyPackage {
        key_package,
        secrets,
    };
    let MessageBody::Welcome(welcome) = MlsMessage::decode(&invitation.welcome)?.body else {
        return Err(Failure::new("not a Welcome"));
    };
    let options = JoinOptions {
        tree: Some(&invitation.tree),
        ..JoinOptions::default()
    };
    let auth = pool.credentials.authentication();
    let settings = Settings::default();
    Ok(Group::join(
        pool.crypto,
        &welcome,
        own,
        options,
        settings,
        auth,
    )?)
}
