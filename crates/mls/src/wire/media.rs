//! What kind of content application data is (draft-ietf-mls-extensions §6.2).

use super::{decode, encode};
use crate::check::Check;
use crate::error::DecodeError;
use tls_codec::{TlsDeserializeBytes, TlsSerialize, TlsSize, VLBytes};

/// A media type, such as `text/plain` with a `charset`.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MediaType {
    /// Type and subtype; empty for the first one that the group requires.
    pub name: VLBytes,
    /// Its parameters, their values without quotes.
    pub parameters: Vec<MediaParameter>,
}

/// A parameter of a media type.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MediaParameter {
    /// Its name.
    pub name: VLBytes,
    /// Its value.
    pub value: VLBytes,
}

impl MediaType {
    /// Without parameters.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.as_bytes().into(),
            parameters: Vec::new(),
        }
    }

    /// With another parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.parameters.push(MediaParameter {
            name: name.as_bytes().into(),
            value: value.as_bytes().into(),
        });
        self
    }
}

/// The kinds of content that a client takes, or that a group requires: at least one.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct MediaTypes(pub Vec<MediaType>);

impl MediaTypes {
    /// Reads the whole of `bytes`; an empty list is an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let types: Self = decode(bytes)?;
        if types.0.is_empty() {
            return Err(DecodeError::marked(Check::MediaTypes).into());
        }
        Ok(types)
    }

    /// As it stands in a dictionary.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}

/// Application data with its kind, as members of a group send it that has
/// [`super::ComponentId::CONTENT_MEDIA_TYPES`].
#[derive(Clone, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct ApplicationFraming {
    /// Its kind.
    pub media_type: MediaType,
    /// The content.
    pub content: VLBytes,
}

/// Without the content.
impl core::fmt::Debug for ApplicationFraming {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("ApplicationFraming")
            .field("media_type", &self.media_type)
            .field("length", &self.content.as_slice().len())
            .finish_non_exhaustive()
    }
}

impl ApplicationFraming {
    /// Reads the whole of `bytes`; parameters without a type are an error.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let framed: Self = decode(bytes)?;
        let media_type = &framed.media_type;
        if media_type.name.as_slice().is_empty() && !media_type.parameters.is_empty() {
            return Err(DecodeError::marked(Check::MediaTypes).into());
        }
        Ok(framed)
    }

    /// As it is sent.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }
}
