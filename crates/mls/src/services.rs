//! What the engine asks of the client that it is part of.

use crate::leaf::AuthenticationService;
use crate::records::{NoRecords, Records};
use crate::wire::{ComponentId, Epoch, GroupId, Psk};
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

    /// The key that a component of the application has under this id (draft-ietf-mls-extensions §4.5).
    fn application_psk(&self, component: ComponentId, id: &[u8]) -> Option<Secret> {
        let _ = (component, id);
        None
    }

    /// Whether the client is in a group of this id, which it may not join again (check 114).
    fn has_group(&self, group: &GroupId) -> bool {
        let _ = group;
        false
    }
}

/// What the application's components say of the data that they keep in a group, and of what is said in
/// their names (draft-ietf-mls-extensions §4).
///
/// Members and observers have to answer alike, whenever they are asked, or the group falls apart. The
/// components whose meaning the draft gives are the engine's to answer for.
pub trait Components: Sync {
    /// Whether the application has this component.
    fn knows(&self, component: ComponentId) -> bool;

    /// What becomes of a component's data by these updates, in their order; none where they are not valid.
    fn update(
        &self,
        component: ComponentId,
        before: Option<&[u8]>,
        updates: &[&[u8]],
    ) -> Option<Vec<u8>>;

    /// Whether a component takes what an AppEphemeral says.
    fn accepts(&self, component: ComponentId, data: &[u8]) -> bool;
}

/// An application without components of its own.
#[derive(Clone, Copy, Debug)]
pub struct NoComponents;

impl Components for NoComponents {
    fn knows(&self, _: ComponentId) -> bool {
        false
    }

    fn update(&self, _: ComponentId, _: Option<&[u8]>, _: &[&[u8]]) -> Option<Vec<u8>> {
        None
    }

    fn accepts(&self, _: ComponentId, _: &[u8]) -> bool {
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
    /// About the application's data in the group.
    pub components: &'a dyn Components,
}

impl<'a> Services<'a> {
    /// For a group that is in memory: it was created or joined and not loaded.
    pub fn new(authentication: &'a dyn AuthenticationService, holdings: &'a dyn Holdings) -> Self {
        Self {
            authentication,
            holdings,
            records: &NoRecords,
            components: &NoComponents,
        }
    }

    /// For a group that was loaded from these records.
    #[must_use]
    pub fn with_records(self, records: &'a dyn Records) -> Self {
        Self { records, ..self }
    }

    /// The key that this names, as far as it is not one of a group at hand.
    pub(crate) fn psk(&self, psk: &Psk) -> Option<Secret> {
        let holdings = self.holdings;
        match psk {
            Psk::External(id) => holdings.external_psk(id.as_slice()),
            Psk::Resumption(_, group, epoch) => holdings.resumption_psk(group, *epoch),
            Psk::Application(component, id) => holdings.application_psk(*component, id.as_slice()),
        }
    }

    /// With the application's components.
    #[must_use]
    pub fn with_components(self, components: &'a dyn Components) -> Self {
        Self { components, ..self }
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
