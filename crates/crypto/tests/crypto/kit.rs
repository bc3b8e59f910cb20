//! What the tests share.

use core::convert::Infallible;
use folkmoot_crypto::{CipherSuite, Crypto, Provider, Secret, random_secret};
use getrandom::SysRng;
use rand_core::{TryCryptoRng, TryRng, UnwrapErr};

/// Runs `test` with every suite of every provider.
pub(crate) fn each(mut test: impl FnMut(&'static dyn Crypto)) {
    for provider in Provider::ALL {
        for suite in provider.supported() {
            println!("{provider:?}, {suite:?}");
            test(provider.suite(suite).unwrap());
        }
    }
}

/// Runs `test` with one suite of every provider that has it.
pub(crate) fn each_of(suite: CipherSuite, mut test: impl FnMut(&'static dyn Crypto)) {
    let mut ran = 0;
    for provider in Provider::ALL {
        let Some(crypto) = provider.suite(suite) else {
            continue;
        };
        println!("{provider:?}, {suite:?}");
        test(crypto);
        ran += 1;
    }
    assert!(ran > 0, "nobody has {suite:?}");
}

pub(crate) fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn secret(length: usize) -> Secret {
    random_secret(&mut rng(), length)
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let pairs = digits.map(|pair| str::from_utf8(pair).unwrap());
    pairs
        .map(|pair| u8::from_str_radix(pair, 16).unwrap())
        .collect()
}

/// Gives the bytes that it holds, once.
pub(crate) struct Given(pub(crate) Vec<u8>);

impl TryRng for Given {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&self.0);
        self.0 = rest;
        Ok(())
    }
}

impl TryCryptoRng for Given {}
