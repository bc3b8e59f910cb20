//! PrivateMessage (RFC 9420 §6.3).

use super::{
    AuthenticatedContent, Content, ContentAuth, ContentType, FramedContent, Padding, Sender,
    Unauthenticated, WireFormat,
};
use crate::check::Check;
use crate::error::{Error, own_keys};
use crate::labels::expand_short;
use crate::schedule::KeyAndNonce;
use crate::tree::LeafIndex;
use crate::wire::{Commit, Epoch, GroupId, Proposal, decode, encode};
use folkmoot_crypto::{Crypto, Secret};
use tls_codec::{
    DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice,
    VLBytes,
};

/// A signed and encrypted message; not yet believed.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct PrivateMessage {
    /// The group.
    pub group_id: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// What kind of content is inside.
    pub content_type: ContentType,
    /// Authenticated, not encrypted.
    pub authenticated_data: VLBytes,
    encrypted_sender_data: VLBytes,
    ciphertext: VLBytes,
}

/// Who sent a PrivateMessage, and under which generation (RFC 9420 §6.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct SenderData {
    pub(crate) leaf_index: LeafIndex,
    pub(crate) generation: u32,
    pub(crate) reuse_guard: [u8; 4],
}

/// What seals one message.
#[derive(Debug)]
pub(crate) struct SealKey<'a> {
    pub(crate) keys: KeyAndNonce,
    pub(crate) sender: SenderData,
    pub(crate) sender_data_secret: &'a Secret,
    pub(crate) padding: Padding,
}

#[derive(TlsSerialize, TlsSize)]
struct SenderDataAad<'a> {
    group_id: &'a GroupId,
    epoch: Epoch,
    content_type: ContentType,
}

#[derive(TlsSerialize, TlsSize)]
struct ContentAad<'a> {
    group_id: &'a GroupId,
    epoch: Epoch,
    content_type: ContentType,
    authenticated_data: VLByteSlice<'a>,
}

impl PrivateMessage {
    /// Seals a member's content (RFC 9420 §6.3.1).
    pub(crate) fn protect(
        crypto: &dyn Crypto,
        authenticated: &AuthenticatedContent,
        seal: &SealKey<'_>,
    ) -> Result<Self, Error> {
        let plaintext = Self::plaintext(authenticated, seal.padding);
        Self::seal(crypto, &authenticated.content, &plaintext, seal)
    }

    /// What is encrypted. It is written once, into memory of its length: a vector that grows leaves
    /// copies behind.
    pub(crate) fn plaintext(authenticated: &AuthenticatedContent, padding: Padding) -> Secret {
        let auth = &authenticated.auth;
        match &authenticated.content.content {
            Content::Application(data) => padded(data, auth, padding),
            Content::Proposal(proposal) => padded(proposal, auth, padding),
            Content::Commit(commit) => padded(commit, auth, padding),
        }
    }

    /// Seals a padded plaintext under the headers of `content`.
    pub(crate) fn seal(
        crypto: &dyn Crypto,
        content: &FramedContent,
        plaintext: &Secret,
        seal: &SealKey<'_>,
    ) -> Result<Self, Error> {
        let mut message = Self {
            group_id: content.group_id.clone(),
            epoch: content.epoch,
            content_type: content.content.content_type(),
            authenticated_data: content.authenticated_data.clone(),
            encrypted_sender_data: VLBytes::new(Vec::new()),
            ciphertext: VLBytes::new(Vec::new()),
        };
        let nonce = guarded_nonce(&seal.keys.nonce, seal.sender.reuse_guard);
        let ciphertext = crypto
            .aead_seal(
                &seal.keys.key,
                nonce.expose(),
                &message.content_aad(),
                plaintext.expose(),
            )
            .map_err(own_keys)?;
        let (key, nonce) = sender_data_key(crypto, seal.sender_data_secret, &ciphertext);
        let aad = message.sender_data_aad();
        let sender = crypto
            .aead_seal(&key, nonce.expose(), &aad, &encode(&seal.sender))
            .map_err(own_keys)?;
        message.ciphertext = ciphertext.into();
        message.encrypted_sender_data = sender.into();
        Ok(message)
    }

