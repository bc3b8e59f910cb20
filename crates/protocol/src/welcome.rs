//! The encryption of a Welcome on its way through the group's log.

use folkmoot_crypto::{Secret, suite_one};
use thiserror::Error;

use crate::bounds::MAX_WELCOME;
use crate::signed::{encoded, label};
use crate::{Bytes, GroupId, LengthError, WelcomeKey};

/// A Welcome that does not open under its key and group. The fault is the committer's or the
/// provider's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the encrypted Welcome is damaged, or of another group")]
pub struct DamagedWelcome;

impl WelcomeKey {
    /// Encrypts the one Welcome of a commit: AES-128-GCM under key and nonce that
    /// HKDF-Expand derives from this key, the group in the associated data. A key seals once.
    pub fn seal(&self, group: &GroupId, welcome: &[u8]) -> Result<Bytes<MAX_WELCOME>, LengthError> {
        let (key, nonce) = self.key_and_nonce();
        let sealed = suite_one()
            .aead_seal(&key, nonce.expose(), &context(group), welcome)
            .map_err(|_| LengthError::TooLong {
                length: welcome.len(),
                max: MAX_WELCOME,
            })?;
        sealed.try_into()
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn open(
        &self,
        group: &GroupId,
        sealed: &Bytes<MAX_WELCOME>,
    ) -> Result<Vec<u8>, DamagedWelcome> {
        let (key, nonce) = self.key_and_nonce();
        suite_one()
            .aead_open(&key, nonce.expose(), &context(group), sealed)
            .map_err(|_| DamagedWelcome)
    }

    fn key_and_nonce(&self) -> (Secret, Secret) {
        let crypto = suite_one();
        let prk = Secret::from(self.expose());
        let expand = |info, length| {
            crypto
                .expand(&prk, &encoded(&label(info)), length)
                .expect("a key and a nonce are shorter than HKDF's limit")
        };
        (
            expand("Folkmoot 1.0 welcome key", crypto.aead_key_length()),
            expand("Folkmoot 1.0 welcome nonce", crypto.aead_nonce_length()),
        )
    }
}

fn context(group: &GroupId) -> Vec<u8> {
    encoded(&(label("Folkmoot 1.0 welcome"), *group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_welcome_opens_under_its_key_and_group_only() {
        let mut rng = rand_core::UnwrapErr(getrandom::SysRng);
        let key = WelcomeKey::generate(&mut rng);
        let group = GroupId::generate(&mut rng);
        let sealed = key.seal(&group, b"welcome").unwrap();
        assert_eq!(key.open(&group, &sealed), Ok(b"welcome".to_vec()));

        let other = WelcomeKey::generate(&mut rng);
        assert_eq!(other.open(&group, &sealed), Err(DamagedWelcome));
        let elsewhere = GroupId::generate(&mut rng);
        assert_eq!(key.open(&elsewhere, &sealed), Err(DamagedWelcome));
        let truncated = sealed[..sealed.len() - 1].try_into().unwrap();
        assert_eq!(key.open(&group, &truncated), Err(DamagedWelcome));
        assert_eq!(key.open(&group, &Bytes::default()), Err(DamagedWelcome));
    }

    #[test]
    fn a_welcome_over_its_bound_is_refused() {
        let key = WelcomeKey::try_from([1; 32].as_slice()).unwrap();
        let longest = vec![0; MAX_WELCOME - 16];
        assert!(key.seal(&GroupId([2; 32]), &longest).is_ok());
        assert!(
            key.seal(&GroupId([2; 32]), &[&longest[..], &[0]].concat())
                .is_err()
        );
    }
}
