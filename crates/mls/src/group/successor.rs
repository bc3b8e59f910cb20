//! Groups that follow from another: its successor after a ReInit (RFC 9420 §11.2), and branches of
//! some of its members (§11.3).

use super::commit::FoundingPsk;
use super::{CommitBundle, CommitIntent, Group, Settings};
use crate::check::Check;
use crate::error::{Error, StateError};
use crate::key_package::{Member, VerifiedKeyPackage};
use crate::leaf::{AuthenticationService, ClientId};
use crate::records::{Delta, NoRecords};
use crate::schedule::fresh_psk_id;
use crate::services::Services;
use crate::tree::RatchetTree;
use crate::wire::{
    Credential, Epoch, Extensions, GroupContext, GroupId, Lifetime, PreSharedKeyId,
    ProtocolVersion, Psk, ResumptionPskUsage,
};
use folkmoot_crypto::{Crypto, Secret};
use rand_core::CryptoRng;
use std::collections::HashSet;

/// Who is in a group from its first commit on.
#[derive(Clone, Debug)]
pub struct NewMembers {
    /// The client that creates the group.
    pub founder: Member,
    /// How long its leaf is valid.
    pub lifetime: Lifetime,
    /// The others, with fresh KeyPackages of the new group's cipher suite.
    pub others: Vec<VerifiedKeyPackage>,
}

impl NewMembers {
    fn credentials(&self) -> impl Iterator<Item = &Credential> {
        let others = self.others.iter();
        let others = others.map(|one| &one.key_package().content.leaf_node.content.credential);
        core::iter::once(&self.founder.credential).chain(others)
    }
}

impl Group {
    /// Creates the group that follows this one, which a commit has ended with a ReInit, for all its
    /// members. Any of them may; `crypto` is of the suite that the ReInit names.
    ///
    /// The commit in the bundle is for nobody: accept it, and publish the Welcome.
    pub fn begin_successor<'a>(
        &self,
        crypto: &'static dyn Crypto,
        members: NewMembers,
        settings: Settings,
        services: impl Into<Services<'a>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, CommitBundle, Delta), Error> {
        self.check_active()?;
        let services = services.into();
        let reinit = self.reinit().ok_or(StateError::NotReinitialised)?.clone();
        if reinit.version != ProtocolVersion::MLS_10 {
            return Err(StateError::Refused(Check::ProtocolVersion).into());
        }
        if reinit.cipher_suite != crypto.suite() {
            return Err(StateError::UnknownSuite.into());
        }
        let new: Vec<_> = members.credentials().collect();
        if !has_all(&self.epoch.public.tree, &new, services)? {
            return Err(StateError::Refused(Check::ReInitMembers).into());
        }
        let founding = self.founding_psk(ResumptionPskUsage::ReInit, crypto, rng)?;
        let parameters = (reinit.group_id, reinit.extensions);
        found(
            crypto,
            parameters,
            members,
            founding,
            (settings, services),
            rng,
        )
    }

    /// Creates a group of some of this one's members, with its version and cipher suite.
    ///
    /// The commit in the bundle is for nobody: accept it, and publish the Welcome.
    pub fn begin_branch<'a>(
        &self,
        group_id: GroupId,
        extensions: Extensions,
        members: NewMembers,
        services: impl Into<Services<'a>>,
        rng: &mut dyn CryptoRng,
    ) -> Result<(Self, CommitBundle, Delta), Error> {
        self.check_active()?;
        let services = services.into();
        let new: Vec<_> = members.credentials().collect();
        if !are_among(&new, &self.epoch.public.tree, services)? {
            return Err(StateError::Refused(Check::BranchWelcome).into());
        }
        let founding = self.founding_psk(ResumptionPskUsage::Branch, self.crypto, rng)?;
        let settings = self.settings.clone();
        let parameters = (group_id, extensions);
        found(
            self.crypto,
            parameters,
            members,
            founding,
            (settings, services),
            rng,
        )
    }

    fn founding_psk(
        &self,
        usage: ResumptionPskUsage,
        crypto: &dyn Crypto,
        rng: &mut dyn CryptoRng,
    ) -> Result<FoundingPsk, Error> {
        let epoch = self.epoch();
        let psk = Psk::Resumption(usage, self.group_id().clone(), epoch);
        let id = fresh_psk_id(crypto, psk, rng);
        let key = self.resumption_psk(epoch).ok_or(StateError::NotMember)?;
        Ok((id, key.clone()))
    }
}

