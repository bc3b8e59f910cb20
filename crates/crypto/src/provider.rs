//! Who computes a suite.

use crate::composed::Suite;
use crate::{CipherSuite, Crypto, default, portable};

/// A library of primitives, chosen at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provider {
    /// `aws-lc-rs`: suites 1, 2, 3, 5 and 7, and the post-quantum suites with `RustCrypto`'s ML-KEM; the
    /// default for them. None in WebAssembly.
    AwsLc,
    /// `RustCrypto`: suites 1, 2, 3, 5 and 7 and the post-quantum suites, a function of the caller's random
    /// bytes alone. Signatures and ciphertexts come out the same whenever the same bytes go in. The default
    /// in WebAssembly.
    Portable,
    /// OpenSSL: suites 4 and 6; none without this crate's feature `openssl`, and none in WebAssembly.
    OpenSsl,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 3] = [Self::AwsLc, Self::Portable, Self::OpenSsl];

    /// The operations of `suite`, or `None` where this provider does not have it. Post-quantum suites have
    /// the code points of [`PostQuantumCodePoints::DEFAULT`]; for others there is [`PostQuantumSuites`].
    ///
    /// [`PostQuantumCodePoints::DEFAULT`]: crate::PostQuantumCodePoints::DEFAULT
    /// [`PostQuantumSuites`]: crate::PostQuantumSuites
    pub fn suite(self, suite: CipherSuite) -> Option<&'static dyn Crypto> {
        let found = self.suites().find(|known| known.id == suite);
        found.map(|known| known as &dyn Crypto)
    }

    /// The suites of this provider.
    pub fn supported(self) -> impl Iterator<Item = CipherSuite> {
        self.suites().map(|suite| suite.id)
    }

    fn suites(self) -> impl Iterator<Item = &'static Suite> {
        let [defined, post_quantum]: [&[Suite]; 2] = match self {
            #[cfg(not(target_family = "wasm"))]
            Self::AwsLc => [&crate::aws_lc::SUITES, &crate::aws_lc::POST_QUANTUM],
            #[cfg(target_family = "wasm")]
            Self::AwsLc => [&[], &[]],
            Self::Portable => [&portable::SUITES, &portable::POST_QUANTUM],
            #[cfg(all(feature = "openssl", not(target_family = "wasm")))]
            Self::OpenSsl => [&crate::openssl::SUITES, &[]],
            #[cfg(not(all(feature = "openssl", not(target_family = "wasm"))))]
            Self::OpenSsl => [&[], &[]],
        };
        defined.iter().chain(post_quantum)
    }
}

/// The operations of `suite` by its default provider, or `None` for a suite that no provider has.
pub fn provider(suite: CipherSuite) -> Option<&'static dyn Crypto> {
    Provider::AwsLc
        .suite(suite)
        .or_else(|| Provider::OpenSsl.suite(suite))
        .or_else(|| Provider::Portable.suite(suite))
}

/// Suite 0x0001 by its default provider; every implementation has it (RFC 9420 §17.1, check 144).
pub fn suite_one() -> &'static dyn Crypto {
    let [first, ..] = &default::SUITES;
    first
}
