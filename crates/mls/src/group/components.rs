//! What commits do to the data of the application's components (draft-ietf-mls-extensions §4).

use super::public::PublicState;
use crate::check::Check;
use crate::error::Error;
use crate::leaf::LeafCheck;
use crate::services::Components;
use crate::wire::{
    AppAck, AppDataOperation, AppDataUpdate, AppEphemeral, ApplicationFraming, ByComponent,
    ComponentId, ComponentsList, ExtensionType, Extensions, GroupContext, MediaTypes, ProposalType,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use tls_codec::Size;

/// What a list of proposals does to each component's data.
#[derive(Debug, Default)]
pub(super) struct Updates<'a>(BTreeMap<ComponentId, Operation<'a>>);

#[derive(Debug)]
enum Operation<'a> {
    /// In the order of the list.
    Update(Vec<&'a [u8]>),
    Remove,
}

impl<'a> Updates<'a> {
    /// One more proposal; a component's data is either removed once or updated (§4.7).
    pub(super) fn add(&mut self, one: &'a AppDataUpdate) -> Result<(), Check> {
        match (&one.operation, self.0.entry(one.component)) {
            (AppDataOperation::Update(update), Entry::Vacant(place)) => {
                place.insert(Operation::Update(vec![update.as_slice()]));
            }
            (AppDataOperation::Update(update), Entry::Occupied(mut known)) => {
                match known.get_mut() {
                    Operation::Update(updates) => updates.push(update.as_slice()),
                    Operation::Remove => return Err(Check::AppDataOneOperation),
                }
            }
            (AppDataOperation::Remove, Entry::Vacant(place)) => {
                place.insert(Operation::Remove);
            }
            (AppDataOperation::Remove, Entry::Occupied(_)) => {
                return Err(Check::AppDataOneOperation);
            }
        }
        Ok(())
    }

    /// The components, ascending.
    pub(super) fn components(&self) -> Vec<ComponentId> {
        self.0.keys().copied().collect()
    }
}

impl PublicState {
    /// The extensions that come of `extensions` by updates of components' data, which apply after all
    /// other proposals.
    pub(super) fn update_components(
        &self,
        extensions: &Extensions,
        updates: &Updates<'_>,
        leaves: &LeafCheck<'_>,
    ) -> Result<Extensions, Error> {
        let components = leaves.components;
        self.check_dictionary_kept(extensions)?;
        if updates.0.is_empty() {
            return Ok(extensions.clone());
        }
        let mut kept = extensions.app_data()?;
        for (component, operation) in &updates.0 {
            match operation {
                Operation::Remove => {
                    kept.remove(*component).ok_or(Check::AppDataPresent)?;
                }
                Operation::Update(updates) => {
                    let data = updated(components, *component, kept.get(*component), updates);
                    kept.set(*component, data.ok_or(Check::AppDataUpdate)?);
                }
            }
        }
        let updated = extensions.clone().keeping(&kept);
        check_bounds(&updated, leaves)?;
        Ok(updated)
    }

    /// Where a group requires AppDataUpdate, a GroupContextExtensions leaves the dictionary as it is.
    fn check_dictionary_kept(&self, extensions: &Extensions) -> Result<(), Error> {
        let before = &self.context.extensions;
        if before == extensions {
            return Ok(());
        }
        let required = before.required_capabilities()?.proposals;
        let dictionary = ExtensionType::APP_DATA_DICTIONARY;
        if required.contains(&ProposalType::APP_DATA_UPDATE)
            && before.find(dictionary) != extensions.find(dictionary)
        {
            return Err(Check::AppDataByUpdateAlone.into());
        }
        Ok(())
    }
}

/// Somebody knows the component.
pub(super) fn check_update(one: &AppDataUpdate, leaves: &LeafCheck<'_>) -> Result<(), Check> {
    let known = is_listed(one.component)
        || one.component == ComponentId::CONTENT_MEDIA_TYPES
        || leaves.components.knows(one.component);
    known.then_some(()).ok_or(Check::AppDataUpdate)
}

