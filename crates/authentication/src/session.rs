//! Challenges and tokens: nothing is kept of them, for a MAC under the provider's own key is what makes
//! them the provider's.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use folkmoot_crypto::{Secret, constant_time_eq, hmac_sha256, random, random_secret};
use folkmoot_identity::{
    DeviceCertificate, DeviceName, ProviderDomain, SessionProof, TrustAnchors,
};
use folkmoot_protocol::bounds::MAX_CHALLENGE;
use folkmoot_protocol::{
    Bytes, Challenge, OpenSession, Problem, ProblemCode, Session, SessionToken, Timestamp,
};
use rand_core::CryptoRng;
use thiserror::Error;
use tls_codec::{
    DeserializeBytes, Serialize, TlsDeserializeBytes, TlsSerialize, TlsSize, VLByteSlice,
};

/// How long a challenge may be answered, in seconds.
pub const CHALLENGE_LIFETIME: u64 = 120;
/// How long a token works at most, in seconds; it ends with its device's certificate.
pub const TOKEN_LIFETIME: u64 = 3600;

/// Keep apart what is made with the one key.
const CHALLENGE_LABEL: &[u8] = b"Folkmoot 1.0 challenge";
const TOKEN_LABEL: &[u8] = b"Folkmoot 1.0 token";

const KEY: usize = 32;
const MAC: usize = 32;
const NONCE: usize = 16;

/// The key that authenticates a provider's challenges and tokens. Replacing it ends all sessions.
#[derive(Clone)]
pub struct SessionKey(Secret);

impl SessionKey {
    /// A fresh key.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        Self(random_secret(rng, KEY))
    }

    /// The bytes, for keeping.
    pub fn secret(&self) -> &Secret {
        &self.0
    }

    fn mac(&self, label: &[u8], domain: &ProviderDomain, content: &[u8]) -> [u8; MAC] {
        let input = MacInput {
            label: VLByteSlice(label),
            domain,
            content: VLByteSlice(content),
        };
        let input = input.tls_serialize_detached();
        hmac_sha256(
            self.0.expose(),
            &input.expect("what is authenticated is shorter than 2^30 bytes"),
        )
    }

    /// The content, followed by its MAC.
    fn seal(&self, label: &[u8], domain: &ProviderDomain, content: &[u8]) -> Vec<u8> {
        [content, &self.mac(label, domain, content)].concat()
    }

    /// The content, if its MAC is right.
    fn open<'a>(
        &self,
        label: &[u8],
        domain: &ProviderDomain,
        sealed: &'a [u8],
    ) -> Option<&'a [u8]> {
        let (content, mac) = sealed.split_last_chunk::<MAC>()?;
        constant_time_eq(mac, &self.mac(label, domain, content)).then_some(content)
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

impl TryFrom<Secret> for SessionKey {
    type Error = InvalidSessionKey;

    fn try_from(secret: Secret) -> Result<Self, InvalidSessionKey> {
        if secret.len() == KEY {
            Ok(Self(secret))
        } else {
            Err(InvalidSessionKey)
        }
    }
}

/// A stored session key that is none; remove it, and a new one will end all sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a session key has 32 bytes")]
pub struct InvalidSessionKey;

#[derive(TlsSerialize, TlsSize)]
struct MacInput<'a> {
    label: VLByteSlice<'a>,
    domain: &'a ProviderDomain,
    content: VLByteSlice<'a>,
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct ChallengeContent {
    nonce: [u8; NONCE],
    expires: Timestamp,
}

#[derive(TlsSerialize, TlsDeserializeBytes, TlsSize)]
struct TokenContent {
    device: DeviceName,
    expires: Timestamp,
}

