//! Keys that are none.

use crate::kit::{each, rng, secret, unhex};
use folkmoot_crypto::{
    CipherSuite, Crypto, CryptoError, HpkeCiphertext, PostQuantumCodePoints, Secret,
};

/// First byte of an uncompressed point; only the P curves' public keys start with it by rule.
const UNCOMPRESSED: u8 = 4;

/// Whether the keys of the suite's KEM are on a P curve.
fn agrees_on_a_p_curve(crypto: &dyn Crypto) -> bool {
    matches!(crypto.suite().0, 2 | 5 | 7)
}

fn signs_with_ed25519(crypto: &dyn Crypto) -> bool {
    let PostQuantumCodePoints {
        mlkem768x25519_aes128gcm_sha256_ed25519: one,
        mlkem768x25519_aes256gcm_sha384_ed25519: other,
        ..
    } = PostQuantumCodePoints::DEFAULT;
    [CipherSuite(1), CipherSuite(3), one, other].contains(&crypto.suite())
}

/// Whether the suite's signature keys are on a P curve.
fn signs_on_a_p_curve(crypto: &dyn Crypto) -> bool {
    agrees_on_a_p_curve(crypto) || {
        crypto.suite() == PostQuantumCodePoints::DEFAULT.mlkem1024_aes256gcm_sha384_p384
    }
}

/// Refused by every operation that takes a KEM public key.
pub(crate) fn assert_no_kem_key(crypto: &dyn Crypto, public: &[u8]) {
    let refused = CryptoError::InvalidKey;
    assert_eq!(crypto.check_kem_public_key(public), Err(refused));
    let info = crypto.hpke_info(b"");
    let sealed = crypto.hpke_seal(public, &info, b"", b"", &mut rng());
    assert_eq!(sealed.unwrap_err(), refused);
    let sent = crypto.hpke_setup_base_export(public, &info, b"", 32, &mut rng());
    assert_eq!(sent.unwrap_err(), refused);
}

/// Refused by every operation that takes an encapsulated key.
pub(crate) fn assert_no_kem_output(crypto: &dyn Crypto, public: &[u8]) {
    let refused = CryptoError::InvalidKey;
    let info = crypto.hpke_info(b"");
    let keys = crypto.derive_kem_key_pair(&secret(32)).unwrap();
    let sealed = HpkeCiphertext {
        kem_output: public.into(),
        ciphertext: vec![0; 16].into(),
    };
    let opened = crypto.hpke_open(&keys.private, &info, b"", &sealed);
    assert_eq!(opened.unwrap_err(), refused);
    let received = crypto.hpke_open_export(&keys.private, public, &info, b"", 32);
    assert_eq!(received.unwrap_err(), refused);
}

fn assert_no_signature_key(crypto: &dyn Crypto, public: &[u8]) {
    let refused = Err(CryptoError::InvalidKey);
    assert_eq!(crypto.check_signature_public_key(public), refused);
    assert_eq!(crypto.verify(public, b"message", &[0; 64]), refused);
}

/// Public keys that are not written as the suite writes them.
pub(crate) fn badly_written(public: &[u8]) -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        public[1..].to_vec(),
        public[..public.len() - 1].to_vec(),
        [public, &[0]].concat(),
    ]
}

/// Points of the P curves in other forms, and off the curve.
fn bad_points(public: &[u8]) -> Vec<Vec<u8>> {
    let half = public.len() / 2;
    let changed = |place: usize, byte: u8| {
        let mut bytes = public.to_vec();
        bytes[place] = byte;
        bytes
    };
    let parity = public[public.len() - 1] & 1;
    // Infinity, no form at all, hybrid, compressed, not on the curve thrice, and beyond the field.
    vec![
        vec![0],
        changed(0, 0),
        changed(0, 6 + parity),
        [&[2 + parity], &public[1..=half]].concat(),
        changed(public.len() - 1, public[public.len() - 1] ^ 1),
        changed(half, public[half] ^ 1),
        [[UNCOMPRESSED].as_slice(), &vec![0; 2 * half]].concat(),
        [[UNCOMPRESSED].as_slice(), &vec![0xff; 2 * half]].concat(),
    ]
}

