//! Signatures and tags of framed content (RFC 9420 §6.1).

use super::{Content, ContentType, FramedContent, MAX_MESSAGE_LENGTH, Sender, WireFormat};
use crate::check::Check;
use crate::error::{Error, StateError, own_keys};
use crate::labels::{reference_hash, sign_with_label, verify_with_label};
use crate::wire::{GroupContext, ProposalRef, ProtocolVersion, encode};
use folkmoot_crypto::{Crypto, Secret};
use tls_codec::{DeserializeBytes, Serialize, Size, VLBytes};

/// RFC 9420 §6.1.
const CONTENT_LABEL: &str = "FramedContentTBS";
/// RFC 9420 §5.2.
const PROPOSAL_REFERENCE_LABEL: &str = "MLS 1.0 Proposal Reference";

/// `FramedContentAuthData`: the tag is there for commits and only for them (check 46).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentAuth {
    pub(crate) signature: VLBytes,
    pub(crate) confirmation_tag: Option<VLBytes>,
}

impl ContentAuth {
    pub(crate) fn decode_for(
        content_type: ContentType,
        bytes: &[u8],
    ) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (signature, rest) = VLBytes::tls_deserialize_bytes(bytes)?;
        if content_type != ContentType::Commit {
            return Ok((
                Self {
                    signature,
                    confirmation_tag: None,
                },
                rest,
            ));
        }
        let (tag, rest) = VLBytes::tls_deserialize_bytes(rest)?;
        Ok((
            Self {
                signature,
                confirmation_tag: Some(tag),
            },
            rest,
        ))
    }
}

impl Size for ContentAuth {
    fn tls_serialized_len(&self) -> usize {
        let tag = self
            .confirmation_tag
            .as_ref()
            .map_or(0, Size::tls_serialized_len);
        self.signature.tls_serialized_len() + tag
    }
}

impl Serialize for ContentAuth {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let signature = self.signature.tls_serialize(writer)?;
        let tag = self
            .confirmation_tag
            .as_ref()
            .map_or(Ok(0), |tag| tag.tls_serialize(writer))?;
        Ok(signature + tag)
    }
}

/// Content whose signature has not been looked at.
#[derive(Clone, Debug)]
pub(crate) struct Unauthenticated {
    pub(crate) wire_format: WireFormat,
    pub(crate) content: FramedContent,
    pub(crate) auth: ContentAuth,
}

/// Content signed by the key of its sender.
#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedContent {
    pub(crate) wire_format: WireFormat,
    pub(crate) content: FramedContent,
    pub(crate) auth: ContentAuth,
}

impl Unauthenticated {
    /// Verifies the signature with the sender's key (check 40).
    pub(crate) fn verify(
        self,
        crypto: &dyn Crypto,
        signature_key: &[u8],
        context: &GroupContext,
    ) -> Result<AuthenticatedContent, Check> {
        let Self {
            wire_format,
            content,
            auth,
        } = self;
        let signed = to_be_signed(wire_format, &content, Some(context));
        verify_with_label(
            crypto,
            signature_key,
            CONTENT_LABEL,
            &signed,
            auth.signature.as_slice(),
        )
        .map_err(|_| Check::MessageSignature)?;
        Ok(AuthenticatedContent {
            wire_format,
            content,
            auth,
        })
    }
}

impl AuthenticatedContent {
    /// Signs content of this client's own; a commit's tag comes later. Only those outside, whose
    /// signature does not cover it, have no context.
    pub(crate) fn sign(
        crypto: &dyn Crypto,
        wire_format: WireFormat,
        content: FramedContent,
        private: &Secret,
        context: Option<&GroupContext>,
    ) -> Result<Self, Error> {
        // Room for tags and padding: what is signed here can be sent and taken.
        if content.tls_serialized_len() > MAX_MESSAGE_LENGTH / 2 {
            return Err(StateError::Refused(Check::MessageBound).into());
        }
        let signed = to_be_signed(wire_format, &content, context);
        let signature =
            sign_with_label(crypto, private, CONTENT_LABEL, &signed).map_err(own_keys)?;
        let auth = ContentAuth {
            signature: signature.into(),
            confirmation_tag: None,
        };
        Ok(Self {
            wire_format,
            content,
            auth,
        })
    }

    /// The reference by which a commit names this proposal (RFC 9420 §5.2).
    pub(crate) fn proposal_reference(&self, crypto: &dyn Crypto) -> ProposalRef {
        let mut bytes = encode(&self.wire_format);
        bytes.extend(encode(&self.content));
        bytes.extend(encode(&self.auth));
        ProposalRef(reference_hash(crypto, PROPOSAL_REFERENCE_LABEL, &bytes).into())
    }

    /// `FramedContentTBM`, what a membership tag covers (RFC 9420 §6.2).
    pub(super) fn to_be_tagged(
        wire_format: WireFormat,
        content: &FramedContent,
        auth: &ContentAuth,
        context: &GroupContext,
    ) -> Vec<u8> {
        let mut bytes = to_be_signed(wire_format, content, Some(context));
        bytes.extend(encode(auth));
        bytes
    }

    /// The commit inside.
    pub(crate) fn commit(&self) -> Option<&crate::wire::Commit> {
        match &self.content.content {
            Content::Commit(commit) => Some(commit),
            _ => None,
        }
    }
}

/// `FramedContentTBS`: with the context for members and joiners by commit, who know it (check 41).
fn to_be_signed(
    wire_format: WireFormat,
    content: &FramedContent,
    context: Option<&GroupContext>,
) -> Vec<u8> {
    let mut bytes = encode(&ProtocolVersion::MLS_10);
    bytes.extend(encode(&wire_format));
    bytes.extend(encode(content));
    let by_member = matches!(content.sender, Sender::Member(_) | Sender::NewMemberCommit);
    if let (true, Some(context)) = (by_member, context) {
        bytes.extend(encode(context));
    }
    bytes
}
