//! Messages to one other member (draft-ietf-mls-targeted-messages): no epoch changes by them.

use super::Group;
use super::send::refused;
use crate::check::Check;
use crate::error::{Error, StateError, own_keys};
use crate::framing::{
    MAX_MESSAGE_LENGTH, MessageBody, MlsMessage, Target, TargetedMessage, TargetedSeal,
};
use crate::records::Records;
use crate::tree::LeafIndex;
use crate::wire::Credential;
use folkmoot_crypto::{CryptoError, Secret};
use rand_core::CryptoRng;

/// RFC 9420 §8.5: what the keys are exported as.
const EXPORTER_LABEL: &str = "targeted message";

/// What one member said to this one alone.
#[derive(Clone, PartialEq, Eq)]
pub struct TargetedContent {
    /// Who sent it.
    pub sender: LeafIndex,
    /// The sender's credential.
    pub credential: Credential,
    /// The data.
    pub data: Vec<u8>,
    /// Authenticated with it, not encrypted.
    pub authenticated_data: Vec<u8>,
}

/// Without the data.
impl core::fmt::Debug for TargetedContent {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("TargetedContent")
            .field("sender", &self.sender)
            .field("credential", &self.credential)
            .field("length", &self.data.len())
            .finish_non_exhaustive()
    }
}

impl Group {
    /// Seals data for one member, who can open it in this epoch; nothing protects it from being delivered
    /// twice.
    pub fn seal_targeted(
        &self,
        recipient: LeafIndex,
        (data, authenticated_data): (&[u8], &[u8]),
        records: &dyn Records,
        rng: &mut dyn CryptoRng,
    ) -> Result<MlsMessage, Error> {
        self.check_open()?;
        if data.len().max(authenticated_data.len()) > MAX_MESSAGE_LENGTH {
            return Err(refused(Check::MessageBound.into()));
        }
        let leaf = self.member(recipient, records)?;
        let leaf = leaf.ok_or(StateError::NoSuchMember(recipient.0))?;
        let to = Target {
            group_id: self.group_id().clone(),
            epoch: self.epoch(),
            recipient,
        };
        let message = self.targeted_seal()?.seal(
            (to, leaf.content.encryption_key.as_slice()),
            (self.epoch.own, &self.epoch.signature.private),
            (data, authenticated_data),
            self.settings.padding,
            rng,
        )?;
        MlsMessage::from(MessageBody::Targeted(message)).bounded()
    }

    /// Opens a message of the current epoch to this member.
    pub fn open_targeted(
        &self,
        message: &TargetedMessage,
        records: &dyn Records,
    ) -> Result<TargetedContent, Error> {
        self.check_active()?;
        if message.to.group_id != *self.group_id() {
            return Err(Check::GroupIdAndEpoch.into());
        }
        if message.to.epoch != self.epoch() {
            return Err(Error::WrongEpoch {
                message: message.to.epoch,
                current: self.epoch(),
            });
        }
        if message.to.recipient != self.epoch.own {
            return Err(Check::TargetedRecipient.into());
        }
        let keys = self.targeted_seal()?;
        let sender = keys.open_sender(message)?;
        let leaf = self.member(sender.sender, records)?;
        let leaf = leaf.ok_or(Check::SenderIsMember)?;
        let private = self.epoch.private.get(self.epoch.own.into());
        let private = private.ok_or_else(|| own_keys(CryptoError::InvalidKey))?;
        let signature_key = leaf.content.signature_key.as_slice();
        let data = keys.open(message, (&sender, signature_key), private)?;
        Ok(TargetedContent {
            sender: sender.sender,
            credential: leaf.content.credential.clone(),
            data,
            authenticated_data: message.authenticated_data.as_slice().to_vec(),
        })
    }

    fn targeted_seal(&self) -> Result<TargetedSeal<'static>, Error> {
        let export = |context: &[u8]| -> Result<Secret, Error> {
            let length = self.crypto.hash_length();
            let length = u16::try_from(length).expect("a hash is short");
            self.export(EXPORTER_LABEL, context, length)
        };
        Ok(TargetedSeal {
            crypto: self.crypto,
            psk: export(b"psk")?,
            sender_auth_data_secret: export(b"sender auth data secret")?,
        })
    }
}
