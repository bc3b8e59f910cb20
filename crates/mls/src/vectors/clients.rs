//! What the vectors' clients have in common.

use super::rng;
use crate::group::Settings;
use crate::labels::{decrypt_with_label, encrypt_with_label};
use crate::records::{Change, Delta, RecordKey, Records};
use crate::wire::{Credential, Timestamp, encode};
use crate::{AuthenticationService, ClientId, CredentialRejected, RecordsError};
use folkmoot_crypto::{Crypto, Secret};
use std::collections::BTreeMap;

/// Vouches for everyone: the vectors' identities are random bytes.
pub(super) struct AcceptAll;

impl AuthenticationService for AcceptAll {
    fn validate(
        &self,
        _credential: &Credential,
        _signature_key: &[u8],
        _at: Option<Timestamp>,
    ) -> Result<(), CredentialRejected> {
        Ok(())
    }

    fn client(&self, credential: &Credential) -> Option<ClientId> {
        Some(ClientId::new(encode(credential)))
    }

    fn succeeds(&self, _old: &Credential, _new: &Credential) -> bool {
        true
    }
}

/// Takes what the vectors ask for: leaves of any lifetime, keys of any epoch.
pub(super) fn settings() -> Settings {
    Settings {
        maximum_lifetime: u64::MAX,
        resumption_epochs: usize::MAX,
        ..Settings::default()
    }
}

/// Whether an HPKE private key belongs to a public one.
pub(super) fn holds_private_key(crypto: &dyn Crypto, public: &[u8], private: &Secret) -> bool {
    let plaintext = b"for the holder";
    let sealed = encrypt_with_label(crypto, public, "test", b"", plaintext, &mut rng()).unwrap();
    decrypt_with_label(crypto, private, "test", b"", &sealed)
        .is_ok_and(|opened| opened.expose() == plaintext)
}

/// A group's records in memory.
#[derive(Default)]
pub(super) struct StoredRecords(BTreeMap<RecordKey, Secret>);

impl StoredRecords {
    pub(super) fn of(delta: Delta) -> Self {
        let mut records = Self::default();
        records.apply(delta);
        records
    }

    pub(super) fn apply(&mut self, delta: Delta) {
        for change in delta.changes {
            match change {
                Change::Put { key, value } => drop(self.0.insert(key, value)),
                Change::Erase { key } => drop(self.0.remove(&key)),
                Change::EraseAll { prefix } => {
                    self.0.retain(|key, _| !key.0.starts_with(&prefix.0));
                }
            }
        }
    }
}

impl Records for StoredRecords {
    fn get(&self, key: &RecordKey) -> Result<Option<Secret>, RecordsError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, prefix: &[u8]) -> Result<Vec<(RecordKey, Secret)>, RecordsError> {
        let matching = self.0.iter().filter(|(key, _)| key.0.starts_with(prefix));
        Ok(matching
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect())
    }
}
