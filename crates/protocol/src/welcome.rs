//! A Welcome on its way through the group's log: what all joiners share once, and what each joiner
//! gets for itself, all of it encrypted.

use std::collections::BTreeSet;

use folkmoot_crypto::{Secret, suite_one};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tls_codec::Serialize as TlsSerialize;

use crate::bounds::{MAX_WELCOME, MAX_WELCOME_PART, MIN_WELCOME_PART};
use crate::signed::{digest, encoded, label};
use crate::{Bytes, Digest, GroupId, LengthError, SlotId, WelcomeKey};

/// An encrypted Welcome in its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedWelcome {
    /// For all joiners.
    pub shared: Bytes<MAX_WELCOME>,
    /// For one joiner each, by its slot, in the order of sealing.
    pub parts: Vec<(SlotId, Bytes<MAX_WELCOME_PART>)>,
}

/// Answer to [`Action::Welcome`](crate::Action::Welcome): as the committer submitted it, without
/// the parts of others. Its size does not depend on how many joiners there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinerWelcome {
    /// The encrypted part that all joiners get.
    pub shared: Bytes<MAX_WELCOME>,
    /// The encrypted part of the slot that asks.
    pub part: Bytes<MAX_WELCOME_PART>,
}

/// Why a Welcome cannot be sealed. The fault is the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnsealableWelcome {
    /// What all joiners share is too long.
    #[error("the shared part of the Welcome: {0}; make the group's tree smaller or leave it out")]
    Shared(LengthError),
    /// What one joiner gets is too long.
    #[error("a joiner's part of the Welcome: {0}; name fewer pre-shared keys")]
    Part(LengthError),
    /// A slot's key and nonce would be used twice.
    #[error("the slot {0} gets two parts of one Welcome; add each device once")]
    SlotTwice(SlotId),
}

/// A part of a Welcome that does not open. Nothing of it can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DamagedWelcome {
    /// The fault is the provider's or the committer's.
    #[error("the Welcome's shared part is damaged, or of another group or commit")]
    Shared,
    /// The fault is the provider's or the committer's.
    #[error("this device's part of the Welcome is damaged, or another joiner's")]
    Part,
    /// Sealed under the right key with another padding than [`WelcomeKey::seal`] makes. The fault is
    /// the committer's.
    #[error("this device's part of the Welcome is not padded as parts are")]
    Padding,
}

impl WelcomeKey {
    /// Encrypts the one Welcome of a commit: the shared part, and one part for each joiner's slot.
    ///
    /// Each is sealed by AES-128-GCM under a key and a nonce that HKDF-Expand derives from this key,
    /// those of a part from its slot too, so that no two are alike; the group, and a part's slot, are
    /// in the associated data. A part is padded, so that its length says no more than a power of two.
    /// A key seals one Welcome.
    pub fn seal(
        &self,
        group: &GroupId,
        shared: &[u8],
        parts: &[(SlotId, Vec<u8>)],
    ) -> Result<SealedWelcome, UnsealableWelcome> {
        let mut slots = BTreeSet::new();
        if let Some((twice, _)) = parts.iter().find(|(slot, _)| !slots.insert(*slot)) {
            return Err(UnsealableWelcome::SlotTwice(*twice));
        }
        let shared = seal(&self.shared_keys(), &shared_context(group), shared)
            .map_err(UnsealableWelcome::Shared)?;
        let seal_part = |(slot, part): &(SlotId, Vec<u8>)| {
            let padded = pad(part).map_err(UnsealableWelcome::Part)?;
            let (keys, context) = (self.part_keys(slot), part_context(group, slot));
            let sealed = seal(&keys, &context, &padded).map_err(UnsealableWelcome::Part)?;
            Ok((*slot, sealed))
        };
        let parts = parts.iter().map(seal_part).collect::<Result<_, _>>()?;
        Ok(SealedWelcome { shared, parts })
    }

    /// Opens what all joiners got.
    pub fn open_shared(
        &self,
        group: &GroupId,
        sealed: &Bytes<MAX_WELCOME>,
    ) -> Result<Vec<u8>, DamagedWelcome> {
        open(&self.shared_keys(), &shared_context(group), sealed).ok_or(DamagedWelcome::Shared)
    }

