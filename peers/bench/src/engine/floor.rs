//! The primitives that RFC 9420 forces on each operation.
//!
//! Only what no implementation can leave out: hashes of nodes whose hash changes, signatures and
//! ciphertexts that the message carries or that must be checked, derivations of secrets that the
//! epoch consists of. A group without pre-shared keys, handshakes as PrivateMessage.

use super::op::Op;
use super::shape::Shape;
use crate::primitives::{Costs, as_f64};
use std::collections::BTreeMap;

/// A node's share of what its tree hash covers beside its children's hashes, and its parent hash's input.
const PARENT_HASH_INPUT: usize = 100;
/// A parent's tree hash input: key, parent hash and two hashes.
const PARENT_INPUT: usize = 140;
/// The same of a blank parent.
const BLANK_INPUT: usize = 70;
/// A `GroupInfo` or `GroupContext` without tree.
const CONTEXT: usize = 200;
/// What the signature of a certificate covers.
const CERTIFICATE: usize = 300;
/// What a transcript or a sender data covers, at most.
const SHORT: usize = 64;
/// `DeriveSecret`s of an epoch (RFC 9420 §8, table 4).
const EPOCH_SECRETS: usize = 9;

/// A primitive; lengths in bytes where the cost depends on one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Primitive {
    Verify(usize),
    VerifyOnAllCores,
    Sign(usize),
    Seal,
    SealOnAllCores,
    Open,
    DeriveKeyPair,
    /// HKDF-Expand or HKDF-Extract.
    Derive,
    Mac,
    Hash(usize),
    AeadSeal(usize),
    AeadOpen(usize),
}

impl Primitive {
    /// Microseconds.
    fn cost(self, costs: &Costs) -> f64 {
        match self {
            Self::Verify(length) => costs.verify.0.at(length),
            Self::VerifyOnAllCores => costs.verify.1,
            Self::Sign(length) => costs.sign.at(length),
            Self::Seal => costs.seal.0,
            Self::SealOnAllCores => costs.seal.1,
            Self::Open => costs.open,
            Self::DeriveKeyPair => costs.derive_key_pair,
            Self::Derive => costs.expand,
            Self::Mac => costs.mac,
            Self::Hash(length) => costs.hash.at(length),
            Self::AeadSeal(length) => costs.aead_seal.at(length),
            Self::AeadOpen(length) => costs.aead_open.at(length),
        }
    }
}

/// How often each primitive is needed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Floor(BTreeMap<Primitive, usize>);

/// What one operation was done on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Circumstances<'a> {
    /// The tree before it.
    pub(crate) before: &'a Shape,
    /// The tree after it.
    pub(crate) after: &'a Shape,
    pub(crate) committer: u32,
    pub(crate) receiver: u32,
    /// Seals of the path.
    pub(crate) seals: usize,
    /// Length of the message.
    pub(crate) bytes: usize,
    /// Length of a leaf, and of a KeyPackage.
    pub(crate) leaf: usize,
    pub(crate) package: usize,
    /// Certificates that each new credential brings.
    pub(crate) certificates: usize,
}

impl Floor {
    /// The count for an operation; none where RFC 9420 forces no primitive.
    pub(crate) fn of(op: Op, on: &Circumstances<'_>) -> Option<Self> {
        let mut floor = Self::default();
        match op {
            Op::KeyPackage => floor.key_package(on),
            Op::Build => floor.build(on),
            Op::Join => floor.join(on),
            Op::SparseCommit | Op::CommitThinned => {
                floor.commit(on, Primitive::SealOnAllCores);
            }
            Op::Commit | Op::Remove | Op::RemoveEdge => floor.commit(on, Primitive::Seal),
            Op::Process | Op::ProcessThinned | Op::CatchUp | Op::Load => floor.process(on),
            Op::Add => floor.add(on),
            Op::Send | Op::SendStored => floor.send(on),
            Op::Receive | Op::ReceiveStored => floor.receive(on),
            Op::Observe => floor.observe(on),
            Op::BuildInside | Op::Store | Op::Thin | Op::Memory | Op::MemoryWhole => return None,
        }
        Some(floor)
    }

    /// Microseconds.
    pub(crate) fn cost(&self, costs: &Costs) -> f64 {
        let each = self.0.iter();
        each.map(|(primitive, times)| primitive.cost(costs) * as_f64(*times))
            .sum()
    }

    /// Microseconds of what all cores do, at their throughput.
    pub(crate) fn parallel_cost(&self, costs: &Costs) -> f64 {
        let parallel = self.0.iter().filter(|(primitive, _)| {
            matches!(
                primitive,
                Primitive::VerifyOnAllCores | Primitive::SealOnAllCores
            )
        });
        parallel
            .map(|(primitive, times)| primitive.cost(costs) * as_f64(*times))
            .sum()
    }

