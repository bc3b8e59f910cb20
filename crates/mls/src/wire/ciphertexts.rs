//! The ciphertexts of a path secret (RFC 9420 §7.6), of which each reader opens one.

use super::{decode, encode};
use folkmoot_crypto::HpkeCiphertext;
use tls_codec::{DeserializeBytes, Error, Serialize, Size, TlsVarInt, VLBytes};

/// HPKE ciphertexts as they travel, well-formed and counted.
///
/// A path over blank nodes has one for each member there, so they are taken apart only when asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HpkeCiphertexts {
    encoded: VLBytes,
    count: usize,
}

impl HpkeCiphertexts {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The one at a place.
    pub fn get(&self, place: usize) -> Option<HpkeCiphertext> {
        let before =
            (0..place).try_fold(self.encoded.as_slice(), |left, _| after_one(left).ok())?;
        let after = after_one(before).ok()?;
        decode(&before[..before.len() - after.len()]).ok()
    }

    /// All of them, taken apart.
    pub fn iter(&self) -> impl Iterator<Item = HpkeCiphertext> {
        let mut left = self.encoded.as_slice();
        core::iter::from_fn(move || {
            let (one, rest) = HpkeCiphertext::tls_deserialize_bytes(left).ok()?;
            left = rest;
            Some(one)
        })
    }
}

impl FromIterator<HpkeCiphertext> for HpkeCiphertexts {
    fn from_iter<I: IntoIterator<Item = HpkeCiphertext>>(ciphertexts: I) -> Self {
        let (mut encoded, mut count) = (Vec::new(), 0);
        for one in ciphertexts {
            encoded.extend(encode(&one));
            count += 1;
        }
        let encoded = encoded.into();
        Self { encoded, count }
    }
}

impl Size for HpkeCiphertexts {
    fn tls_serialized_len(&self) -> usize {
        self.encoded.tls_serialized_len()
    }
}

impl Serialize for HpkeCiphertexts {
    fn tls_serialize<W: std::io::Write>(&self, writer: &mut W) -> Result<usize, Error> {
        self.encoded.tls_serialize(writer)
    }
}

impl DeserializeBytes for HpkeCiphertexts {
    fn tls_deserialize_bytes(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let (encoded, rest) = VLBytes::tls_deserialize_bytes(bytes)?;
        let (mut left, mut count) = (encoded.as_slice(), 0);
        while !left.is_empty() {
            left = after_one(left)?;
            count += 1;
        }
        Ok((Self { encoded, count }, rest))
    }
}

/// What follows a ciphertext: two vectors.
fn after_one(bytes: &[u8]) -> Result<&[u8], Error> {
    after_vector(after_vector(bytes)?)
}

fn after_vector(bytes: &[u8]) -> Result<&[u8], Error> {
    let (length, rest) = TlsVarInt::tls_deserialize_bytes(bytes)?;
    let length = usize::try_from(length.value()).map_err(|_| Error::InvalidVectorLength)?;
    rest.get(length..).ok_or(Error::EndOfStream)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ciphertexts(count: usize) -> Vec<HpkeCiphertext> {
        let one = |number: usize| HpkeCiphertext {
            kem_output: vec![1; number].into(),
            ciphertext: vec![2; 70 * number].into(),
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn they_travel_as_a_vector_of_ciphertexts() {
        for count in [0, 1, 5] {
            let plain = ciphertexts(count);
            let bytes = encode(&plain);
            let list: HpkeCiphertexts = decode(&bytes).unwrap();
            assert_eq!(encode(&list), bytes);
            assert_eq!(list, plain.iter().cloned().collect());
            assert_eq!((list.len(), list.is_empty()), (count, count == 0));
            assert!(list.iter().eq(plain.iter().cloned()));
            let places = (0..=count).map(|place| list.get(place));
            assert!(places.eq(plain.into_iter().map(Some).chain([None])));
        }
    }

    #[test]
    fn what_is_no_vector_of_ciphertexts_is_refused_as_such() {
        let good = encode(&ciphertexts(3));
        for length in 0..good.len() {
            assert!(decode::<HpkeCiphertexts>(&good[..length]).is_err());
        }
        let malformed: [&[u8]; 5] = [
            // One vector where two belong.
            &[2, 1, 0xaa],
            // Longer than what is there.
            &[3, 0, 5, 0xaa],
            // A length in more bytes than it takes.
            &[4, 0, 0x40, 1, 0xaa],
            // A length of eight bytes.
            &[10, 0, 0xc0, 0, 0, 0, 0, 0, 0, 1, 0xaa],
            // The rest of one.
            &[3, 0, 0, 0],
        ];
        for bytes in malformed {
            assert!(decode::<HpkeCiphertexts>(bytes).is_err(), "{bytes:?}");
            assert!(decode::<Vec<HpkeCiphertext>>(bytes).is_err(), "{bytes:?}");
        }
    }
}
