//! Diffie-Hellman of `RustCrypto` and dalek.

use crate::hpke::{DhKem, Hybrid};
use crate::primitives::Curve;
use crate::{CryptoError, Secret};
use core::fmt;
use core::marker::PhantomData;
use p256::NistP256;
use p256::elliptic_curve::sec1::{FromSec1Point, ModulusSize, ToSec1Point};
use p256::elliptic_curve::{AffinePoint, CurveArithmetic, FieldBytesSize, PublicKey, SecretKey};
use p384::NistP384;
use p521::NistP521;
use x25519_dalek::StaticSecret;

pub(super) static X25519: DhKem<Montgomery> = DhKem::x25519(Montgomery);
pub(super) static MLKEM768_X25519: Hybrid<Montgomery> = Hybrid::new(Montgomery);
pub(super) static P256: DhKem<Nist<NistP256>> = DhKem::p256(Nist::new());
pub(super) static P384: DhKem<Nist<NistP384>> = DhKem::p384(Nist::new());
pub(super) static P521: DhKem<Nist<NistP521>> = DhKem::p521(Nist::new());

/// Curve25519.
#[derive(Debug)]
pub(super) struct Montgomery;

fn x25519_key(bytes: &[u8]) -> Result<[u8; 32], CryptoError> {
    bytes.try_into().map_err(|_| CryptoError::InvalidKey)
}

impl Curve for Montgomery {
    type Private = StaticSecret;

    fn private_key(&self, private: &Secret) -> Result<StaticSecret, CryptoError> {
        Ok(StaticSecret::from(x25519_key(private.expose())?))
    }

    fn public_key(&self, private: &StaticSecret) -> Result<Vec<u8>, CryptoError> {
        Ok(x25519_dalek::PublicKey::from(private).as_bytes().to_vec())
    }

    fn agree(&self, private: &StaticSecret, public: &[u8]) -> Result<Secret, CryptoError> {
        let public = x25519_dalek::PublicKey::from(x25519_key(public)?);
        let shared = private.diffie_hellman(&public);
        Ok(Secret::from(shared.as_bytes().as_slice()))
    }

    fn check_point(&self, _public: &[u8]) -> Result<(), CryptoError> {
        Ok(())
    }
}

/// A curve of NIST's.
pub(super) struct Nist<C>(PhantomData<fn() -> C>);

impl<C> Nist<C> {
    const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<C: fmt::Debug + Default> fmt::Debug for Nist<C> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        C::default().fmt(formatter)
    }
}

impl<C> Curve for Nist<C>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    type Private = SecretKey<C>;

    fn private_key(&self, private: &Secret) -> Result<SecretKey<C>, CryptoError> {
        SecretKey::from_slice(private.expose()).map_err(|_| CryptoError::InvalidKey)
    }

    fn public_key(&self, private: &SecretKey<C>) -> Result<Vec<u8>, CryptoError> {
        let point = private.public_key().to_sec1_point(false);
        Ok(point.as_bytes().to_vec())
    }

    fn agree(&self, private: &SecretKey<C>, public: &[u8]) -> Result<Secret, CryptoError> {
        let public = PublicKey::from_sec1_bytes(public).map_err(|_| CryptoError::InvalidKey)?;
        let shared = private.diffie_hellman(&public);
        Ok(Secret::from(shared.raw_secret_bytes().as_slice()))
    }

    fn check_point(&self, public: &[u8]) -> Result<(), CryptoError> {
        PublicKey::<C>::from_sec1_bytes(public)
            .map(|_| ())
            .map_err(|_| CryptoError::InvalidKey)
    }
}

/// The uncompressed public key of a scalar of `C`.
pub(super) fn public_key<C>(private: &Secret) -> Result<Vec<u8>, CryptoError>
where
    C: CurveArithmetic,
    AffinePoint<C>: FromSec1Point<C> + ToSec1Point<C>,
    FieldBytesSize<C>: ModulusSize,
{
    let curve = Nist::<C>::new();
    curve.public_key(&curve.private_key(private)?)
}
