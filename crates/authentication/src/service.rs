//! The service itself, and what it checks before any record is looked at.

use folkmoot_crypto::random;
use folkmoot_identity::{
    CertificateRequest, DeviceName, IssuingAuthority, ProviderDomain, TrustAnchors, UserName,
    Validity,
};
use folkmoot_protocol::{
    Challenge, Digest, OpenSession, Problem, ProblemCode, Register, RegistrationPolicy, Session,
    SessionToken, Timestamp,
};
use rand_core::CryptoRng;

use crate::command::{Command, Decision, RegisterRequest};
use crate::decide;
use crate::need::Facts;
use crate::session::{self, SessionKey};

/// How long a device certificate is valid, in seconds: 90 days. It is renewed by registering again
/// once half of that is over.
pub const DEVICE_LIFETIME: u64 = 90 * 24 * 3600;
/// How long an invite is good, in seconds: 30 days.
pub const INVITE_LIFETIME: u64 = 30 * 24 * 3600;
/// Most unused invites at a time.
pub const MAX_INVITES: u64 = 10_000;

/// A provider's Authentication Service: the CA that issues device certificates, the key that
/// authenticates sessions, and who may register.
#[derive(Clone, Debug)]
pub struct Authentication {
    pub(crate) issuing: IssuingAuthority,
    session_key: SessionKey,
    registration: RegistrationPolicy,
}

impl Authentication {
    /// The Authentication Service of the provider that `issuing` issues for.
    pub fn new(
        issuing: IssuingAuthority,
        session_key: SessionKey,
        registration: RegistrationPolicy,
    ) -> Self {
        Self {
            issuing,
            session_key,
            registration,
        }
    }

    /// The provider's domain.
    pub fn domain(&self) -> &ProviderDomain {
        self.anchors().domain()
    }

    /// What verifies the certificates that it issues.
    pub fn anchors(&self) -> &TrustAnchors {
        self.issuing.anchors()
    }

    /// The CA that issues device certificates.
    pub fn issuing(&self) -> &IssuingAuthority {
        &self.issuing
    }

    /// Who may register.
    pub fn registration(&self) -> RegistrationPolicy {
        self.registration
    }

    /// Checks everything about a registration that needs no record: that the request is signed by
    /// the key it is for, and names the device, of this provider, that is asked for.
    pub fn register(
        &self,
        register: Register,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Command, Problem> {
        if register.device.domain() != self.domain() {
            let detail = format!("this provider names the devices of {} only", self.domain());
            return Err(Problem::new(ProblemCode::Malformed, detail));
        }
        let request = CertificateRequest::verify(&register.request)
            .map_err(|error| Problem::new(ProblemCode::Malformed, error.to_string()))?;
        if *request.device() != register.device {
            let detail = "the certification request names another device";
            return Err(Problem::new(ProblemCode::Malformed, detail));
        }
        let validity = Validity::from_now(now, DEVICE_LIFETIME);
        let certificate = self
            .issuing
            .issue_device(&request, validity, rng)
            .map_err(|error| Problem::new(ProblemCode::Internal, error.to_string()))?;
        let invite = register
            .invite
            .map(|code| Digest::of(code.as_str().as_bytes()));
        Ok(Command::Register(Box::new(RegisterRequest {
            request,
            certificate,
            invite,
        })))
    }

    /// A new invite: for a new user, or for a further device of an existing one. Whoever asks for it
    /// has been authorised by the caller: the operator, or a device of that user.
    pub fn invite(&self, user: Option<UserName>, rng: &mut dyn CryptoRng) -> Command {
        let code = format!("{:032x}", u128::from_be_bytes(random(rng)));
        let code = code
            .parse()
            .expect("hexadecimal digits are in an invite code's alphabet");
        Command::CreateInvite { user, code }
    }

    /// Decides a command on the facts that were loaded for its need.
    pub fn decide(&self, command: Command, facts: Facts, now: Timestamp) -> Decision {
        match decide::accept(self, command, facts, now) {
            Ok((writes, reply)) => Decision {
                writes,
                reply: Ok(reply),
            },
            Err(problem) => Decision {
                writes: Vec::new(),
                reply: Err(problem),
            },
        }
    }

    /// Something for a device to sign, good for [`CHALLENGE_LIFETIME`](crate::CHALLENGE_LIFETIME)
    /// seconds. Nothing is kept of it.
    pub fn challenge(&self, now: Timestamp, rng: &mut dyn CryptoRng) -> Challenge {
        session::challenge(&self.session_key, self.domain(), now, rng)
    }

    /// Opens a session for a device that signed a challenge of this provider. Nothing is kept of it;
    /// the same answer to the same challenge opens another one, until the challenge is over.
    pub fn open_session(&self, open: &OpenSession, now: Timestamp) -> Result<Session, Problem> {
        session::open(&self.session_key, self.anchors(), open, now)
    }

    /// The device that a token was given to.
    pub fn verify_token(
        &self,
        token: &SessionToken,
        now: Timestamp,
    ) -> Result<DeviceName, Problem> {
        session::verify(&self.session_key, self.domain(), token, now)
    }
}
