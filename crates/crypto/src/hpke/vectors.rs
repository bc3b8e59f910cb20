//! Published answers for the post-quantum KEMs. What is long stands here as its SHA-256.

use super::mlkem::{self, ParameterSet};
use crate::composed::Suite;
use crate::{Crypto, Secret, aws_lc, portable, sha256};
use core::convert::Infallible;
use ml_kem::{MlKem768, MlKem1024};
use rand_core::{TryCryptoRng, TryRng};
use shake::{ExtendableOutput, Shake128, Update, XofReader};

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let pairs = digits.map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Gives these bytes and no others.
struct Given(Vec<u8>);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("seeds are drawn as bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("seeds are drawn as bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Given {}

/// The post-quantum suites of both providers, side by side.
fn both(place: usize) -> [&'static Suite; 2] {
    [&aws_lc::POST_QUANTUM, &portable::POST_QUANTUM].map(|suites| &suites[place])
}

/// draft-connolly-cfrg-xwing-kem-10, appendix "Test vectors": seed, public key, randomness of the
/// encapsulation, ciphertext, shared secret.
const X_WING: [[&str; 5]; 3] = [
    [
        "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
        "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        "3cb1eea988004b93103cfb0aeefd2a686e01fa4a58e8a3639ca8a1e3f9ae57e2\
         35b8cc873c23dc62b8d260169afa2f75ab916a58d974918835d25e6a435085b2",
        "17cd532d657e44c897ca6583e548a5424fc70bf54f99515a4d2bcf99e3469f33",
        "d2df0522128f09dd8e2c92b1e905c793d8f57a54c3da25861f10bf4ca613e384",
    ],
    [
        "badfd6dfaac359a5efbb7bcc4b59d538df9a04302e10c8bc1cbf1a0b3a5120ea",
        "c42ba5f8430d7d2c83739338203819f090e8303ce9c8b02107c272bfa5376916",
        "17cda7cfad765f5623474d368ccca8af0007cd9f5e4c849f167a580b14aabdef\
         aee7eef47cb0fca9767be1fda69419dfb927e9df07348b196691abaeb580b32d",
        "1661ea86d608a1924ba30840cb0a65f13ae051e3aec9cf0f064efc0bc92f2154",
        "f2e86241c64d60f6649fbc6c5b7d17180b780a3f34355e64a85749949c45f150",
    ],
    [
        "ef58538b8d23f87732ea63b02b4fa0f4873360e2841928cd60dd4cee8cc0d4c9",
        "6b080d6b84f095342092fa7a22423e58bd681397ad0ef00eac92bd254db4fa95",
        "22a96188d032675c8ac850933c7aff1533b94c834adbb69c6115bad4692d8619\
         f90b0cdf8a7b9c264029ac185b70b83f2801f2f4b3f70c593ea3aeeb613a7f1b",
        "d3ca5578500344b5896cffc4fd740c9311946b82951df155e6fd86a7966b43c6",
        "953f7f4e8c5b5049bdc771d1dffada0dd961477d1a2ae0988baa7ea6898d893f",
    ],
];

#[test]
fn x_wing() {
    for suite in both(0) {
        for [seed, public, random, ciphertext, shared] in X_WING {
            let (private, random) = (Secret::from(unhex(seed)), Secret::from(unhex(random)));
            let key = suite.kem.public_key(&private).unwrap();
            assert_eq!(sha256(&key).as_slice(), unhex(public));
            let (secret, sealed) = suite.kem.encapsulate(suite.kdf, &key, &random).unwrap();
            assert_eq!(sha256(&sealed).as_slice(), unhex(ciphertext));
            assert_eq!(secret, Secret::from(unhex(shared)));
            let opened = suite.kem.decapsulate(suite.kdf, &private, &sealed);
            assert_eq!(opened.unwrap(), secret);
        }
    }
}

/// One of draft-ietf-hpke-pq's test vectors: base mode, with the first encryption and the first export.
struct Vector {
    ikm_e: &'static str,
    ikm_r: &'static str,
    sk_r: &'static str,
    pk_r: &'static str,
    enc: &'static str,
    shared_secret: &'static str,
    ct: &'static str,
    exported: &'static str,
}

const INFO: &str =
    "34663634363532303666366532303631323034373732363536333639363136653230353537323665";
const PLAINTEXT: &str = "34323635363137353734373932303639373332303734373237353734363832633230373437323735\
                         373436383230363236353631373537343739";

/// MLKEM768-X25519, HKDF-SHA256, `ChaCha20Poly1305`.
const HYBRID: Vector = Vector {
    ikm_e: "2a1c0a3745fe8a48fb62034d300f54dfe1974a5b2e169e580a8789cb1cf5fd19\
            0fc00f3fd899594e01a8b15334b9f3fa03d8de44da86e19f5776850fb689e6c8",
    ikm_r: "b86e76a59fabfc87b30cd7b1f7aaa28a834eb64e7a261c197b9a842893fbce56",
    sk_r: "3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630",
    pk_r: "ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341",
    enc: "95c0a5fca31ea59f29bbc66255ad6637b5a476b3212886af11afdc8930aeb772",
    shared_secret: "58200ed1f137bd95a921bb47f6aaecf2395b26f7fd24efd3a5ffae4849e8dea3",
    ct: "c5c591f99092d5e38df0a52699af249c66f8275a863423c076de8147a53e65cc584041c963b77a7e\
         59ea93841b1339b5efda8909b71f74bb0073ad62e899de310c1566dea2fd29eba377",
    exported: "5a78d37f40e078c17ef43fa40963f1ff7dcdee56e366da9099dc181c3eccaee5",
};

/// ML-KEM-1024, HKDF-SHA384, AES-256-GCM.
const LATTICE: Vector = Vector {
    ikm_e: "0152bf3799ed0803b9ac3e62695c51065fe2cd4a18ff655fb3efe7399c404e19",
    ikm_r: "ece1c121b5cc978bdce5eb8d60e9ff101d65b94379898e800c37f79164a25d03\
            264a357df7cd28214b11e171c94dea2338b736e7dbb6f00a0b1b280ae6ad1ba4",
    sk_r: "c58f733ea1245a7a54723c30dbf0837acdd7e93c188692523b53b132b993a25a\
           f933368a76bbcbf1212e1d34d7128e32c387dc9b04a7ceb0e2b40e1e5769c57d",
    pk_r: "121abb2e70d21f6bead6d5cdf57f9cbc3dc460081b36007054cb01963b6f6140",
    enc: "9cf10683e968ebdf277b15e857d5805783cbb42d9b7cc89c97d5102764e80655",
    shared_secret: "a9f5e349635145bb8a06c0b50b027bef523c5868dd3477a8a92cb5deecc4113b",
    ct: "433d24cb45dba60451bfcdd3fcc9033a55cbcf128f6068a09cc617dee516d02bd1b15d8bb9f8acc7\
         88b29086566124414183c07dfe160d135213dc21b34e7320a19e54d979b2ba3f2d66",
    exported: "ef5dd95b6aceae5c9b29be381b4f374852125b5e6cdabc985ab0f6b808b27eb4",
};

#[test]
fn hpke_with_the_hybrid() {
    // No suite of MLS has this KEM with this KDF and AEAD; the third of RFC 9420 has the latter two.
    let others = [&aws_lc::SUITES[2], &portable::SUITES[2]];
    for (hybrid, other) in both(0).into_iter().zip(others) {
        let Suite { id, kem, .. } = *hybrid;
        check(&Suite { id, kem, ..*other }, &HYBRID);
    }
}

#[test]
fn hpke_with_ml_kem() {
    for suite in both(2) {
        check(suite, &LATTICE);
    }
}

fn check(suite: &Suite, vector: &Vector) {
    let ikm = Secret::from(unhex(vector.ikm_r));
    let keys = suite.derive_kem_key_pair(&ikm).unwrap();
    assert_eq!(keys.private, Secret::from(unhex(vector.sk_r)));
    assert_eq!(sha256(&keys.public).as_slice(), unhex(vector.pk_r));
    let info = suite.hpke_info(&unhex(INFO));
    let plaintext = unhex(PLAINTEXT);
    let mut seed = Given(unhex(vector.ikm_e));
    let sealed = suite
        .hpke_seal(&keys.public, &info, b"Count-0", &plaintext, &mut seed)
        .unwrap();
    let encapsulated = sealed.kem_output.as_slice();
    assert_eq!(sha256(encapsulated).as_slice(), unhex(vector.enc));
    let shared = suite
        .kem
        .decapsulate(suite.kdf, &keys.private, encapsulated);
    assert_eq!(shared.unwrap(), Secret::from(unhex(vector.shared_secret)));
    assert_eq!(sealed.ciphertext.as_slice(), unhex(vector.ct));
    let opened = suite.hpke_open(&keys.private, &info, b"Count-0", &sealed);
    assert_eq!(opened.unwrap().expose(), plaintext);
    let exported = suite.hpke_open_export(&keys.private, encapsulated, &info, b"pseudorandom0", 32);
    assert_eq!(exported.unwrap(), Secret::from(unhex(vector.exported)));
}

/// Key pairs, encapsulations, decapsulations and implicit rejections, 100 each, in one hash: the
/// procedure and the first answer are those of `TestAccumulated` in Go's `crypto/mlkem`; on the second
/// `PQClean`, CIRCL and Go agree.
#[test]
fn ml_kem_accumulated() {
    assert_eq!(
        accumulated::<MlKem768>(1088),
        unhex("1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415")
    );
    assert_eq!(
        accumulated::<MlKem1024>(1568),
        unhex("800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00")
    );
}

fn accumulated<P: ParameterSet>(ciphertext_length: usize) -> Vec<u8> {
    let mut drawn = Shake128::default().finalize_xof();
    let mut accumulator = Shake128::default();
    let mut draw = |length| {
        let mut bytes = vec![0; length];
        drawn.read(&mut bytes);
        bytes
    };
    for _ in 0..100 {
        let private = mlkem::key_gen::<P>(&draw(64)).unwrap();
        let public = mlkem::public_bytes::<P>(&private);
        let (shared, ciphertext) = mlkem::encapsulate::<P>(&public, &draw(32)).unwrap();
        let opened = mlkem::decapsulate::<P>(&private, &ciphertext).unwrap();
        assert_eq!(opened, shared);
        let random = draw(ciphertext_length);
        let rejected = mlkem::decapsulate::<P>(&private, &random).unwrap();
        for part in [&public[..], &ciphertext, shared.expose(), rejected.expose()] {
            accumulator.update(part);
        }
    }
    let mut answer = vec![0; 32];
    accumulator.finalize_xof().read(&mut answer);
    answer
}
