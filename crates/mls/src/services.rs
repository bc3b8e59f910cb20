//! What the engine asks of the client that it is part of.

use crate::leaf::AuthenticationService;
use crate::records::{NoRecords, Records};
use crate::wire::{Epoch, GroupId};
use folkmoot_crypto::Secret;

/// What a client holds beside one group's state.
///
/// Each answer has a default for a client that has none of it.
pub trait Holdings {
    /// The external pre-shared key with this id (RFC 9420 §8.4).
    fn external_psk(&self, id: &[u8]) -> Option<Secret> {
        let _ = id;
        None
    }

    /// The resumption key of another group's epoch: its [`crate::Group::resumption_psk`].
    fn resumption_psk(&self, group: &GroupId, epoch: Epoch) -> Option<Secret> {
        let _ = (group, epoch);
        None
    }

    /// Whether the client is in a group of this id, which it may not join again (check 114).
    fn has_group(&self, group: &GroupId) -> bool {
        let _ = group;
        false
    }
}

/// A client that holds nothing else.
#[derive(Clone, Copy, Debug)]
pub struct NoHoldings;

impl Holdings for NoHoldings {}

/// Whom a group asks: about credentials, for what the client holds beside the group, and for those of
/// its own records that it has not read.
#[derive(Clone, Copy)]
pub struct Services<'a> {
    /// About credentials.
    pub authentication: &'a dyn AuthenticationService,
    /// For keys and groups.
    pub holdings: &'a dyn Holdings,
    /// Those of the group, with every delta applied that it gave.
    pub records: &'a dyn Records,
}

impl<'a> Services<'a> {
    /// For a group that is in memory: it was created or joined and not loaded.
    pub fn new(authentication: &'a dyn AuthenticationService, holdings: &'a dyn Holdings) -> Self {
        Self {
            authentication,
            holdings,
            records: &NoRecords,
        }
    }

    /// For a group that was loaded from these records.
    #[must_use]
    pub fn with_records(self, records: &'a dyn Records) -> Self {
        Self { records, ..self }
    }
}

/// A client that holds nothing beside the group.
impl<'a, A: AuthenticationService> From<&'a A> for Services<'a> {
    fn from(authentication: &'a A) -> Self {
        Self::new(authentication, &NoHoldings)
    }
}

impl<'a> From<&'a (dyn AuthenticationService + 'a)> for Services<'a> {
    fn from(authentication: &'a (dyn AuthenticationService + 'a)) -> Self {
        Self::new(authentication, &NoHoldings)
    }
}

impl core::fmt::Debug for Services<'_> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str("Services")
    }
}