/// The component takes what is said in its name.
pub(super) fn check_ephemeral(one: &AppEphemeral, leaves: &LeafCheck<'_>) -> Result<(), Check> {
    let (component, data) = (one.component, one.data.as_slice());
    let accepted = match component {
        ComponentId::APP_ACK => AppAck::decode(data).is_ok(),
        other => leaves.components.knows(other) && leaves.components.accepts(other, data),
    };
    accepted.then_some(()).ok_or(Check::AppEphemeral)
}

/// The draft says what three components keep and not how it is updated: the last update replaces it.
fn updated(
    components: &dyn Components,
    component: ComponentId,
    before: Option<&[u8]>,
    updates: &[&[u8]],
) -> Option<Vec<u8>> {
    if !is_listed(component) && component != ComponentId::CONTENT_MEDIA_TYPES {
        return components.update(component, before, updates);
    }
    let valid = |data: &&[u8]| check_kept(component, data).is_ok();
    updates
        .iter()
        .all(valid)
        .then_some(updates.last()?.to_vec())
}

/// Whether a component keeps a list of components.
fn is_listed(component: ComponentId) -> bool {
    [ComponentId::APP_COMPONENTS, ComponentId::SAFE_AAD].contains(&component)
}

fn check_kept(component: ComponentId, data: &[u8]) -> Result<(), Error> {
    if is_listed(component) {
        ComponentsList::decode(data)?;
    } else if component == ComponentId::CONTENT_MEDIA_TYPES {
        MediaTypes::decode(data)?;
    }
    Ok(())
}

/// A group's extensions are within the bounds that all its members have, whoever comes to them by which way.
pub(super) fn check_bounds(extensions: &Extensions, leaves: &LeafCheck<'_>) -> Result<(), Error> {
    if extensions.tls_serialized_len() > leaves.settings.extensions_length {
        return Err(Check::ExtensionsBound.into());
    }
    leaves.check_extension_list(extensions)?;
    check_dictionary(extensions, leaves)
}

/// A dictionary can be read, and what the components keep in it whose meaning the draft gives.
pub(crate) fn check_dictionary(
    extensions: &Extensions,
    leaves: &LeafCheck<'_>,
) -> Result<(), Error> {
    let kept = extensions.app_data()?;
    leaves.check_length(kept.len())?;
    let mut kept = kept.iter();
    kept.try_for_each(|(component, data)| check_kept(component, data))
}

/// A message's authenticated data has the form that its group demands (§4.9).
pub(super) fn safe_aad(context: &GroupContext, authenticated_data: &[u8]) -> Result<(), Error> {
    let demanded = context.extensions.component(ComponentId::SAFE_AAD)?;
    if demanded.is_some() {
        ByComponent::decode(authenticated_data).map_err(|_| Check::SafeAad)?;
    }
    Ok(())
}

/// Authenticated data of this member's own, as its group demands it: without anything to say, it says so.
pub(super) fn own_aad<'a>(
    context: &GroupContext,
    authenticated_data: &'a [u8],
) -> Result<Cow<'a, [u8]>, Error> {
    let demanded = context.extensions.component(ComponentId::SAFE_AAD)?;
    if demanded.is_some() && authenticated_data.is_empty() {
        return Ok(ByComponent::default().encode().into());
    }
    safe_aad(context, authenticated_data)?;
    Ok(authenticated_data.into())
}

/// Application data says what kind it is in a group that demands it (§6.2).
pub(super) fn check_framing(context: &GroupContext, data: &[u8]) -> Result<(), Error> {
    let required = context
        .extensions
        .component(ComponentId::CONTENT_MEDIA_TYPES)?;
    if required.is_some() {
        ApplicationFraming::decode(data).map_err(|_| Check::MediaTypes)?;
    }
    Ok(())
}
