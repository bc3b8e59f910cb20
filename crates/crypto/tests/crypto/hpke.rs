//! HPKE against Appendix A of RFC 9180, in both directions.

use crate::kit::{Given, each, each_of, rng, secret, unhex};
use folkmoot_crypto::{CipherSuite, Crypto, CryptoError, HpkeCiphertext, HpkePsk, Secret};

const INFO: &str = "4f6465206f6e2061204772656369616e2055726e";
const AAD: &[u8] = b"Count-0";
const PLAINTEXT: &[u8] = b"Beauty is truth, truth beauty";

/// The base mode of one section: the first encryption.
struct Vector {
    suite: CipherSuite,
    ikm_e: &'static str,
    ikm_r: &'static str,
    sk_r: &'static str,
    pk_r: &'static str,
    enc: &'static str,
    ct: &'static str,
    /// For the exporter contexts in [`CONTEXTS`].
    exported: [&'static str; 3],
}

const CONTEXTS: [&[u8]; 3] = [b"", b"\0", b"TestContext"];

/// A.1, A.2, A.3 and A.6: those that a suite of MLS uses.
const VECTORS: [Vector; 4] = [
    Vector {
        suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        ikm_e: "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
        ikm_r: "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
        sk_r: "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
        pk_r: "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
        enc: "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
        ct: "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9\
             6d8770ac83d07bea87e13c512a",
        exported: [
            "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee",
            "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5",
            "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931",
        ],
    },
    Vector {
        suite: CipherSuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_ED25519,
        ikm_e: "909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b",
        ikm_r: "1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df",
        sk_r: "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb",
        pk_r: "4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a",
        enc: "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        ct: "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db\
             21993c62ce81883d2dd1b51a28",
        exported: [
            "4bbd6243b8bb54cec311fac9df81841b6fd61f56538a775e7c80a9f40160606e",
            "8c1df14732580e5501b00f82b10a1647b40713191b7c1240ac80e2b68808ba69",
            "5acb09211139c43b3090489a9da433e8a30ee7188ba8b0a9a1ccf0c229283e53",
        ],
    },
    Vector {
        suite: CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        ikm_e: "4270e54ffd08d79d5928020af4686d8f6b7d35dbe470265f1f5aa22816ce860e",
        ikm_r: "668b37171f1072f3cf12ea8a236a45df23fc13b82af3609ad1e354f6ef817550",
        sk_r: "f3ce7fdae57e1a310d87f1ebbde6f328be0a99cdbcadf4d6589cf29de4b8ffd2",
        pk_r: "04fe8c19ce0905191ebc298a9245792531f26f0cece2460639e8bc39cb7f706a82\
               6a779b4cf969b8a0e539c7f62fb3d30ad6aa8f80e30f1d128aafd68a2ce72ea0",
        enc: "04a92719c6195d5085104f469a8b9814d5838ff72b60501e2c4466e5e67b325ac9\
              8536d7b61a1af4b78e5b7f951c0900be863c403ce65c9bfcb9382657222d18c4",
        ct: "5ad590bb8baa577f8619db35a36311226a896e7342a6d836d8b7bcd2f20b6c7f\
             9076ac232e3ab2523f39513434",
        exported: [
            "5e9bc3d236e1911d95e65b576a8a86d478fb827e8bdfe77b741b289890490d4d",
            "6cff87658931bda83dc857e6353efe4987a201b849658d9b047aab4cf216e796",
            "d8f1ea7942adbba7412c6d431c62d01371ea476b823eb697e1f6e6cae1dab85a",
        ],
    },
    Vector {
        suite: CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
        ikm_e: "7f06ab8215105fc46aceeb2e3dc5028b44364f960426eb0d8e4026c2f8b5d7e7\
                a986688f1591abf5ab753c357a5d6f0440414b4ed4ede71317772ac98d9239f70904",
        ikm_r: "2ad954bbe39b7122529f7dde780bff626cd97f850d0784a432784e69d86eccaa\
                de43b6c10a8ffdb94bf943c6da479db137914ec835a7e715e36e45e29b587bab3bf1",
        sk_r: "01462680369ae375e4b3791070a7458ed527842f6a98a79ff5e0d4cbde83c271\
               96a3916956655523a6a2556a7af62c5cadabe2ef9da3760bb21e005202f7b2462847",
        pk_r: "0401b45498c1714e2dce167d3caf162e45e0642afc7ed435df7902ccae0e84ba0f\
               7d373f646b7738bbbdca11ed91bdeae3cdcba3301f2457be452f271fa6837580e6\
               61012af49583a62e48d44bed350c7118c0d8dc861c238c72a2bda17f64704f464b\
               57338e7f40b60959480c0e58e6559b190d81663ed816e523b6b6a418f66d2451ec64",
        enc: "040138b385ca16bb0d5fa0c0665fbbd7e69e3ee29f63991d3e9b5fa740aab8900a\
              aeed46ed73a49055758425a0ce36507c54b29cc5b85a5cee6bae0cf1c21f2731ec\
              e2013dc3fb7c8d21654bb161b463962ca19e8c654ff24c94dd2898de12051f1ed0\
              692237fb02b2f8d1dc1c73e9b366b529eb436e98a996ee522aef863dd5739d2f29b0",
        ct: "170f8beddfe949b75ef9c387e201baf4132fa7374593dfafa90768788b7b2b20\
             0aafcc6d80ea4c795a7c5b841a",
        exported: [
            "05e2e5bd9f0c30832b80a279ff211cc65eceb0d97001524085d609ead60d0412",
            "fca69744bb537f5b7a1596dbf34eaa8d84bf2e3ee7f1a155d41bd3624aa92b63",
            "f389beaac6fcf6c0d9376e20f97e364f0609a88f1bc76d7328e9104df8477013",
        ],
    },
];

#[test]
fn the_vectors_of_rfc_9180() {
    for vector in VECTORS {
        each_of(vector.suite, |crypto| check(crypto, &vector));
    }
}

fn check(crypto: &dyn Crypto, vector: &Vector) {
    let keys = crypto
        .derive_kem_key_pair(&Secret::from(unhex(vector.ikm_r)))
        .unwrap();
    assert_eq!(keys.private, Secret::from(unhex(vector.sk_r)));
    assert_eq!(keys.public, unhex(vector.pk_r));
    assert_eq!(crypto.kem_public_key(&keys.private).unwrap(), keys.public);
    let info = crypto.hpke_info(&unhex(INFO));
    let mut ephemeral = Given(unhex(vector.ikm_e));
    let sealed = crypto
        .hpke_seal(&keys.public, &info, AAD, PLAINTEXT, &mut ephemeral)
        .unwrap();
    assert_eq!(sealed.kem_output.as_slice(), unhex(vector.enc));
    assert_eq!(sealed.ciphertext.as_slice(), unhex(vector.ct));
    let opened = crypto
        .hpke_open(&keys.private, &info, AAD, &sealed)
        .unwrap();
    assert_eq!(opened.expose(), PLAINTEXT);
    for (context, expected) in CONTEXTS.into_iter().zip(vector.exported) {
        let expected = Secret::from(unhex(expected));
        let mut ephemeral = Given(unhex(vector.ikm_e));
        let sent = crypto.hpke_setup_base_export(&keys.public, &info, context, 32, &mut ephemeral);
        assert_eq!(sent.unwrap(), (unhex(vector.enc), expected.clone()));
        let received =
            crypto.hpke_open_export(&keys.private, &unhex(vector.enc), &info, context, 32);
        assert_eq!(received.unwrap(), expected);
    }
}

/// RFC 9180 §5.3: up to 255 times the hash length, bound to key, info and exporter context.
#[test]
fn an_export_is_bound_to_all_that_it_depends_on() {
    each(|crypto| {
        let length = crypto.hash_length();
        let [keys, others] = [(); 2].map(|()| crypto.derive_kem_key_pair(&secret(length)).unwrap());
        let [info, other_info] = [b"info", b"oinf"].map(|info| crypto.hpke_info(info));
        let (kem_output, exported) = crypto
            .hpke_setup_base_export(&keys.public, &info, b"context", length, &mut rng())
            .unwrap();
        assert_eq!(exported.len(), length);
        let receive = |private, kem_output: &[u8], info, context: &[u8], length| {
            crypto.hpke_open_export(private, kem_output, info, context, length)
        };
        let private = &keys.private;
        let (other_output, _) = crypto
            .hpke_setup_base_export(&others.public, &info, b"context", length, &mut rng())
            .unwrap();
        let same = receive(private, &kem_output, &info, b"context", length).unwrap();
        assert_eq!(same, exported);
        for other in [
            receive(&others.private, &kem_output, &info, b"context", length),
            receive(private, &other_output, &info, b"context", length),
            receive(private, &kem_output, &other_info, b"context", length),
            receive(private, &kem_output, &info, b"contest", length),
        ] {
            assert_ne!(other.unwrap(), exported);
        }
        let most = 255 * length;
        let longest = receive(private, &kem_output, &info, b"", most).unwrap();
        assert_eq!(longest.len(), most);
        for too_long in [most + 1, 1 << 16] {
            let refused = receive(private, &kem_output, &info, b"", too_long).unwrap_err();
            assert_eq!(refused, CryptoError::InvalidLength);
        }
        let refused = receive(private, &kem_output[1..], &info, b"context", length).unwrap_err();
        assert_eq!(refused, CryptoError::InvalidKey);
    });
}

#[test]
fn only_the_recipient_opens_and_only_what_was_sealed() {
    each(|crypto| {
        let length = crypto.hash_length();
        let [keys, others] = [(); 2].map(|()| crypto.derive_kem_key_pair(&secret(length)).unwrap());
        let [info, other_info] = [b"info", b"oinf"].map(|info| crypto.hpke_info(info));
        let sealed = crypto
            .hpke_seal(&keys.public, &info, AAD, PLAINTEXT, &mut rng())
            .unwrap();
        let opens = |private, info, aad, sealed: &HpkeCiphertext| {
            let opened = crypto.hpke_open(private, info, aad, sealed);
            opened.is_ok_and(|plaintext| plaintext.expose() == PLAINTEXT)
        };
        assert!(opens(&keys.private, &info, AAD, &sealed));
        assert!(!opens(&others.private, &info, AAD, &sealed));
        assert!(!opens(&keys.private, &other_info, AAD, &sealed));
        assert!(!opens(&keys.private, &info, b"", &sealed));
        let mut bytes: Vec<u8> = sealed.ciphertext.clone().into();
        bytes[0] ^= 1;
        let altered = HpkeCiphertext {
            kem_output: sealed.kem_output.clone(),
            ciphertext: bytes.into(),
        };
        assert!(!opens(&keys.private, &info, AAD, &altered));
        let other = crypto
            .hpke_seal(&others.public, &info, AAD, PLAINTEXT, &mut rng())
            .unwrap();
        let altered = HpkeCiphertext {
            kem_output: other.kem_output,
            ciphertext: sealed.ciphertext.clone(),
        };
        assert!(!opens(&keys.private, &info, AAD, &altered));
    });
}

/// A.1.2, the first encryption: both ends come to its key and nonce.
#[test]
fn the_psk_mode_of_rfc_9180() {
    fn named<'a>(psk: &'a Secret, id: &'a [u8]) -> HpkePsk<'a> {
        HpkePsk { psk, id }
    }
    const IKM_E: &str = "78628c354e46f3e169bd231be7b2ff1c77aa302460a26dbfa15515684c00130b";
    const SK_R: &str = "c5eb01eb457fe6c6f57577c5413b931550a162c71a03ac8d196babbd4e5ce0fd";
    const PK_R: &str = "9fed7e8c17387560e92cc6462a68049657246a09bfa8ade7aefe589672016366";
    const ENC: &str = "0ad0950d9fb9588e59690b74f1237ecdf1d775cd60be2eca57af5a4b0471c91b";
    const PSK: &str = "0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82";
    const KEY: &str = "15026dba546e3ae05836fc7de5a7bb26";
    const NONCE: &str = "9518635eba129d5ce0914555";
    let suite = CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519;
    let psk = Secret::from(unhex(PSK));
    let id = b"Ennyn Durin aran Moria";
    each_of(suite, |crypto| {
        let (info, private) = (unhex(INFO), Secret::from(unhex(SK_R)));
        let mut ephemeral = Given(unhex(IKM_E));
        let sent = crypto.hpke_setup_psk(&unhex(PK_R), &info, named(&psk, id), &mut ephemeral);
        let (kem_output, sent) = sent.unwrap();
        assert_eq!(kem_output, unhex(ENC));
        let received = crypto.hpke_receive_psk(&private, &kem_output, &info, named(&psk, id));
        for key in [sent, received.unwrap()] {
            assert_eq!(key.key, Secret::from(unhex(KEY)));
            assert_eq!(key.nonce, Secret::from(unhex(NONCE)));
        }
        let other = Secret::from(vec![7; 32]);
        for (psk, id) in [(&other, &id[..]), (&psk, b"another name")] {
            let received = crypto.hpke_receive_psk(&private, &kem_output, &info, named(psk, id));
            assert_ne!(received.unwrap().key, Secret::from(unhex(KEY)));
        }
        // RFC 9180 §5.1 and §9.5: both are there, and the key is as long as a hash at least.
        let short = Secret::from(vec![7; 31]);
        for (psk, id) in [(&short, &id[..]), (&psk, b"")] {
            let received = crypto.hpke_receive_psk(&private, &kem_output, &info, named(psk, id));
            assert_eq!(received.unwrap_err(), CryptoError::InvalidLength);
        }
    });
}