#[test]
fn public_keys_that_are_none() {
    each(|crypto| {
        let kem = crypto.derive_kem_key_pair(&secret(32)).unwrap().public;
        let signature = crypto
            .generate_signature_key_pair(&mut rng())
            .unwrap()
            .public;
        assert_eq!(crypto.check_kem_public_key(&kem), Ok(()));
        assert_eq!(crypto.check_signature_public_key(&signature), Ok(()));
        let mut bad = badly_written(&kem);
        let mut bad_signature = badly_written(&signature);
        if agrees_on_a_p_curve(crypto) {
            bad.extend(bad_points(&kem));
        }
        if signs_on_a_p_curve(crypto) {
            bad_signature.extend(bad_points(&signature));
        }
        for public in bad {
            assert_no_kem_key(crypto, &public);
            assert_no_kem_output(crypto, &public);
        }
        for public in bad_signature {
            assert_no_signature_key(crypto, &public);
        }
    });
}

/// RFC 9180 §7.1.4: points of small order on Curve25519 and Curve448, however written.
#[test]
fn an_agreement_on_zero() {
    each(|crypto| {
        let points = match crypto.suite().0 {
            1 | 3 => low_order_x25519(),
            4 | 6 => low_order_x448(),
            _ => return,
        };
        for point in points {
            assert_no_kem_key(crypto, &point);
            assert_no_kem_output(crypto, &point);
        }
    });
}

pub(crate) fn low_order_x25519() -> Vec<Vec<u8>> {
    let small = |u: u8| [&[u], &[0; 31][..]].concat();
    let around_p = |u: u8| [&[u], &[0xff; 30][..], &[0x7f]].concat();
    let order_8 = [
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    ];
    let mut points = vec![small(0), small(1)];
    points.extend([0xec, 0xed, 0xee].map(around_p));
    points.extend(order_8.map(unhex));
    let marked: Vec<_> = points
        .iter()
        .map(|point| {
            let mut point = point.clone();
            point[31] |= 0x80;
            point
        })
        .collect();
    points.extend(marked);
    points
}

fn low_order_x448() -> Vec<Vec<u8>> {
    let small = |u: u8| [&[u], &[0; 55][..]].concat();
    let around_p = |u: u8| [&[u], &[0xff; 27][..], &[0xfe], &[0xff; 27]].concat();
    let beyond_p = [[0; 28], [0xff; 28]].concat();
    vec![small(0), small(1), around_p(0xfe), around_p(0xff), beyond_p]
}

/// RFC 8032 §5.1.3: 2^255 - 19 is zero, written as no one may write it.
#[test]
fn an_ed25519_key_that_is_not_canonical() {
    each(|crypto| {
        if !signs_with_ed25519(crypto) {
            return;
        }
        let mut public = [0xff; 32];
        (public[0], public[31]) = (0xed, 0x7f);
        assert_no_signature_key(crypto, &public);
    });
}

/// A signature has one encoding: DER for ECDSA (RFC 9420 §5.1.2), S below the order for Ed25519
/// (RFC 8032 §5.1.7).
#[test]
fn the_same_signature_written_otherwise() {
    each(|crypto| {
        let keys = crypto.generate_signature_key_pair(&mut rng()).unwrap();
        let signature = crypto.sign(&keys.private, b"message").unwrap();
        let others = match crypto {
            ed25519 if signs_with_ed25519(ed25519) => vec![with_order_added(&signature)],
            ecdsa if signs_on_a_p_curve(ecdsa) => not_der(&signature),
            _ => return,
        };
        for other in others {
            assert_eq!(
                crypto.verify(&keys.public, b"message", &other),
                Err(CryptoError::InvalidSignature),
                "{other:02x?}"
            );
        }
    });
}

/// The same S modulo the order of Ed25519's base point.
fn with_order_added(signature: &[u8]) -> Vec<u8> {
    let order = unhex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut other = signature.to_vec();
    let mut carry = 0;
    for (byte, order) in other[32..].iter_mut().zip(order) {
        let [high, low] = (u16::from(*byte) + u16::from(order) + carry).to_be_bytes();
        (carry, *byte) = (high.into(), low);
    }
    other
}