    /// Opens the sender data (RFC 9420 §6.3.2).
    pub(crate) fn open_sender_data(
        &self,
        crypto: &dyn Crypto,
        sender_data_secret: &Secret,
    ) -> Result<SenderData, Error> {
        let (key, nonce) = sender_data_key(crypto, sender_data_secret, self.ciphertext.as_slice());
        let sealed = self.encrypted_sender_data.as_slice();
        let opened = crypto
            .aead_open(&key, nonce.expose(), &self.sender_data_aad(), sealed)
            .map_err(|_| Check::SenderData)?;
        Ok(decode(&opened)?)
    }

    /// Opens the content with its generation's key (RFC 9420 §6.3.1).
    pub(crate) fn open_content(
        &self,
        crypto: &dyn Crypto,
        keys: &KeyAndNonce,
        sender: SenderData,
    ) -> Result<Unauthenticated, Error> {
        let nonce = guarded_nonce(&keys.nonce, sender.reuse_guard);
        let sealed = self.ciphertext.as_slice();
        let opened = crypto
            .aead_open(&keys.key, nonce.expose(), &self.content_aad(), sealed)
            .map(Secret::from)
            .map_err(|_| Check::MessageEncryption)?;
        let (content, auth) = self.decode_content(opened.expose())?;
        let content = FramedContent {
            group_id: self.group_id.clone(),
            epoch: self.epoch,
            sender: Sender::Member(sender.leaf_index),
            authenticated_data: self.authenticated_data.clone(),
            content,
        };
        Ok(Unauthenticated {
            wire_format: WireFormat::PrivateMessage,
            content,
            auth,
        })
    }

    fn decode_content(&self, bytes: &[u8]) -> Result<(Content, ContentAuth), Error> {
        let decoded = match self.content_type {
            ContentType::Application => VLBytes::tls_deserialize_bytes(bytes)
                .map(|(data, rest)| (Content::Application(data), rest)),
            ContentType::Proposal => Proposal::tls_deserialize_bytes(bytes)
                .map(|(proposal, rest)| (Content::Proposal(proposal), rest)),
            ContentType::Commit => Commit::tls_deserialize_bytes(bytes)
                .map(|(commit, rest)| (Content::Commit(Box::new(commit)), rest)),
        };
        let (content, rest) = decoded.map_err(crate::DecodeError::from)?;
        let (auth, padding) =
            ContentAuth::decode_for(self.content_type, rest).map_err(crate::DecodeError::from)?;
        // Check 49: padding that is not zero could carry a hidden channel.
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Check::Padding.into());
        }
        Ok((content, auth))
    }

    /// Check 47: all that is not encrypted.
    fn content_aad(&self) -> Vec<u8> {
        encode(&ContentAad {
            group_id: &self.group_id,
            epoch: self.epoch,
            content_type: self.content_type,
            authenticated_data: VLByteSlice(self.authenticated_data.as_slice()),
        })
    }

    /// Check 47: all that is not encrypted, but for what the application may add.
    fn sender_data_aad(&self) -> Vec<u8> {
        encode(&SenderDataAad {
            group_id: &self.group_id,
            epoch: self.epoch,
            content_type: self.content_type,
        })
    }
}

/// `PrivateMessageContent` (RFC 9420 §6.3.1).
fn padded<T: Serialize>(content: &T, auth: &ContentAuth, padding: Padding) -> Secret {
    let length = content.tls_serialized_len() + auth.tls_serialized_len();
    let mut plaintext = Vec::with_capacity(padding.padded(length));
    let written = content.tls_serialize(&mut plaintext);
    written
        .and_then(|_| auth.tls_serialize(&mut plaintext))
        .expect("what is signed is below a message's bound");
    plaintext.resize(padding.padded(plaintext.len()), 0);
    Secret::from(plaintext)
}

/// Check 50: the guard changes the nonce's first four bytes.
fn guarded_nonce(nonce: &Secret, guard: [u8; 4]) -> Secret {
    let mut nonce = nonce.expose().to_vec();
    nonce
        .iter_mut()
        .zip(guard)
        .for_each(|(byte, guard)| *byte ^= guard);
    Secret::from(nonce)
}

/// The key and nonce of sender data, from a sample of the ciphertext (RFC 9420 §6.3.2).
pub(crate) fn sender_data_key(
    crypto: &dyn Crypto,
    secret: &Secret,
    ciphertext: &[u8],
) -> (Secret, Secret) {
    let sample = &ciphertext[..ciphertext.len().min(crypto.hash_length())];
    let expand = |label, length| expand_short(crypto, secret, label, sample, length);
    (
        expand("key", crypto.aead_key_length()),
        expand("nonce", crypto.aead_nonce_length()),
    )
}
