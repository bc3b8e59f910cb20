//! A new group (RFC 9420 §11).

use super::components::{check_bounds, check_dictionary};
use super::epoch::leaf_check;
use super::public::PublicState;
use super::send::refused;
use super::{EpochState, Group, Settings};
use crate::check::Check;
use crate::error::Error;
use crate::key_package::{Member, new_leaf};
use crate::leaf::{AuthenticationService, check_fits_group, check_leaf_length};
use crate::records::Delta;
use crate::schedule::EpochSecrets;
use crate::services::Services;
use crate::tree::{Leaf, LeafIndex, PrivateKeys, RatchetTree};
use crate::wire::{Epoch, Extensions, GroupContext, GroupId, Lifetime, ProtocolVersion};
use folkmoot_crypto::{Crypto, random_secret};
use rand_core::CryptoRng;

impl Group {
    /// A random group id (check 143).
    pub fn random_id(crypto: &dyn Crypto, rng: &mut dyn CryptoRng) -> GroupId {
        GroupId::new(random_secret(rng, crypto.hash_length()).expose())
    }

    /// Creates a group of one member, in epoch 0 (check 141).
    pub fn create(
        crypto: &'static dyn Crypto,
        group_id: GroupId,
        (member, lifetime): (Member, Lifetime),
        extensions: Extensions,
        settings: Settings,
        auth: &dyn AuthenticationService,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, Delta), Error> {
        let (leaf, leaf_private) = new_leaf(crypto, &member, lifetime, rng)?;
        let client = auth.client(&leaf.content.credential);
        let tree = RatchetTree::of_one(Leaf::new(leaf.clone(), client))?;
        let context = GroupContext {
            version: ProtocolVersion::MLS_10,
            cipher_suite: crypto.suite(),
            group_id,
            epoch: Epoch(0),
            tree_hash: tree.tree_hash(crypto).into(),
            confirmed_transcript_hash: Vec::new().into(),
            extensions,
        };
        // Whoever joins checks the same.
        check_leaf_length(&leaf, &settings).map_err(|check| refused(check.into()))?;
        let span = lifetime.not_after.0.checked_sub(lifetime.not_before.0);
        if span.is_none_or(|span| span > settings.maximum_lifetime) {
            return Err(refused(Check::LifetimeLength.into()));
        }
        let leaves = leaf_check(crypto, &settings, Services::from(auth));
        check_bounds(&context.extensions, &leaves).map_err(refused)?;
        check_dictionary(&leaf.content.extensions, &leaves).map_err(refused)?;
        context
            .extensions
            .external_senders()
            .map_err(|error| refused(error.into()))?;
        check_fits_group(&leaf, &context, &context.extensions).map_err(refused)?;
        let secrets = EpochSecrets::derive(crypto, &random_secret(rng, crypto.hash_length()));
        let tag = secrets.confirmation_tag(crypto, b"");
        let own = LeafIndex(0);
        let private = PrivateKeys::from_iter([(own.into(), leaf_private)]);
        let public = PublicState::new(crypto, context, tag, tree);
        let epoch = EpochState::begin(public, secrets, (own, private, member.signature));
        Self::begin(crypto, settings, epoch)
    }

    /// A group that starts with this epoch, and the records of all of it.
    pub(super) fn begin(
        crypto: &'static dyn Crypto,
        settings: Settings,
        epoch: EpochState,
    ) -> Result<(Self, Delta), Error> {
        let group = Self {
            crypto,
            settings,
            epoch,
            past: std::collections::VecDeque::new(),
            proposals: super::waiting::Waiting::default(),
            resumption: std::collections::VecDeque::new(),
            pending: None,
            active: true,
            revision: super::Revision::default(),
        };
        let delta = Delta::of_new_group(crypto, &group.epoch)?;
        Ok((group, delta))
    }
}
