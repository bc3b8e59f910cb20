//! PublicMessage (RFC 9420 §6.2).

use super::{
    AuthenticatedContent, Content, ContentAuth, FramedContent, Sender, Unauthenticated, WireFormat,
};
use crate::check::Check;
use crate::wire::GroupContext;
use folkmoot_crypto::{Crypto, Secret, constant_time_eq};
use tls_codec::{DeserializeBytes, Serialize, Size, VLBytes};

/// A signed message in the clear, tagged by members; not yet believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicMessage {
    /// What it says.
    pub content: FramedContent,
    auth: ContentAuth,
    /// There for members and only for them (check 39).
    membership_tag: Option<VLBytes>,
}

impl PublicMessage {
    /// Frames a member's content.
    pub(crate) fn protect(
        crypto: &dyn Crypto,
        authenticated: AuthenticatedContent,
        membership_key: &Secret,
        context: &GroupContext,
    ) -> Self {
        let AuthenticatedContent {
            wire_format,
            content,
            auth,
        } = &authenticated;
        let tagged = AuthenticatedContent::to_be_tagged(*wire_format, content, auth, context);
        let tag = crypto.mac(membership_key.expose(), &tagged);
        Self {
            membership_tag: Some(tag.into()),
            ..Self::untagged(authenticated)
        }
    }

    /// Frames content of somebody who is no member.
    pub(crate) fn untagged(authenticated: AuthenticatedContent) -> Self {
        let AuthenticatedContent { content, auth, .. } = authenticated;
        Self {
            content,
            auth,
            membership_tag: None,
        }
    }

    /// The signature and the confirmation tag, as they are claimed.
    pub(crate) fn signature(&self) -> (&[u8], Option<&[u8]>) {
        let tag = self.auth.confirmation_tag.as_ref();
        (self.auth.signature.as_slice(), tag.map(VLBytes::as_slice))
    }

    /// Checks the membership tag of a member's message, where the key is at hand (check 39).
    pub(crate) fn unprotect(
        self,
        crypto: &dyn Crypto,
        membership_key: Option<&Secret>,
        context: &GroupContext,
    ) -> Result<Unauthenticated, Check> {
        let Self {
            content,
            auth,
            membership_tag,
        } = self;
        let wire_format = WireFormat::PublicMessage;
        if matches!(content.content, Content::Application(_)) {
            return Err(Check::ApplicationIsPrivate);
        }
        if let (Some(tag), Some(key)) = (membership_tag, membership_key) {
            let tagged = AuthenticatedContent::to_be_tagged(wire_format, &content, &auth, context);
            let expected = crypto.mac(key.expose(), &tagged);
            if !constant_time_eq(&expected, tag.as_slice()) {
                return Err(Check::MembershipTag);
            }
        }
        Ok(Unauthenticated {
            wire_format,
            content,
            auth,
        })
    }
}

impl Size for PublicMessage {
    fn tls_serialized_len(&self) -> usize {
        let tag = self
            .membership_tag
            .as_ref()
            .map_or(0, Size::tls_serialized_len);
        self.content.tls_serialized_len() + self.auth.tls_serialized_len() + tag
    }
}

impl Serialize for PublicMessage {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, tls_codec::Error> {
        let written = self.content.tls_serialize(writer)? + self.auth.tls_serialize(writer)?;
        let tag = self
            .membership_tag
            .as_ref()
            .map_or(Ok(0), |tag| tag.tls_serialize(writer))?;
        Ok(written + tag)
    }
}

impl DeserializeBytes for PublicMessage {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), tls_codec::Error> {
        let (content, rest) = FramedContent::tls_deserialize_bytes(bytes)?;
        let (auth, rest) = ContentAuth::decode_for(content.content.content_type(), rest)?;
        if !matches!(content.sender, Sender::Member(_)) {
            return Ok((
                Self {
                    content,
                    auth,
                    membership_tag: None,
                },
                rest,
            ));
        }
        let (tag, rest) = VLBytes::tls_deserialize_bytes(rest)?;
        Ok((
            Self {
                content,
                auth,
                membership_tag: Some(tag),
            },
            rest,
        ))
    }
}