pub(crate) fn challenge(
    key: &SessionKey,
    domain: &ProviderDomain,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Challenge {
    let expires = Timestamp(now.0.saturating_add(CHALLENGE_LIFETIME));
    let sealed = key.seal(
        CHALLENGE_LABEL,
        domain,
        &encode(&ChallengeContent {
            nonce: random(rng),
            expires,
        }),
    );
    let challenge = Bytes::<MAX_CHALLENGE>::try_from(sealed);
    Challenge {
        challenge: challenge.expect("nonce, time and MAC are shorter than a challenge may be"),
    }
}

pub(crate) fn open(
    key: &SessionKey,
    anchors: &TrustAnchors,
    open: &OpenSession,
    now: Timestamp,
) -> Result<Session, Problem> {
    let domain = anchors.domain();
    key.open(CHALLENGE_LABEL, domain, &open.challenge)
        .and_then(|content| ChallengeContent::tls_deserialize_exact_bytes(content).ok())
        .filter(|content| is_current(content.expires, now, CHALLENGE_LIFETIME))
        .ok_or_else(|| {
            unauthorized("the challenge is not this provider's or too old; get a new one")
        })?;
    let certificate = DeviceCertificate::verify(&open.certificate, anchors, now)
        .map_err(|error| unauthorized(&error.to_string()))?;
    let proof = SessionProof {
        domain,
        challenge: &open.challenge,
    };
    certificate
        .verify_session(&proof, &open.signature.0)
        .map_err(|error| unauthorized(&error.to_string()))?;
    let expires =
        Timestamp(now.0.saturating_add(TOKEN_LIFETIME)).min(certificate.validity().not_after());
    let device = certificate.device().clone();
    Ok(Session {
        token: token(key, domain, &TokenContent { device, expires }),
        expires,
    })
}

fn token(key: &SessionKey, domain: &ProviderDomain, content: &TokenContent) -> SessionToken {
    let sealed = key.seal(TOKEN_LABEL, domain, &encode(content));
    let token = URL_SAFE_NO_PAD.encode(sealed).parse();
    token.expect("the longest device name, a time and a MAC fit into a token")
}

pub(crate) fn verify(
    key: &SessionKey,
    domain: &ProviderDomain,
    token: &SessionToken,
    now: Timestamp,
) -> Result<DeviceName, Problem> {
    URL_SAFE_NO_PAD
        .decode(token.as_str())
        .ok()
        .as_deref()
        .and_then(|sealed| key.open(TOKEN_LABEL, domain, sealed))
        .and_then(|content| TokenContent::tls_deserialize_exact_bytes(content).ok())
        .filter(|content| is_current(content.expires, now, TOKEN_LIFETIME))
        .map(|content| content.device)
        .ok_or_else(|| unauthorized("the session is over or not this provider's; open a new one"))
}

/// Not over, and not from a time when the provider's clock was ahead of now.
fn is_current(expires: Timestamp, now: Timestamp, lifetime: u64) -> bool {
    now <= expires && expires.0 <= now.0.saturating_add(lifetime)
}

fn encode(content: &impl Serialize) -> Vec<u8> {
    content
        .tls_serialize_detached()
        .expect("a name and a time are shorter than 2^30 bytes")
}

fn unauthorized(detail: &str) -> Problem {
    Problem::new(ProblemCode::Unauthorized, detail)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    use super::*;

    const NOW: Timestamp = Timestamp(1_750_000_000);

    fn key(seed: u64) -> SessionKey {
        SessionKey::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    fn domain(domain: &str) -> ProviderDomain {
        domain.parse().unwrap()
    }

    fn token_for(name: &str, expires: u64) -> SessionToken {
        let content = TokenContent {
            device: name.parse().unwrap(),
            expires: Timestamp(expires),
        };
        token(&key(1), &domain("example.org"), &content)
    }

    fn verdict(token: &SessionToken, now: u64) -> Result<DeviceName, ProblemCode> {
        verify(&key(1), &domain("example.org"), token, Timestamp(now)).map_err(|p| p.code)
    }

    #[test]
    fn the_longest_device_name_fits_into_a_token() {
        let part = "p".repeat(64);
        let name = format!("mimi://{}b/d/{part}/{part}", "a.".repeat(126));
        let token = token_for(&name, NOW.0);
        assert_eq!(verdict(&token, NOW.0).unwrap().to_string(), name);
    }

    #[test]
    fn a_token_works_until_it_expires_and_not_long_before_it_was_given() {
        let token = token_for("mimi://example.org/d/alice/phone", NOW.0);
        let refused = Err(ProblemCode::Unauthorized);
        assert!(verdict(&token, NOW.0).is_ok());
        assert_eq!(verdict(&token, NOW.0 + 1), refused);
        assert!(verdict(&token, NOW.0 - TOKEN_LIFETIME).is_ok());
        assert_eq!(verdict(&token, NOW.0 - TOKEN_LIFETIME - 1), refused);
    }

    #[test]
    fn tokens_of_other_keys_domains_and_purposes_are_refused() {
        let token = token_for("mimi://example.org/d/alice/phone", NOW.0);
        assert!(verify(&key(2), &domain("example.org"), &token, NOW).is_err());
        assert!(verify(&key(1), &domain("example.net"), &token, NOW).is_err());

        let content = encode(&TokenContent {
            device: "mimi://example.org/d/alice/phone".parse().unwrap(),
            expires: NOW,
        });
        let challenge = key(1).seal(CHALLENGE_LABEL, &domain("example.org"), &content);
        let challenge = URL_SAFE_NO_PAD.encode(challenge).parse().unwrap();
        assert_eq!(verdict(&challenge, NOW.0), Err(ProblemCode::Unauthorized));
    }

    #[test]
    fn a_session_key_has_its_length_and_is_not_printed() {
        let stored = key(1).secret().clone();
        assert!(SessionKey::try_from(stored.clone()).is_ok());
        let short = Secret::from(&stored.expose()[1..]);
        assert_eq!(SessionKey::try_from(short).unwrap_err(), InvalidSessionKey);
        assert_eq!(format!("{:?}", key(1)), "SessionKey(…)");
    }

    proptest! {
        #[test]
        fn no_altered_token_is_accepted(index: prop::sample::Index, flip in 1_u8..) {
            let token = token_for("mimi://example.org/d/alice/phone", NOW.0);
            let mut sealed = URL_SAFE_NO_PAD.decode(token.as_str())?;
            let index = index.index(sealed.len());
            sealed[index] ^= flip;
            let altered = URL_SAFE_NO_PAD.encode(&sealed).parse()?;
            prop_assert_eq!(verdict(&altered, NOW.0), Err(ProblemCode::Unauthorized));
        }

        #[test]
        fn no_text_makes_the_check_of_a_token_panic(text in "[A-Za-z0-9._-]{1,200}") {
            prop_assert_eq!(verdict(&text.parse()?, NOW.0), Err(ProblemCode::Unauthorized));
        }
    }
}