    /// The counts for people.
    pub(crate) fn counts(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for (primitive, times) in &self.0 {
            let name = match primitive {
                Primitive::Verify(_) => "verify",
                Primitive::VerifyOnAllCores => "verify*",
                Primitive::Sign(_) => "sign",
                Primitive::Seal => "seal",
                Primitive::SealOnAllCores => "seal*",
                Primitive::Open => "open",
                Primitive::DeriveKeyPair => "key pair",
                Primitive::Derive => "derive",
                Primitive::Mac => "mac",
                Primitive::Hash(_) => "hash",
                Primitive::AeadSeal(_) | Primitive::AeadOpen(_) => "aead",
            };
            *counts.entry(name).or_default() += times;
        }
        let counts: Vec<_> = counts
            .iter()
            .map(|(name, times)| format!("{times} {name}"))
            .collect();
        counts.join(", ")
    }

    fn add_to(&mut self, primitive: Primitive, times: usize) {
        if times > 0 {
            *self.0.entry(primitive).or_default() += times;
        }
    }

    /// Init and leaf keys (§10), signatures of leaf and package (§7.2, §10).
    fn key_package(&mut self, on: &Circumstances<'_>) {
        self.add_to(Primitive::DeriveKeyPair, 2);
        self.add_to(Primitive::Sign(on.leaf), 1);
        self.add_to(Primitive::Sign(on.package), 1);
    }

    fn build(&mut self, on: &Circumstances<'_>) {
        let added = on.after.members() - on.before.members();
        // §10.1: two signatures of each, §5.3.1: those of its certificates; §12.4.3.1: one seal; §5.2: its
        // reference; §7.8: its hash.
        self.add_to(Primitive::VerifyOnAllCores, (2 + on.certificates) * added);
        self.add_to(Primitive::SealOnAllCores, added);
        self.add_to(Primitive::Hash(on.package), added);
        self.add_to(Primitive::Hash(on.leaf), added);
        self.add_to(Primitive::Hash(BLANK_INPUT), on.after.places_of_parents());
        let commit = added * on.package;
        self.authenticate(commit);
        self.next_epoch(commit);
        self.seal_message(on.before, commit);
        self.welcome();
    }

    /// §12.4.1, for a commit with a path.
    fn commit(&mut self, on: &Circumstances<'_>, seal: Primitive) {
        let path = on.after.path_length(on.committer);
        // §7.4: the leaf's keys; per node two secrets and a key pair; §7.6: the seals.
        self.add_to(Primitive::DeriveKeyPair, 1 + path);
        self.add_to(Primitive::Derive, 2 * path);
        self.add_to(seal, on.seals);
        // §7.2: the leaf.
        self.add_to(Primitive::Sign(on.leaf), 1);
        self.renewed_hashes(on, path);
        self.authenticate(on.bytes);
        self.next_epoch(on.bytes);
        self.seal_message(on.before, on.bytes);
    }

    /// §12.4.2, for a commit with a path.
    fn process(&mut self, on: &Circumstances<'_>) {
        let path = on.after.path_length(on.committer);
        self.open_message(on.before, on.bytes);
        self.add_to(Primitive::Verify(on.bytes), 1);
        self.add_to(Primitive::Verify(on.leaf), 1);
        let derived = on.after.derived(on.committer, on.receiver);
        self.add_to(Primitive::Open, usize::from(derived > 0));
        self.add_to(Primitive::DeriveKeyPair, derived);
        self.add_to(Primitive::Derive, 2 * derived);
        self.renewed_hashes(on, path);
        self.next_epoch(on.bytes);
    }

    /// As [`Self::process`], without any secret.
    fn observe(&mut self, on: &Circumstances<'_>) {
        self.add_to(Primitive::Verify(on.bytes), 1);
        self.add_to(Primitive::Verify(on.leaf), 1);
        self.renewed_hashes(on, on.after.path_length(on.committer));
        self.add_to(Primitive::Hash(on.bytes), 1);
        self.add_to(Primitive::Hash(SHORT), 1);
    }

    /// One Add and no path.
    fn add(&mut self, on: &Circumstances<'_>) {
        self.add_to(Primitive::Verify(on.leaf), 1);
        self.add_to(Primitive::Verify(on.package), 1);
        self.add_to(Primitive::Verify(CERTIFICATE), on.certificates);
        self.add_to(Primitive::Seal, 1);
        self.add_to(Primitive::Hash(on.package), 1);
        self.add_to(Primitive::Hash(on.leaf), 1);
        self.add_to(Primitive::Hash(PARENT_INPUT), on.after.height());
        self.authenticate(on.bytes);
        self.next_epoch(on.bytes);
        self.seal_message(on.before, on.bytes);
        self.welcome();
    }

