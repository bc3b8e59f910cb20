//! Signatures against their RFCs.

use crate::kit::{each, each_of, rng, unhex};
use folkmoot_crypto::{CipherSuite, CryptoError, Provider, Secret};

struct Vector {
    suite: CipherSuite,
    private: &'static str,
    public: &'static str,
    message: &'static [u8],
    signature: &'static str,
}

/// RFC 8032 §7.1 (TEST 2) and RFC 6979 A.2.5 to A.2.7 ("sample"); the scalar of P-521 without its leading zeros.
const VECTORS: [Vector; 4] = [
    Vector {
        suite: CipherSuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_ED25519,
        private: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        public: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        message: &[0x72],
        signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                    085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    },
    Vector {
        suite: CipherSuite::MLS_128_DHKEMP256_AES128GCM_SHA256_P256,
        private: "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721",
        public: "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
                 7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        message: b"sample",
        signature: "3046022100efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea8\
                    4eaf3716022100f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4\
                    ab2f843acda8",
    },
    Vector {
        suite: CipherSuite::MLS_256_DHKEMP384_AES256GCM_SHA384_P384,
        private: "6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d8\
                  96d5724e4c70a825f872c9ea60d2edf5",
        public: "04ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64\
                 def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c6218967\
                 08a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
        message: b"sample",
        signature: "306602310094edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea\
                    95ad133c81a648152e44acf96e36dd1e80fabe4602310099ef4aeb15f178cea1fe\
                    40db2603138f130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c7\
                    1a38628ac8",
    },
    Vector {
        suite: CipherSuite::MLS_256_DHKEMP521_AES256GCM_SHA512_P521,
        private: "fad06daa62ba3b25d2fb40133da757205de67f5bb0018fee8c86e1b68c7e75ca\
                  a896eb32f1f47c70855836a6d16fcc1466f6d8fbec67db89ec0c08b0e996b83538",
        public: "0401894550d0785932e00eaa23b694f213f8c3121f86dc97a04e5a7167db4e5bcd\
                 371123d46e45db6b5d5370a7f20fb633155d38ffa16d2bd761dcac474b9a2f5023\
                 a400493101c962cd4d2fddf782285e64584139c2f91b47f87ff82354d6630f746a\
                 28a0db25741b5b34a828008b22acc23f924faafbd4d33f81ea66956dfeaa2bfdfcf5",
        message: b"sample",
        signature: "308187024200c328fafcbd79dd77850370c46325d987cb525569fb63c5d3bc5395\
                    0e6d4c5f174e25a1ee9017b5d450606add152b534931d7d4e8455cc91f9b15bf05\
                    ec36e377fa0241617cce7cf5064806c467f678d3b4080d6f1cc50af26ca2094173\
                    08281b68af282623eaa63e5b5c0723d8b8c37ff0777b1a20f8ccb1dccc43997f1e\
                    e0e44da4a67a",
    },
];

/// RFC 8032 §7.4, "1 octet".
#[cfg(feature = "openssl")]
#[test]
fn ed448_signs_as_published() {
    let private = "c4eab05d357007c632f3dbb48489924d552b08fe0c353a0d4a1f00acda2c463a\
                   fbea67c5e8d2877c5e3bc397a659949ef8021e954e0a12274e";
    let public = "43ba28f430cdff456ae531545f7ecd0ac834a55d9358c0372bfa0c6c6798c086\
                  6aea01eb00742802b8438ea4cb82169c235160627b4c3a9480";
    let signature = "26b8f91727bd62897af15e41eb43c377efb9c610d48f2335cb0bd0087810f435\
                     2541b143c4b981b7e18f62de8ccdf633fc1bf037ab7cd779805e0dbcc0aae1cb\
                     cee1afb2e027df36bc04dcecbf154336c19f0af7e0a6472905e799f1953d2a0f\
                     f3348ab21aa4adafd1d234441cf807c03a00";
    for suite in Provider::OpenSsl.supported() {
        let crypto = Provider::OpenSsl.suite(suite).unwrap();
        let private = Secret::from(unhex(private));
        assert_eq!(
            crypto.signature_public_key(&private).unwrap(),
            unhex(public)
        );
        assert_eq!(crypto.sign(&private, &[3]).unwrap(), unhex(signature));
        assert_eq!(
            crypto.verify(&unhex(public), &[3], &unhex(signature)),
            Ok(())
        );
    }
}

#[test]
fn published_signatures_verify_and_their_keys_sign() {
    for vector in VECTORS {
        each_of(vector.suite, |crypto| {
            let private = Secret::from(unhex(vector.private));
            let public = crypto.signature_public_key(&private).unwrap();
            assert_eq!(public, unhex(vector.public));
            let verify = |signature: &[u8]| crypto.verify(&public, vector.message, signature);
            assert_eq!(verify(&unhex(vector.signature)), Ok(()));
            let own = crypto.sign(&private, vector.message).unwrap();
            assert_eq!(verify(&own), Ok(()));
        });
    }
}

#[test]
fn the_portable_provider_signs_as_published() {
    for vector in VECTORS {
        let crypto = Provider::Portable.suite(vector.suite).unwrap();
        let private = Secret::from(unhex(vector.private));
        let signature = crypto.sign(&private, vector.message).unwrap();
        assert_eq!(signature, unhex(vector.signature), "{:?}", vector.suite);
    }
}

#[test]
fn a_signature_is_bound_to_key_and_message() {
    each(|crypto| {
        let [keys, others] =
            [(); 2].map(|()| crypto.generate_signature_key_pair(&mut rng()).unwrap());
        assert_eq!(
            crypto.signature_public_key(&keys.private).unwrap(),
            keys.public
        );
        assert_eq!(crypto.check_signature_public_key(&keys.public), Ok(()));
        let signature = crypto.sign(&keys.private, b"message").unwrap();
        let verify = |public: &[u8], message: &[u8], signature: &[u8]| {
            crypto.verify(public, message, signature)
        };
        assert_eq!(verify(&keys.public, b"message", &signature), Ok(()));
        let refused = Err(CryptoError::InvalidSignature);
        assert_eq!(verify(&others.public, b"message", &signature), refused);
        assert_eq!(verify(&keys.public, b"massage", &signature), refused);
        assert_eq!(verify(&keys.public, b"message", &signature[1..]), refused);
        assert_eq!(verify(&keys.public, b"message", b""), refused);
        let longer = [signature.as_slice(), &[0]].concat();
        assert_eq!(verify(&keys.public, b"message", &longer), refused);
        let mut altered = signature.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert_eq!(verify(&keys.public, b"message", &altered), refused);
    });
}
