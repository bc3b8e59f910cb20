//! What components of the application do with a group's keys (draft-ietf-mls-extensions §4): they never see
//! a private key, and nothing that one does passes for another's, or for MLS's own.

use super::Group;
use super::record::exporter_node;
use crate::error::{Error, StateError, own_keys};
use crate::labels::{safe_decrypt_with_label, safe_sign_with_label};
use crate::records::Delta;
use crate::wire::ComponentId;
use folkmoot_crypto::{CryptoError, HpkeCiphertext, Secret};

impl Group {
    /// `SafeExportSecret` (§4.4): a component's secret of this epoch, of the hash's length, to be had once.
    ///
    /// Store the delta before the secret is used: whoever seizes this member's records later cannot derive
    /// it again.
    pub fn safe_export(&mut self, component: ComponentId) -> Result<(Secret, Delta), Error> {
        self.check_active()?;
        let export = self.epoch.exports.export(self.crypto, component);
        let export = export.ok_or(StateError::ExportTaken(component.0))?;
        let mut delta = Delta::default();
        delta.erase(exporter_node(export.erased));
        delta.put_exports(export.made.iter().map(|(index, secret)| (index, secret)));
        let secret = self.epoch.exports.apply(export);
        self.changed();
        Ok((secret, delta))
    }

    /// `SafeSignWithLabel` (§4.3) by this member's signature key. Others verify it by
    /// [`crate::safe_verify_with_label`] and the key of this member's leaf.
    pub fn safe_sign(
        &self,
        component: ComponentId,
        label: &str,
        content: &[u8],
    ) -> Result<Vec<u8>, Error> {
        self.check_active()?;
        let private = &self.epoch.signature.private;
        safe_sign_with_label(self.crypto, private, (component, label), content).map_err(own_keys)
    }

    /// `SafeDecryptWithLabel` (§4.2) of what was sealed to the encryption key of this member's leaf, by
    /// [`crate::safe_encrypt_with_label`].
    pub fn safe_decrypt(
        &self,
        component: ComponentId,
        label: &str,
        context: &[u8],
        ciphertext: &HpkeCiphertext,
    ) -> Result<Secret, Error> {
        self.check_active()?;
        let private = self.epoch.private.get(self.epoch.own.into());
        let private = private.ok_or_else(|| own_keys(CryptoError::InvalidKey))?;
        let label = (component, label);
        let opened = safe_decrypt_with_label(self.crypto, private, label, context, ciphertext);
        opened.map_err(|_| crate::Check::ComponentCiphertext.into())
    }
}