    /// Opens what the joiner of `slot` got.
    pub fn open_part(
        &self,
        group: &GroupId,
        slot: &SlotId,
        sealed: &Bytes<MAX_WELCOME_PART>,
    ) -> Result<Vec<u8>, DamagedWelcome> {
        let padded = open(&self.part_keys(slot), &part_context(group, slot), sealed);
        unpad(&padded.ok_or(DamagedWelcome::Part)?).ok_or(DamagedWelcome::Padding)
    }

    fn shared_keys(&self) -> KeyAndNonce {
        KeyAndNonce {
            key: self.expand(&label("Folkmoot 1.0 welcome shared key"), key_length()),
            nonce: self.expand(&label("Folkmoot 1.0 welcome shared nonce"), nonce_length()),
        }
    }

    fn part_keys(&self, slot: &SlotId) -> KeyAndNonce {
        let (key, nonce) = (
            "Folkmoot 1.0 welcome part key",
            "Folkmoot 1.0 welcome part nonce",
        );
        KeyAndNonce {
            key: self.expand(&(label(key), *slot), key_length()),
            nonce: self.expand(&(label(nonce), *slot), nonce_length()),
        }
    }

    fn expand(&self, info: &impl TlsSerialize, length: usize) -> Secret {
        suite_one()
            .expand(&Secret::from(self.expose()), &encoded(info), length)
            .expect("a key and a nonce are shorter than HKDF's limit")
    }
}

struct KeyAndNonce {
    key: Secret,
    nonce: Secret,
}

/// What stands for a Welcome in a log's chain: SHA-256 over the digests of its shared part and of
/// each part with its slot, so that readers need none of the parts.
pub(crate) fn welcome_digest<'a>(
    shared: &[u8],
    parts: impl Iterator<Item = (SlotId, Option<&'a [u8]>)>,
) -> Digest {
    let parts: Vec<_> = parts
        .map(|(slot, part)| (slot, part.map(Digest::of)))
        .collect();
    digest(&(label("Folkmoot 1.0 welcome"), Digest::of(shared), parts))
}

fn seal<const MAX: usize>(
    keys: &KeyAndNonce,
    context: &[u8],
    plaintext: &[u8],
) -> Result<Bytes<MAX>, LengthError> {
    let sealed = suite_one().aead_seal(&keys.key, keys.nonce.expose(), context, plaintext);
    let too_long = |_| LengthError::TooLong {
        length: plaintext.len(),
        max: MAX,
    };
    sealed.map_err(too_long)?.try_into()
}

fn open(keys: &KeyAndNonce, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let opened = suite_one().aead_open(&keys.key, keys.nonce.expose(), context, sealed);
    opened.ok()
}

const TAG_LENGTH: usize = 16;
/// Of the length that stands before a part.
const PREFIX_LENGTH: usize = 2;

