//! Extensions (RFC 9420 §13).

use super::{
    ByComponent, ComponentId, Credential, CredentialType, ProposalType, decode, drafts, encode,
};
use crate::check::Check;
use crate::error::DecodeError;
use tls_codec::{
    DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice,
    VLBytes,
};

/// An extension type's code point (RFC 9420 §17.3).
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
pub struct ExtensionType(pub u16);

impl ExtensionType {
    /// `application_id` of a leaf.
    pub const APPLICATION_ID: Self = Self(1);
    /// `ratchet_tree` of a GroupInfo.
    pub const RATCHET_TREE: Self = Self(2);
    /// `required_capabilities` of a group.
    pub const REQUIRED_CAPABILITIES: Self = Self(3);
    /// `external_pub` of a GroupInfo.
    pub const EXTERNAL_PUB: Self = Self(4);
    /// `external_senders` of a group.
    pub const EXTERNAL_SENDERS: Self = Self(5);
    /// `app_data_dictionary` of a leaf, KeyPackage, group or GroupInfo.
    pub const APP_DATA_DICTIONARY: Self = Self(drafts::APP_DATA_DICTIONARY);

    /// Whether every client supports the type without listing it (RFC 9420 §7.2).
    pub fn is_default(self) -> bool {
        (1..=5).contains(&self.0)
    }
}

/// One extension.
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Extension {
    /// Its type.
    pub extension_type: ExtensionType,
    /// Its content, meaningful to those who know the type.
    pub data: VLBytes,
}

/// A list of extensions with at most one of each type (RFC 9420 §13.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extensions(Vec<Extension>);

impl Extensions {
    /// Adds an extension, in place of an earlier one of the same type.
    #[must_use]
    pub fn with(mut self, extension_type: ExtensionType, data: impl Into<Vec<u8>>) -> Self {
        let data = VLBytes::new(data.into());
        let same = |extension: &&mut Extension| extension.extension_type == extension_type;
        match self.0.iter_mut().find(same) {
            Some(extension) => extension.data = data,
            None => self.0.push(Extension {
                extension_type,
                data,
            }),
        }
        self
    }

    /// The content of the extension of this type.
    pub fn find(&self, extension_type: ExtensionType) -> Option<&[u8]> {
        let mut found = self.0.iter().filter(|e| e.extension_type == extension_type);
        found.next().map(|extension| extension.data.as_slice())
    }

    /// The types, in the order of the list.
    pub fn types(&self) -> impl Iterator<Item = ExtensionType> + '_ {
        self.0.iter().map(|extension| extension.extension_type)
    }

    /// The group's `required_capabilities`, none where the extension is absent.
    pub fn required_capabilities(&self) -> Result<RequiredCapabilities, DecodeError> {
        self.find(ExtensionType::REQUIRED_CAPABILITIES)
            .map_or(Ok(RequiredCapabilities::default()), decode)
    }

    /// The group's `external_senders`, none where the extension is absent.
    pub fn external_senders(&self) -> Result<Vec<ExternalSender>, DecodeError> {
        self.find(ExtensionType::EXTERNAL_SENDERS)
            .map_or(Ok(Vec::new()), decode)
    }

    /// A list with the group's `external_senders` set.
    #[must_use]
    pub fn admitting(self, senders: &Vec<ExternalSender>) -> Self {
        self.with(ExtensionType::EXTERNAL_SENDERS, encode(senders))
    }

    /// The `application_id` of a leaf: chosen by its client, vouched for by nobody (check 12).
    pub fn application_id(&self) -> Result<Option<Vec<u8>>, DecodeError> {
        let id = self.find(ExtensionType::APPLICATION_ID);
        id.map(|id| decode::<VLBytes>(id).map(Vec::from))
            .transpose()
    }

    /// A list with the leaf's `application_id` set.
    #[must_use]
    pub fn identified(self, application_id: &[u8]) -> Self {
        self.with(
            ExtensionType::APPLICATION_ID,
            encode(&VLByteSlice(application_id)),
        )
    }

    /// What components keep here, nothing where the extension is absent.
    pub fn app_data(&self) -> Result<ByComponent, DecodeError> {
        self.find(ExtensionType::APP_DATA_DICTIONARY)
            .map_or(Ok(ByComponent::default()), decode)
    }

    /// A list with what components keep here.
    #[must_use]
    pub fn keeping(self, app_data: &ByComponent) -> Self {
        self.with(ExtensionType::APP_DATA_DICTIONARY, app_data.encode())
    }

    /// What one component keeps here.
    pub(crate) fn component(&self, component: ComponentId) -> Result<Option<Vec<u8>>, DecodeError> {
        Ok(self.app_data()?.get(component).map(<[u8]>::to_vec))
    }

    /// The `external_pub` of a GroupInfo, where it is there.
    pub fn external_pub(&self) -> Result<Option<Vec<u8>>, DecodeError> {
        let key = self.find(ExtensionType::EXTERNAL_PUB);
        key.map(|key| decode::<VLBytes>(key).map(Vec::from))
            .transpose()
    }

    /// A list with the group's `required_capabilities` set.
    #[must_use]
    pub fn requiring(self, required: &RequiredCapabilities) -> Self {
        self.with(ExtensionType::REQUIRED_CAPABILITIES, encode(required))
    }
}

impl Size for Extensions {
    fn tls_serialized_len(&self) -> usize {
        self.0.tls_serialized_len()
    }
}

impl Serialize for Extensions {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        self.0.tls_serialize(writer)
    }
}

impl DeserializeBytes for Extensions {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (list, rest) = Vec::<Extension>::tls_deserialize_bytes(bytes)?;
        let mut types: Vec<_> = list
            .iter()
            .map(|extension| extension.extension_type)
            .collect();
        types.sort_unstable();
        if types.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(DecodeError::marked(Check::ExtensionsDistinct));
        }
        Ok((Self(list), rest))
    }
}

/// Someone outside a group who may propose changes (RFC 9420 §12.1.8.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ExternalSender {
    /// Signature public key.
    pub signature_key: VLBytes,
    /// Binds the key to an identity.
    pub credential: Credential,
}

/// What every member of a group must support (RFC 9420 §11.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct RequiredCapabilities {
    /// Extension types.
    pub extensions: Vec<ExtensionType>,
    /// Proposal types.
    pub proposals: Vec<ProposalType>,
    /// Credential types.
    pub credentials: Vec<CredentialType>,
}
