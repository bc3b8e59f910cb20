//! The primitives that Folkmoot uses, as mls-rs asks for them: its own aws-lc provider pins a version of
//! `aws-lc-rs` that is not the product's. As there, the `info` of HPKE is hashed for each recipient.

use crate::primitives::rng;
use folkmoot_crypto::{Crypto, CryptoError, Secret, random_secret};
use mls_rs_core::crypto::{
    CipherSuite, CipherSuiteProvider, CryptoProvider, HpkeCiphertext, HpkeContextR, HpkeContextS,
    HpkePsk, HpkePublicKey, HpkeSecretKey, SignaturePublicKey, SignatureSecretKey,
};
use mls_rs_core::error::IntoAnyError;
use rand_core::Rng;
use zeroize::Zeroizing;

/// One suite.
#[derive(Clone, Copy, Debug)]
pub(super) struct Primitives(pub(super) &'static dyn Crypto);

/// What a primitive said, or that it is not needed here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    #[error("HPKE contexts and pre-shared keys are not measured")]
    NotMeasured,
}

impl IntoAnyError for Error {}

/// External commits would need one.
pub(super) struct Context;

impl HpkeContextS for Context {
    type Error = Error;

    fn seal(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Vec<u8>, Error> {
        Err(Error::NotMeasured)
    }

    fn export(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        Err(Error::NotMeasured)
    }
}

impl HpkeContextR for Context {
    type Error = Error;

    fn open(&mut self, _: Option<&[u8]>, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        Err(Error::NotMeasured)
    }

    fn export(&self, _: &[u8], _: usize) -> Result<Zeroizing<Vec<u8>>, Error> {
        Err(Error::NotMeasured)
    }
}

fn secret(bytes: &[u8]) -> Secret {
    Secret::from(bytes.to_vec())
}

fn exposed(secret: &Secret) -> Zeroizing<Vec<u8>> {
    secret.expose().to_vec().into()
}

impl CryptoProvider for Primitives {
    type CipherSuiteProvider = Self;

    fn supported_cipher_suites(&self) -> Vec<CipherSuite> {
        vec![CipherSuite::new(self.0.suite().0)]
    }

    fn cipher_suite_provider(&self, suite: CipherSuite) -> Option<Self> {
        (suite == self.cipher_suite()).then_some(*self)
    }
}

impl CipherSuiteProvider for Primitives {
    type Error = Error;
    type HpkeContextS = Context;
    type HpkeContextR = Context;

    fn cipher_suite(&self) -> CipherSuite {
        CipherSuite::new(self.0.suite().0)
    }

    fn hash(&self, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.hash(data))
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.mac(key, data))
    }

    fn aead_seal(
        &self,
        key: &[u8],
        data: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let aad = aad.unwrap_or_default();
        Ok(self.0.aead_seal(&secret(key), nonce, aad, data)?)
    }

    fn aead_open(
        &self,
        key: &[u8],
        ciphertext: &[u8],
        aad: Option<&[u8]>,
        nonce: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let aad = aad.unwrap_or_default();
        Ok(self
            .0
            .aead_open(&secret(key), nonce, aad, ciphertext)?
            .into())
    }

    fn aead_key_size(&self) -> usize {
        self.0.aead_key_length()
    }

    fn aead_nonce_size(&self) -> usize {
        self.0.aead_nonce_length()
    }

    fn kdf_extract(&self, salt: &[u8], ikm: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(exposed(&self.0.extract(salt, ikm)))
    }

    fn kdf_expand(
        &self,
        prk: &[u8],
        info: &[u8],
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        Ok(exposed(&self.0.expand(&secret(prk), info, length)?))
    }

    fn kdf_extract_size(&self) -> usize {
        self.0.hash_length()
    }

    fn hpke_seal(
        &self,
        public: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
        plaintext: &[u8],
    ) -> Result<HpkeCiphertext, Error> {
        let (info, aad) = (self.0.hpke_info(info), aad.unwrap_or_default());
        let sealed = self
            .0
            .hpke_seal(public, &info, aad, plaintext, &mut rng())?;
        Ok(HpkeCiphertext {
            kem_output: sealed.kem_output.into(),
            ciphertext: sealed.ciphertext.into(),
        })
    }

    fn hpke_seal_psk(
        &self,
        _: &HpkePublicKey,
        _: &[u8],
        _: Option<&[u8]>,
        _: &[u8],
        _: HpkePsk<'_>,
    ) -> Result<HpkeCiphertext, Error> {
        Err(Error::NotMeasured)
    }

    fn hpke_open(
        &self,
        sealed: &HpkeCiphertext,
        private: &HpkeSecretKey,
        _: &HpkePublicKey,
        info: &[u8],
        aad: Option<&[u8]>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let (info, aad) = (self.0.hpke_info(info), aad.unwrap_or_default());
        let sealed = folkmoot_crypto::HpkeCiphertext {
            kem_output: sealed.kem_output.as_slice().into(),
            ciphertext: sealed.ciphertext.as_slice().into(),
        };
        Ok(exposed(&self.0.hpke_open(
            &secret(private),
            &info,
            aad,
            &sealed,
        )?))
    }

    fn hpke_open_psk(
        &self,
        _: &HpkeCiphertext,
        _: &HpkeSecretKey,
        _: &HpkePublicKey,
        _: &[u8],
        _: Option<&[u8]>,
        _: HpkePsk<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        Err(Error::NotMeasured)
    }

    fn hpke_setup_s(&self, _: &HpkePublicKey, _: &[u8]) -> Result<(Vec<u8>, Context), Error> {
        Err(Error::NotMeasured)
    }

    fn hpke_setup_r(
        &self,
        _: &[u8],
        _: &HpkeSecretKey,
        _: &HpkePublicKey,
        _: &[u8],
    ) -> Result<Context, Error> {
        Err(Error::NotMeasured)
    }

    fn kem_derive(&self, ikm: &[u8]) -> Result<(HpkeSecretKey, HpkePublicKey), Error> {
        let keys = self.0.derive_kem_key_pair(&secret(ikm))?;
        Ok((keys.private.expose().to_vec().into(), keys.public.into()))
    }

    fn kem_generate(&self) -> Result<(HpkeSecretKey, HpkePublicKey), Error> {
        let ikm = random_secret(&mut rng(), self.0.hash_length());
        self.kem_derive(ikm.expose())
    }

    fn kem_public_key_validate(&self, key: &HpkePublicKey) -> Result<(), Error> {
        Ok(self.0.check_kem_public_key(key)?)
    }

    fn random_bytes(&self, out: &mut [u8]) -> Result<(), Error> {
        rng().fill_bytes(out);
        Ok(())
    }

    fn signature_key_generate(&self) -> Result<(SignatureSecretKey, SignaturePublicKey), Error> {
        let keys = self.0.generate_signature_key_pair(&mut rng())?;
        Ok((keys.private.expose().to_vec().into(), keys.public.into()))
    }

    fn signature_key_derive_public(
        &self,
        private: &SignatureSecretKey,
    ) -> Result<SignaturePublicKey, Error> {
        Ok(self.0.signature_public_key(&secret(private))?.into())
    }

    fn sign(&self, private: &SignatureSecretKey, data: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(&secret(private), data)?)
    }

    fn verify(
        &self,
        public: &SignaturePublicKey,
        signature: &[u8],
        data: &[u8],
    ) -> Result<(), Error> {
        Ok(self.0.verify(public, data, signature)?)
    }
}
