//! Post-quantum suites, whose code points are a deployment's choice.

use crate::composed::Suite;
use crate::{CipherSuite, Crypto, Provider, portable};

/// The code points of the post-quantum suites.
///
/// draft-ietf-mls-pq-ciphersuites-06 defines the suites and leaves their code points to be assigned. Until
/// they are, those for private use (RFC 9420 §17.1) serve among parties that agree on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostQuantumCodePoints {
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`.
    pub mlkem768x25519_aes128gcm_sha256_ed25519: CipherSuite,
    /// `MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519`.
    pub mlkem768x25519_aes256gcm_sha384_ed25519: CipherSuite,
    /// `MLS_192_MLKEM1024_AES256GCM_SHA384_P384`.
    pub mlkem1024_aes256gcm_sha384_p384: CipherSuite,
}

impl PostQuantumCodePoints {
    /// `0xF000` and the number of the draft's row: TBD1, TBD2 and TBD8.
    pub const DEFAULT: Self = Self {
        mlkem768x25519_aes128gcm_sha256_ed25519: CipherSuite(0xF001),
        mlkem768x25519_aes256gcm_sha384_ed25519: CipherSuite(0xF002),
        mlkem1024_aes256gcm_sha384_p384: CipherSuite(0xF008),
    };

    /// All, in the draft's order.
    pub const fn all(self) -> [CipherSuite; 3] {
        [
            self.mlkem768x25519_aes128gcm_sha256_ed25519,
            self.mlkem768x25519_aes256gcm_sha384_ed25519,
            self.mlkem1024_aes256gcm_sha384_p384,
        ]
    }

    /// Refuses those that mean something else.
    fn check(self) -> Result<(), CodePointTaken> {
        let mut taken = vec![CipherSuite(0)];
        taken.extend(CipherSuite::ALL);
        for code_point in self.all() {
            if taken.contains(&code_point) || has_no_meaning(code_point) {
                return Err(CodePointTaken(code_point));
            }
            taken.push(code_point);
        }
        Ok(())
    }
}

impl Default for PostQuantumCodePoints {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The values of RFC 9420 §13.5, from `0x0A0A` to `0xEAEA`.
fn has_no_meaning(CipherSuite(value): CipherSuite) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0x0f == 0x0a && high != 0xfa
}

/// A code point that is reserved, or has a meaning already: choose another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is taken; code points for private use are 0xF000 to 0xFFFF")]
pub struct CodePointTaken(pub CipherSuite);

/// The post-quantum suites of one provider under chosen code points.
///
/// A suite writes its number into everything, so that it belongs to the suite's value. Who chooses numbers
/// keeps the value as long as the groups that use it, as a `static`:
///
/// ```
/// use folkmoot_crypto::{CipherSuite, PostQuantumCodePoints, PostQuantumSuites, Provider};
/// use std::sync::LazyLock;
///
/// static SUITES: LazyLock<PostQuantumSuites> = LazyLock::new(|| {
///     let code_points = PostQuantumCodePoints {
///         mlkem1024_aes256gcm_sha384_p384: CipherSuite(0xF123),
///         ..PostQuantumCodePoints::DEFAULT
///     };
///     PostQuantumSuites::new(Provider::AwsLc, code_points).expect("nothing has this number")
/// });
///
/// let crypto = SUITES.suite(CipherSuite(0xF123)).expect("it is the third suite");
/// assert_eq!(crypto.suite(), CipherSuite(0xF123));
/// ```
#[derive(Debug)]
pub struct PostQuantumSuites(Vec<Suite>);

impl PostQuantumSuites {
    /// The suites of a provider; [`Provider::OpenSsl`] has none.
    pub fn new(
        provider: Provider,
        code_points: PostQuantumCodePoints,
    ) -> Result<Self, CodePointTaken> {
        code_points.check()?;
        Ok(Self(match provider {
            #[cfg(not(target_family = "wasm"))]
            Provider::AwsLc => crate::aws_lc::post_quantum(code_points).into(),
            #[cfg(target_family = "wasm")]
            Provider::AwsLc => Vec::new(),
            Provider::Portable => portable::post_quantum(code_points).into(),
            Provider::OpenSsl => Vec::new(),
        }))
    }

    /// The operations of the suite with this code point.
    pub fn suite(&self, suite: CipherSuite) -> Option<&dyn Crypto> {
        let found = self.0.iter().find(|known| known.id == suite);
        found.map(|known| known as &dyn Crypto)
    }
}
