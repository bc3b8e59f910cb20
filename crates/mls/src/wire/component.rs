//! Components of applications: what they keep in a group and say in it (draft-ietf-mls-extensions §4, §5).

use super::{decode, drafts, encode};
use crate::check::Check;
use crate::error::DecodeError;
use std::collections::BTreeMap;
use tls_codec::{
    DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes,
};

/// Which component of an application something belongs to (§7.5).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    TlsSerialize,
    TlsDeserializeBytes,
    TlsSize,
)]
pub struct ComponentId(pub u16);

impl ComponentId {
    /// The components that a client supports, or a group requires.
    pub const APP_COMPONENTS: Self = Self(drafts::APP_COMPONENTS);
    /// The components with a part in each message's authenticated data.
    pub const SAFE_AAD: Self = Self(drafts::SAFE_AAD);
    /// What kinds of content a client takes, or a group requires.
    pub const CONTENT_MEDIA_TYPES: Self = Self(drafts::CONTENT_MEDIA_TYPES);
    /// Marks a KeyPackage that may be used more than once.
    pub const LAST_RESORT_KEY_PACKAGE: Self = Self(drafts::LAST_RESORT_KEY_PACKAGE);
    /// Which messages a member has received.
    pub const APP_ACK: Self = Self(drafts::APP_ACK);
}

/// Something for each of some components, in the order of their numbers: an `AppDataDictionary` (§4.6)
/// or the `SafeAAD` of a message (§4.9).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByComponent(BTreeMap<ComponentId, Vec<u8>>);

impl ByComponent {
    /// With this for a component, in place of what it had.
    #[must_use]
    pub fn with(mut self, component: ComponentId, data: impl Into<Vec<u8>>) -> Self {
        self.0.insert(component, data.into());
        self
    }

    /// What a component has.
    pub fn get(&self, component: ComponentId) -> Option<&[u8]> {
        self.0.get(&component).map(Vec::as_slice)
    }

    /// All of it.
    pub fn iter(&self) -> impl Iterator<Item = (ComponentId, &[u8])> {
        let entries = self.0.iter();
        entries.map(|(component, data)| (*component, data.as_slice()))
    }

    /// How many components have something.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads the whole of `bytes`; components that do not ascend are an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }

    /// As it is sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    pub(crate) fn set(&mut self, component: ComponentId, data: Vec<u8>) {
        self.0.insert(component, data);
    }

    pub(crate) fn remove(&mut self, component: ComponentId) -> Option<Vec<u8>> {
        self.0.remove(&component)
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(component, data): (ComponentId, &[u8])| Entry {
            component,
            data: data.into(),
        };
        self.iter().map(entry).collect()
    }
}

#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct Entry {
    component: ComponentId,
    data: VLBytes,
}

impl Size for ByComponent {
    fn tls_serialized_len(&self) -> usize {
        self.entries().tls_serialized_len()
    }
}

impl Serialize for ByComponent {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        self.entries().tls_serialize(writer)
    }
}

impl DeserializeBytes for ByComponent {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (entries, rest) = Vec::<Entry>::tls_deserialize_bytes(bytes)?;
        let ascend = |pair: &[Entry]| pair[0].component < pair[1].component;
        if !entries.windows(2).all(ascend) {
            return Err(DecodeError::marked(Check::AppDataDictionary));
        }
        let pairs = entries
            .into_iter()
            .map(|one| (one.component, one.data.into()));
        Ok((Self(pairs.collect()), rest))
    }
}

/// A list of components: of those that a client supports, or a group requires (§5).
#[derive(Clone, Debug, Default, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ComponentsList(pub Vec<ComponentId>);

impl ComponentsList {
    /// Reads the whole of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }

    /// As it stands in a dictionary.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

/// A change of what a component keeps in the group's extensions (§4.7).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct AppDataUpdate {
    /// Whose.
    pub component: ComponentId,
    /// What becomes of it.
    pub operation: AppDataOperation,
}

/// What becomes of a component's data.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u8)]
pub enum AppDataOperation {
    /// The component makes new data of the old and of this.
    #[tls_codec(discriminant = 1)]
    Update(VLBytes),
    /// It goes.
    #[tls_codec(discriminant = 2)]
    Remove,
}

/// Something that a component says with a commit and that the group does not keep (§4.8).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct AppEphemeral {
    /// Whose.
    pub component: ComponentId,
    /// What it says.
    pub data: VLBytes,
}

/// Which messages of the current epoch a member has received (§6.1): the data of [`ComponentId::APP_ACK`].
#[derive(Clone, Debug, Default, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct AppAck {
    /// By sender.
    pub received: Vec<MessageRange>,
}

/// Generations of one sender's application ratchet, the last included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MessageRange {
    /// The sender's leaf.
    pub sender: u32,
    /// The first generation.
    pub first: u32,
    /// The last.
    pub last: u32,
}

impl AppAck {
    /// Reads the whole of `bytes`; a range that ends before it begins is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let ack: Self = decode(bytes)?;
        let is_range = |range: &MessageRange| range.first <= range.last;
        if ack.received.iter().all(is_range) {
            Ok(ack)
        } else {
            Err(DecodeError::marked(Check::AppEphemeral).into())
        }
    }

    /// As it is sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}
