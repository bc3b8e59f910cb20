//! Messages of one member to one other (draft-ietf-mls-targeted-messages-01): sealed to the receiver's leaf by
//! HPKE under a key of the epoch, and signed.

use super::private::sender_data_key;
use crate::check::Check;
use crate::error::{Error, own_keys};
use crate::framing::Padding;
use crate::labels::{encryption_context, sign_with_label, verify_with_label};
use crate::tree::LeafIndex;
use crate::wire::{Epoch, GroupId, ProtocolVersion, decode, drafts, encode};
use folkmoot_crypto::{Crypto, HpkeKey, HpkePsk, Secret};
use rand_core::CryptoRng;
use tls_codec::{
    DeserializeBytes, Serialize, Size, TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice,
    VLBytes,
};

/// §4: what the signature is over.
const SIGNATURE_LABEL: &str = "TargetedMessageTBS";
/// §5: what the content is sealed as.
const CONTENT_LABEL: &str = "TargetedMessageData";
/// §5: the name of the epoch's key.
const PSK_LABEL: &[u8] = b"MLS 1.0 targeted message psk";

/// A message to one member; not yet believed.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct TargetedMessage {
    /// Whom it is for.
    pub to: Target,
    /// Authenticated, not encrypted.
    pub authenticated_data: VLBytes,
    encrypted_sender_auth_data: VLBytes,
    ciphertext: VLBytes,
}

/// A member of a group in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub struct Target {
    /// The group.
    pub group_id: GroupId,
    /// The epoch.
    pub epoch: Epoch,
    /// The receiver's leaf.
    pub recipient: LeafIndex,
}

/// Who sent it, and what opens it.
#[derive(Debug, TlsSerialize, TlsDeserializeBytes, TlsSize)]
pub(crate) struct SenderAuthData {
    pub(crate) sender: LeafIndex,
    signature: VLBytes,
    kem_output: VLBytes,
}

#[derive(TlsSerialize, TlsSize)]
struct ToBeAuthenticated<'a> {
    to: &'a Target,
    authenticated_data: VLByteSlice<'a>,
    sender: LeafIndex,
    kem_output: VLByteSlice<'a>,
}

#[derive(TlsSerialize, TlsSize)]
struct ToBeSigned<'a> {
    version: ProtocolVersion,
    wire_format: u16,
    authenticated: ToBeAuthenticated<'a>,
    ciphertext_hash: VLByteSlice<'a>,
}

#[derive(TlsSerialize, TlsSize)]
struct PskId<'a> {
    group_id: &'a GroupId,
    epoch: Epoch,
    label: VLByteSlice<'a>,
}

/// The epoch's keys for targeted messages.
#[derive(Debug)]
pub(crate) struct TargetedSeal<'a> {
    pub(crate) crypto: &'a dyn Crypto,
    pub(crate) psk: Secret,
    pub(crate) sender_auth_data_secret: Secret,
}