/// Encodings of the same two integers that BER allows and DER does not.
fn not_der(signature: &[u8]) -> Vec<Vec<u8>> {
    let length = u8::try_from(signature.len()).unwrap();
    // SEQUENCE and its length, in P-521's signatures of two bytes.
    let header = if signature[1] == 0x81 { 3 } else { 2 };
    let content = &signature[header..];
    let padded = [&[0x02, content[1] + 1, 0], &content[2..]].concat();
    let sequence = |length: &[u8], content: &[u8]| [&[0x30], length, content].concat();
    let short = length - u8::try_from(header).unwrap();
    let longer_form: &[u8] = match header {
        2 => &[0x81, short],
        _ => &[0x82, 0, short],
    };
    let plus_one: &[u8] = match header {
        2 => &[short + 1],
        _ => &[0x81, short + 1],
    };
    vec![
        sequence(longer_form, content),
        sequence(plus_one, &padded),
        sequence(plus_one, &[content, &[0]].concat()),
        sequence(&[0x80], &[content, &[0, 0]].concat()),
    ]
}

/// Private keys are below the order of the curve, not zero, and no longer than they may be.
#[test]
fn private_keys_that_are_none() {
    each(|crypto| {
        let kem = crypto.derive_kem_key_pair(&secret(32)).unwrap().private;
        let signature = crypto
            .generate_signature_key_pair(&mut rng())
            .unwrap()
            .private;
        let mut bad = vec![Vec::new(), vec![1; kem.len() + 1]];
        let mut bad_signature = vec![Vec::new(), vec![1; signature.len() + 1]];
        let numbers = |length| [vec![0; length], vec![0], vec![0xff; length]];
        if agrees_on_a_p_curve(crypto) {
            bad.extend(numbers(kem.len()));
        } else {
            bad.push(vec![1; kem.len() - 1]);
        }
        if signs_on_a_p_curve(crypto) {
            bad_signature.extend(numbers(signature.len()));
        } else {
            bad_signature.push(vec![1; signature.len() - 1]);
        }
        let refused = CryptoError::InvalidKey;
        for private in bad.into_iter().map(Secret::from) {
            assert_eq!(crypto.kem_public_key(&private).unwrap_err(), refused);
        }
        for private in bad_signature.into_iter().map(Secret::from) {
            assert_eq!(crypto.signature_public_key(&private).unwrap_err(), refused);
            assert_eq!(crypto.sign(&private, b"").unwrap_err(), refused);
        }
    });
}

/// Other implementations write scalars as integers, without leading zeros.
#[test]
fn scalars_without_leading_zeros() {
    each(|crypto| {
        if !agrees_on_a_p_curve(crypto) {
            return;
        }
        let length = crypto
            .derive_kem_key_pair(&secret(32))
            .unwrap()
            .private
            .len();
        let short = secret(length - 3);
        let whole = Secret::from([&[0; 3], short.expose()].concat());
        let public = crypto.kem_public_key(&short).unwrap();
        assert_eq!(public, crypto.kem_public_key(&whole).unwrap());
        let public = crypto.signature_public_key(&short).unwrap();
        assert_eq!(public, crypto.signature_public_key(&whole).unwrap());
        let signature = crypto.sign(&short, b"message").unwrap();
        assert_eq!(crypto.verify(&public, b"message", &signature), Ok(()));
    });
}

#[test]
fn a_short_hpke_ciphertext() {
    each(|crypto| {
        let keys = crypto.derive_kem_key_pair(&secret(32)).unwrap();
        let info = crypto.hpke_info(b"");
        let sealed = crypto.hpke_seal(&keys.public, &info, b"", b"", &mut rng());
        let sealed = HpkeCiphertext {
            kem_output: sealed.unwrap().kem_output,
            ciphertext: vec![1].into(),
        };
        let opened = crypto.hpke_open(&keys.private, &info, b"", &sealed);
        assert_eq!(opened.unwrap_err(), CryptoError::InvalidCiphertext);
    });
}