/// `uint16 length; opaque part[length]; zeros`, as long as the sealed length wants it.
fn pad(part: &[u8]) -> Result<Vec<u8>, LengthError> {
    let length = u16::try_from(part.len()).map_err(|_| LengthError::TooLong {
        length: part.len(),
        max: MAX_WELCOME_PART,
    })?;
    let mut padded = Vec::with_capacity(padded_length(part.len()));
    padded.extend(length.to_be_bytes());
    padded.extend(part);
    padded.resize(padded_length(part.len()), 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = padded.split_first_chunk::<PREFIX_LENGTH>()?;
    let (part, zeros) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    let good = padded.len() == padded_length(part.len()) && zeros.iter().all(|byte| *byte == 0);
    good.then(|| part.to_vec())
}

/// The sealed length is a power of two.
fn padded_length(part: usize) -> usize {
    let sealed = PREFIX_LENGTH + part + TAG_LENGTH;
    sealed.next_power_of_two().max(MIN_WELCOME_PART) - TAG_LENGTH
}

fn key_length() -> usize {
    suite_one().aead_key_length()
}

fn nonce_length() -> usize {
    suite_one().aead_nonce_length()
}

fn shared_context(group: &GroupId) -> Vec<u8> {
    encoded(&(label("Folkmoot 1.0 welcome shared"), *group))
}

fn part_context(group: &GroupId, slot: &SlotId) -> Vec<u8> {
    encoded(&(label("Folkmoot 1.0 welcome part"), *group, *slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: GroupId = GroupId([2; 32]);
    const BOB: SlotId = SlotId([3; 16]);
    const CAROL: SlotId = SlotId([4; 16]);
    const LONGEST_PART: usize = MAX_WELCOME_PART - TAG_LENGTH - PREFIX_LENGTH;

    fn key(byte: u8) -> WelcomeKey {
        WelcomeKey::try_from([byte; 32].as_slice()).unwrap()
    }

    fn sealed() -> SealedWelcome {
        let parts = [(BOB, b"for bob".to_vec()), (CAROL, b"for carol".to_vec())];
        key(1).seal(&GROUP, b"for all", &parts).unwrap()
    }

    fn part(sealed: &SealedWelcome, slot: SlotId) -> Bytes<MAX_WELCOME_PART> {
        let part = sealed.parts.iter().find(|(of, _)| *of == slot);
        part.unwrap().1.clone()
    }

    #[test]
    fn the_shared_part_opens_under_its_key_and_group_only() {
        let shared = sealed().shared;
        assert_eq!(key(1).open_shared(&GROUP, &shared), Ok(b"for all".to_vec()));
        let damaged = Err(DamagedWelcome::Shared);
        assert_eq!(key(9).open_shared(&GROUP, &shared), damaged);
        assert_eq!(key(1).open_shared(&GroupId([9; 32]), &shared), damaged);
        let truncated = shared[..shared.len() - 1].try_into().unwrap();
        assert_eq!(key(1).open_shared(&GROUP, &truncated), damaged);
        assert_eq!(key(1).open_shared(&GROUP, &Bytes::default()), damaged);
    }

    #[test]
    fn a_part_opens_under_its_key_group_and_slot_only() {
        let sealed = sealed();
        let (bob, carol) = (part(&sealed, BOB), part(&sealed, CAROL));
        let opened =
            |slot: &SlotId, part: &Bytes<MAX_WELCOME_PART>| key(1).open_part(&GROUP, slot, part);
        assert_eq!(opened(&BOB, &bob), Ok(b"for bob".to_vec()));
        assert_eq!(opened(&CAROL, &carol), Ok(b"for carol".to_vec()));
        let damaged = Err(DamagedWelcome::Part);
        assert_eq!(opened(&BOB, &carol), damaged);
        assert_eq!(opened(&CAROL, &bob), damaged);
        assert_eq!(key(9).open_part(&GROUP, &BOB, &bob), damaged);
        assert_eq!(key(1).open_part(&GroupId([9; 32]), &BOB, &bob), damaged);
        assert_eq!(opened(&BOB, &bob[1..].try_into().unwrap()), damaged);
        assert_eq!(opened(&BOB, &Bytes::default()), damaged);
        // The shared part is no part of anybody's, even where the lengths would do.
        assert_eq!(
            opened(&BOB, &sealed.shared[..].try_into().unwrap()),
            damaged
        );
    }

    #[test]
    fn no_two_parts_share_key_or_nonce() {
        let same = vec![7; 100];
        let slots: Vec<_> = (0..50).map(|number| SlotId([number; 16])).collect();
        let parts: Vec<_> = slots.iter().map(|slot| (*slot, same.clone())).collect();
        let sealed = key(1).seal(&GROUP, &pad(&same).unwrap(), &parts);
        let sealed = sealed.unwrap();
        let mut nonces: BTreeSet<Vec<u8>> = BTreeSet::new();
        let mut keys = BTreeSet::new();
        let shared = key(1).shared_keys();
        for one in slots
            .iter()
            .map(|slot| key(1).part_keys(slot))
            .chain([shared])
        {
            assert!(nonces.insert(one.nonce.expose().to_vec()));
            assert!(keys.insert(one.key.expose().to_vec()));
        }
        // Under one key and nonce, equal plaintexts would have equal ciphertexts before the tag.
        let body = |sealed: &[u8]| sealed[..sealed.len() - TAG_LENGTH].to_vec();
        let mut bodies: BTreeSet<_> = sealed.parts.iter().map(|(_, part)| body(part)).collect();
        bodies.insert(body(&sealed.shared));
        assert_eq!(bodies.len(), parts.len() + 1);
    }

    #[test]
    fn a_slot_gets_one_part_of_a_welcome() {
        let parts = [(BOB, vec![1]), (CAROL, vec![2]), (BOB, vec![3])];
        let refused = key(1).seal(&GROUP, b"", &parts);
        assert_eq!(refused, Err(UnsealableWelcome::SlotTwice(BOB)));
    }

    #[test]
    fn a_sealed_part_is_a_power_of_two_long_and_comes_back() {
        for (length, expected) in [
            (0, 256),
            (238, 256),
            (239, 512),
            (494, 512),
            (495, 1024),
            (LONGEST_PART, MAX_WELCOME_PART),
        ] {
            let plain = vec![9; length];
            let sealed = key(1).seal(&GROUP, b"", &[(BOB, plain.clone())]).unwrap();
            let bob = part(&sealed, BOB);
            assert_eq!(bob.len(), expected, "{length}");
            assert_eq!(key(1).open_part(&GROUP, &BOB, &bob), Ok(plain));
        }
    }

    #[test]
    fn a_part_with_another_padding_is_refused() {
        let sealed = |padded: &[u8]| -> Bytes<MAX_WELCOME_PART> {
            seal(&key(1).part_keys(&BOB), &part_context(&GROUP, &BOB), padded).unwrap()
        };
        let good = pad(b"for bob").unwrap();
        let opened = |padded: &[u8]| key(1).open_part(&GROUP, &BOB, &sealed(padded));
        assert_eq!(opened(&good), Ok(b"for bob".to_vec()));
        let mut marked = good.clone();
        *marked.last_mut().unwrap() = 1;
        let mut beyond = good.clone();
        beyond[..2].copy_from_slice(&u16::MAX.to_be_bytes());
        let unpadded = good[..9].to_vec();
        let longer = [&good[..], &[0; 256]].concat();
        for (number, bad) in [marked, beyond, unpadded, longer, vec![], vec![0]]
            .iter()
            .enumerate()
        {
            assert_eq!(opened(bad), Err(DamagedWelcome::Padding), "{number}");
        }
    }

    #[test]
    fn what_is_over_its_bound_is_refused() {
        let longest = vec![0; MAX_WELCOME - TAG_LENGTH];
        assert!(key(1).seal(&GROUP, &longest, &[]).is_ok());
        let refused = key(1).seal(&GROUP, &[&longest[..], &[0]].concat(), &[]);
        assert!(matches!(refused, Err(UnsealableWelcome::Shared(_))));
        for length in [LONGEST_PART + 1, 1 << 16] {
            let refused = key(1).seal(&GROUP, b"", &[(BOB, vec![0; length])]);
            assert!(matches!(refused, Err(UnsealableWelcome::Part(_))));
        }
    }

    #[test]
    fn every_part_and_its_slot_are_in_the_digest() {
        let (one, other): (&[u8], &[u8]) = (b"one", b"other");
        let of = |shared: &[u8], parts: &[(SlotId, Option<&'static [u8]>)]| {
            welcome_digest(shared, parts.iter().copied())
        };
        let digests = BTreeSet::from([
            of(one, &[(BOB, Some(one)), (CAROL, Some(other))]),
            of(other, &[(BOB, Some(one)), (CAROL, Some(other))]),
            of(one, &[(BOB, Some(other)), (CAROL, Some(one))]),
            of(one, &[(CAROL, Some(other)), (BOB, Some(one))]),
            of(one, &[(BOB, Some(one)), (CAROL, Some(one))]),
            of(one, &[(BOB, Some(one)), (CAROL, None)]),
            of(one, &[(BOB, Some(one))]),
            of(one, &[]),
            Digest::of(one),
        ]);
        assert_eq!(digests.len(), 9);
    }
}