impl TargetedSeal<'_> {
    /// Seals and signs data for a member whose encryption key is `public`.
    pub(crate) fn seal(
        &self,
        (to, public): (Target, &[u8]),
        (sender, signature_private): (LeafIndex, &Secret),
        (data, authenticated_data): (&[u8], &[u8]),
        padding: Padding,
        rng: &mut dyn CryptoRng,
    ) -> Result<TargetedMessage, Error> {
        let crypto = self.crypto;
        let id = psk_id(&to);
        let psk = HpkePsk {
            psk: &self.psk,
            id: &id,
        };
        let info = encryption_context(CONTENT_LABEL, b"");
        let (kem_output, key) = crypto
            .hpke_setup_psk(public, &info, psk, rng)
            .map_err(own_keys)?;
        let authenticated = || ToBeAuthenticated {
            to: &to,
            authenticated_data: VLByteSlice(authenticated_data),
            sender,
            kem_output: VLByteSlice(&kem_output),
        };
        let plaintext = padded(data, padding);
        let ciphertext = crypto
            .aead_seal(
                &key.key,
                key.nonce.expose(),
                &encode(&authenticated()),
                plaintext.expose(),
            )
            .map_err(own_keys)?;
        let signed = to_be_signed(crypto, authenticated(), &ciphertext);
        let signature = sign_with_label(crypto, signature_private, SIGNATURE_LABEL, &signed);
        let sender_auth_data = SenderAuthData {
            sender,
            signature: signature.map_err(own_keys)?.into(),
            kem_output: kem_output.as_slice().into(),
        };
        let (key, nonce) = sender_data_key(crypto, &self.sender_auth_data_secret, &ciphertext);
        let sealed = crypto
            .aead_seal(
                &key,
                nonce.expose(),
                &encode(&to),
                &encode(&sender_auth_data),
            )
            .map_err(own_keys)?;
        Ok(TargetedMessage {
            to,
            authenticated_data: authenticated_data.into(),
            encrypted_sender_auth_data: sealed.into(),
            ciphertext: ciphertext.into(),
        })
    }

    /// Who says that they sent the message.
    pub(crate) fn open_sender(&self, message: &TargetedMessage) -> Result<SenderAuthData, Error> {
        let ciphertext = message.ciphertext.as_slice();
        let (key, nonce) = sender_data_key(self.crypto, &self.sender_auth_data_secret, ciphertext);
        let sealed = message.encrypted_sender_auth_data.as_slice();
        let aad = encode(&message.to);
        let opened = self
            .crypto
            .aead_open(&key, nonce.expose(), &aad, sealed)
            .map_err(|_| Check::SenderData)?;
        Ok(decode(&opened)?)
    }

    /// The data, once the sender's signature is verified by their key.
    pub(crate) fn open(
        &self,
        message: &TargetedMessage,
        (sender, signature_key): (&SenderAuthData, &[u8]),
        private: &Secret,
    ) -> Result<Vec<u8>, Error> {
        let crypto = self.crypto;
        let ciphertext = message.ciphertext.as_slice();
        let authenticated = || ToBeAuthenticated {
            to: &message.to,
            authenticated_data: VLByteSlice(message.authenticated_data.as_slice()),
            sender: sender.sender,
            kem_output: VLByteSlice(sender.kem_output.as_slice()),
        };
        let signed = to_be_signed(crypto, authenticated(), ciphertext);
        let signature = sender.signature.as_slice();
        verify_with_label(crypto, signature_key, SIGNATURE_LABEL, &signed, signature)
            .map_err(|_| Check::MessageSignature)?;
        let id = psk_id(&message.to);
        let psk = HpkePsk {
            psk: &self.psk,
            id: &id,
        };
        let info = encryption_context(CONTENT_LABEL, b"");
        let kem_output = sender.kem_output.as_slice();
        let HpkeKey { key, nonce } = crypto
            .hpke_receive_psk(private, kem_output, &info, psk)
            .map_err(|_| Check::MessageEncryption)?;
        let aad = encode(&authenticated());
        let opened = crypto
            .aead_open(&key, nonce.expose(), &aad, ciphertext)
            .map(Secret::from)
            .map_err(|_| Check::MessageEncryption)?;
        let decoded = VLBytes::tls_deserialize_bytes(opened.expose());
        let (data, padding) = decoded.map_err(crate::DecodeError::from)?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(Check::Padding.into());
        }
        Ok(data.into())
    }
}

fn psk_id(to: &Target) -> Vec<u8> {
    encode(&PskId {
        group_id: &to.group_id,
        epoch: to.epoch,
        label: VLByteSlice(PSK_LABEL),
    })
}

fn to_be_signed(
    crypto: &dyn Crypto,
    authenticated: ToBeAuthenticated<'_>,
    ciphertext: &[u8],
) -> Vec<u8> {
    encode(&ToBeSigned {
        version: ProtocolVersion::MLS_10,
        wire_format: drafts::TARGETED_MESSAGE,
        authenticated,
        ciphertext_hash: VLByteSlice(&crypto.hash(ciphertext)),
    })
}

fn padded(data: &[u8], padding: Padding) -> Secret {
    let data = VLByteSlice(data);
    let length = padding.padded(data.tls_serialized_len());
    let mut plaintext = Vec::with_capacity(length);
    data.tls_serialize(&mut plaintext)
        .expect("a message is bounded below 2^30 bytes");
    plaintext.resize(length, 0);
    Secret::from(plaintext)
}
