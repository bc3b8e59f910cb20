//! MLSMessage (RFC 9420 §6), what all messages travel as.

use super::{ContentType, PrivateMessage, PublicMessage, TargetedMessage};
use crate::check::Check;
use crate::error::{DecodeError, Error, StateError};
use crate::wire::{
    Epoch, GroupId, GroupInfo, KeyPackage, ProtocolVersion, Welcome, decode, drafts, encode,
};
use tls_codec::{DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize};

/// A message of protocol version 1.0; not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MlsMessage {
    /// What it is.
    pub body: MessageBody,
}

/// The kinds of message, each under its wire format's code point.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
#[repr(u16)]
#[allow(
    clippy::large_enum_variant,
    reason = "messages are decoded one at a time"
)]
pub enum MessageBody {
    /// Signed, in the clear.
    #[tls_codec(discriminant = 1)]
    Public(PublicMessage),
    /// Signed and encrypted.
    #[tls_codec(discriminant = 2)]
    Private(PrivateMessage),
    /// For new members.
    #[tls_codec(discriminant = 3)]
    Welcome(Welcome),
    /// Describes a group.
    #[tls_codec(discriminant = 4)]
    GroupInfo(GroupInfo),
    /// Offers to be added.
    #[tls_codec(discriminant = 5)]
    KeyPackage(KeyPackage),
    /// Signed, and encrypted to one member (draft-ietf-mls-targeted-messages).
    #[tls_codec(discriminant = "drafts::TARGETED_MESSAGE")]
    Targeted(TargetedMessage),
}

/// Bytes allocated per byte decoded, at most: the shortest entry of a list is two bytes long, and lists
/// grow by doubling.
pub const MAX_EXPANSION: usize = 128;

/// The longest message that [`MlsMessage::decode`] takes, in bytes: room for the tree of a group of
/// 100,000 members.
pub const MAX_MESSAGE_LENGTH: usize = 1 << 28;

impl MlsMessage {
    /// Decodes exactly one message; trailing bytes are an error.
    ///
    /// What is allocated on the way and in the end is at most [`MAX_EXPANSION`] bytes for each byte of
    /// input.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        Self::decode_within(bytes, MAX_MESSAGE_LENGTH)
    }

    /// The same with a tighter bound on the message's length.
    pub fn decode_within(bytes: &[u8], maximum_length: usize) -> Result<Self, DecodeError> {
        if bytes.len() > maximum_length.min(MAX_MESSAGE_LENGTH) {
            return Err(DecodeError::marked(Check::MessageBound).into());
        }
        decode(bytes)
    }

    /// The bytes to send. What this crate makes or decodes is never longer than
    /// [`MAX_MESSAGE_LENGTH`].
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// The message, unless nobody would take it for its length.
    pub(crate) fn bounded(self) -> Result<Self, Error> {
        if self.tls_serialized_len() > MAX_MESSAGE_LENGTH {
            return Err(StateError::Refused(Check::MessageBound).into());
        }
        Ok(self)
    }

    /// The group of a framed message.
    pub fn group_id(&self) -> Option<&GroupId> {
        match &self.body {
            MessageBody::Public(message) => Some(&message.content.group_id),
            MessageBody::Private(message) => Some(&message.group_id),
            MessageBody::Targeted(message) => Some(&message.to.group_id),
            _ => None,
        }
    }

    /// The epoch of a framed message.
    pub fn epoch(&self) -> Option<Epoch> {
        match &self.body {
            MessageBody::Public(message) => Some(message.content.epoch),
            MessageBody::Private(message) => Some(message.epoch),
            MessageBody::Targeted(message) => Some(message.to.epoch),
            _ => None,
        }
    }

    /// What a framed message says it carries.
    pub fn content_type(&self) -> Option<ContentType> {
        match &self.body {
            MessageBody::Public(message) => Some(message.content.content.content_type()),
            MessageBody::Private(message) => Some(message.content_type),
            _ => None,
        }
    }
}

impl From<MessageBody> for MlsMessage {
    fn from(body: MessageBody) -> Self {
        Self { body }
    }
}

impl Size for MlsMessage {
    fn tls_serialized_len(&self) -> usize {
        ProtocolVersion::MLS_10.tls_serialized_len() + self.body.tls_serialized_len()
    }
}

impl Serialize for MlsMessage {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        Ok(ProtocolVersion::MLS_10.tls_serialize(writer)? + self.body.tls_serialize(writer)?)
    }
}

impl DeserializeBytes for MlsMessage {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (version, rest) = ProtocolVersion::tls_deserialize_bytes(bytes)?;
        if version != ProtocolVersion::MLS_10 {
            return Err(DecodeError::marked(Check::ProtocolVersion));
        }
        let (body, rest) = MessageBody::tls_deserialize_bytes(rest)?;
        if let MessageBody::KeyPackage(key_package) = &body
            && key_package.content.version != version
        {
            return Err(DecodeError::marked(Check::KeyPackageMessageVersion));
        }
        Ok((Self { body }, rest))
    }
}