/// A new group whose first commit adds everyone and mixes the old group's key in.
fn found(
    crypto: &'static dyn Crypto,
    (group_id, extensions): (GroupId, Extensions),
    members: NewMembers,
    founding: FoundingPsk,
    (settings, services): (Settings, Services<'_>),
    rng: &mut dyn CryptoRng,
) -> Result<(Group, CommitBundle, Delta), Error> {
    let (founder, auth) = ((members.founder, members.lifetime), services.authentication);
    let (mut group, mut delta) =
        Group::create(crypto, group_id, founder, extensions, settings, auth, rng)?;
    // The new group is in memory.
    let services = services.with_records(&NoRecords);
    let intent = CommitIntent {
        add: members.others,
        ..CommitIntent::default()
    };
    let (bundle, more) = group.commit_with(intent, Some(founding), b"", services, rng)?;
    delta.changes.extend(more.changes);
    Ok((group, bundle, delta))
}

/// The key of another group's epoch that a Welcome names, and what it makes of the new group.
#[derive(Debug)]
pub(super) struct Lineage<'a> {
    predecessor: &'a Group,
    usage: ResumptionPskUsage,
    epoch: Epoch,
}

impl<'a> Lineage<'a> {
    /// What a Welcome's keys say about where the group comes from: at most one says something
    /// (check 111), and the old group has to be at hand (check 139).
    pub(super) fn of(
        ids: &[PreSharedKeyId],
        predecessor: Option<&'a Group>,
    ) -> Result<Option<Self>, Check> {
        let mut founding = ids.iter().filter_map(|id| match &id.psk {
            Psk::Resumption(ResumptionPskUsage::Application, ..)
            | Psk::External(_)
            | Psk::Application(..) => None,
            Psk::Resumption(usage, group, epoch) => Some((*usage, group, *epoch)),
        });
        let Some((usage, group, epoch)) = founding.next() else {
            return Ok(None);
        };
        if founding.next().is_some() {
            return Err(Check::PskHeld);
        }
        let predecessor = predecessor.filter(|old| old.group_id() == group);
        Ok(Some(Self {
            predecessor: predecessor.ok_or(Check::ResumptionUsage)?,
            usage,
            epoch,
        }))
    }

    /// The old group's key, if `id` names it.
    pub(super) fn key(&self, id: &PreSharedKeyId) -> Option<Secret> {
        match &id.psk {
            Psk::Resumption(_, group, epoch) if group == self.predecessor.group_id() => {
                self.predecessor.resumption_psk(*epoch).cloned()
            }
            _ => None,
        }
    }

    /// The new group is what the old one said, or may bring forth (checks 121, 136–138).
    pub(super) fn check(
        &self,
        context: &GroupContext,
        tree: &RatchetTree,
        services: Services<'_>,
    ) -> Result<(), Error> {
        if context.epoch != Epoch(1) {
            return Err(Check::SuccessorEpoch.into());
        }
        let old = self.predecessor;
        let new: Vec<_> = tree
            .leaves(&NoRecords)?
            .map(|(_, leaf)| &leaf.content.credential)
            .collect();
        if self.usage == ResumptionPskUsage::Branch {
            let parent = old.context();
            let alike =
                (context.version, context.cipher_suite) == (parent.version, parent.cipher_suite);
            let is_branch = alike && are_among(&new, &old.epoch.public.tree, services)?;
            return Ok(is_branch.then_some(()).ok_or(Check::BranchWelcome)?);
        }
        let reinit = old.reinit().ok_or(Check::ReInitMembers)?;
        if self.epoch != old.epoch() || !has_all(&old.epoch.public.tree, &new, services)? {
            return Err(Check::ReInitMembers.into());
        }
        let as_announced = context.version == reinit.version
            && context.cipher_suite == reinit.cipher_suite
            && context.group_id == reinit.group_id
            && context.extensions == reinit.extensions;
        if as_announced {
            Ok(())
        } else {
            Err(Check::ReInitWelcome.into())
        }
    }
}

/// Every member of `old` is among `new`.
fn has_all(old: &RatchetTree, new: &[&Credential], services: Services<'_>) -> Result<bool, Error> {
    let auth = services.authentication;
    let new: HashSet<_> = new.iter().filter_map(|one| auth.client(one)).collect();
    let mut old = old.leaves(services.records)?;
    Ok(old.all(|(_, leaf)| is_in(&new, &leaf.content.credential, auth)))
}

/// Each of `new` is a member of `old`.
fn are_among(
    new: &[&Credential],
    old: &RatchetTree,
    services: Services<'_>,
) -> Result<bool, Error> {
    let auth = services.authentication;
    let old = old.leaves(services.records)?;
    let old: HashSet<_> = old
        .filter_map(|(_, leaf)| auth.client(&leaf.content.credential))
        .collect();
    Ok(new.iter().all(|one| is_in(&old, one, auth)))
}

fn is_in(
    clients: &HashSet<ClientId>,
    credential: &Credential,
    auth: &dyn AuthenticationService,
) -> bool {
    auth.client(credential)
        .is_some_and(|client| clients.contains(&client))
}