    fn join(&mut self, on: &Circumstances<'_>) {
        let (members, tree) = (on.after.members(), on.after);
        // §12.4.3.1: GroupSecrets, GroupInfo, every leaf and its certificates.
        self.add_to(Primitive::Hash(on.package), 1);
        self.add_to(Primitive::Open, 1);
        self.add_to(Primitive::Derive, 4);
        self.add_to(Primitive::AeadOpen(CONTEXT), 1);
        self.add_to(Primitive::Verify(CONTEXT), 1);
        self.add_to(Primitive::VerifyOnAllCores, (1 + on.certificates) * members);
        // §7.8 for each node, §7.9 for each parent.
        self.add_to(Primitive::Hash(on.leaf), members);
        self.add_to(Primitive::Hash(PARENT_INPUT), tree.places_of_parents());
        self.add_to(Primitive::Hash(PARENT_HASH_INPUT), tree.parents());
        // The signer is the receiver's neighbour: all of the path is shared.
        let shared = tree.path_length(on.receiver);
        self.add_to(Primitive::DeriveKeyPair, shared);
        self.add_to(Primitive::Derive, 2 * shared);
        self.add_to(Primitive::Derive, 1 + EPOCH_SECRETS);
        self.add_to(Primitive::Mac, 1);
        self.add_to(Primitive::Hash(SHORT), 1);
    }

    fn send(&mut self, on: &Circumstances<'_>) {
        self.add_to(Primitive::Sign(on.bytes), 1);
        self.ratchet_step();
        self.add_to(Primitive::AeadSeal(on.bytes), 1);
        self.add_to(Primitive::AeadSeal(SHORT), 1);
    }

    fn receive(&mut self, on: &Circumstances<'_>) {
        self.ratchet_step();
        self.add_to(Primitive::AeadOpen(SHORT), 1);
        self.add_to(Primitive::AeadOpen(on.bytes), 1);
        self.add_to(Primitive::Verify(on.bytes), 1);
    }

    /// Parent hashes of a path (§7.9) and tree hashes up from its leaf (§7.8).
    fn renewed_hashes(&mut self, on: &Circumstances<'_>, path: usize) {
        self.add_to(Primitive::Hash(PARENT_HASH_INPUT), path);
        self.add_to(Primitive::Hash(PARENT_INPUT), on.after.height());
        self.add_to(Primitive::Hash(on.leaf), 1);
    }

    /// The signature over the framed content (§6.1).
    fn authenticate(&mut self, bytes: usize) {
        self.add_to(Primitive::Sign(bytes), 1);
    }

    /// Transcripts (§8.2), key schedule (§8), confirmation tag (§6.1).
    fn next_epoch(&mut self, bytes: usize) {
        self.add_to(Primitive::Hash(bytes), 1);
        self.add_to(Primitive::Hash(SHORT), 1);
        // Two extractions, joiner and epoch secret.
        self.add_to(Primitive::Derive, 4 + EPOCH_SECRETS);
        self.add_to(Primitive::Mac, 1);
    }

    /// Welcome secret, key and nonce, GroupInfo with its signature (§12.4.3).
    fn welcome(&mut self) {
        self.add_to(Primitive::Derive, 3);
        self.add_to(Primitive::Sign(CONTEXT), 1);
        self.add_to(Primitive::AeadSeal(CONTEXT), 1);
    }

    /// From the encryption secret to a handshake ratchet (§9), and a message's keys.
    fn first_of_epoch(&mut self, tree: &Shape) {
        self.add_to(Primitive::Derive, 2 * tree.height() + 2);
        self.ratchet_step();
    }

    /// Key, nonce and next secret (§9.1); key and nonce of the sender data (§6.3.2).
    fn ratchet_step(&mut self) {
        self.add_to(Primitive::Derive, 3 + 2);
    }

    fn seal_message(&mut self, tree: &Shape, bytes: usize) {
        self.first_of_epoch(tree);
        self.add_to(Primitive::AeadSeal(bytes), 1);
        self.add_to(Primitive::AeadSeal(SHORT), 1);
    }

    fn open_message(&mut self, tree: &Shape, bytes: usize) {
        self.first_of_epoch(tree);
        self.add_to(Primitive::AeadOpen(SHORT), 1);
        self.add_to(Primitive::AeadOpen(bytes), 1);
    }
}
