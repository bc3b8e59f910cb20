//! What is asked of an Authentication Service, and what comes of it.

use folkmoot_identity::{CertificateRequest, DeviceCertificate, UserName};
use folkmoot_protocol::{Digest, InviteCode, Problem, Registered, Timestamp};

use crate::need::{Need, Write};

/// One request, checked as far as that is possible without any record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a device its certificate; made by
    /// [`Authentication::register`](crate::Authentication::register).
    Register(Box<RegisterRequest>),
    /// Make an invite; made by [`Authentication::invite`](crate::Authentication::invite).
    CreateInvite {
        /// The user to whom it adds a device; none where it lets in a new user.
        user: Option<UserName>,
        /// The code, to be given away only once its digest is kept.
        code: InviteCode,
    },
}

impl Command {
    /// The records that the decision must see.
    pub fn need(&self, now: Timestamp) -> Need {
        match self {
            Self::Register(register) => Need::Registration {
                device: register.request.device().clone(),
                invite: register.invite,
            },
            Self::CreateInvite { .. } => Need::Invites { at: now },
        }
    }
}

/// A registration whose sender holds the key that it asks to certify.
///
/// The certificate is signed in advance, so that the decision needs no randomness and a store's one
/// writer no time for a signature. Nobody sees it unless the decision grants the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisterRequest {
    pub(crate) request: CertificateRequest,
    pub(crate) certificate: DeviceCertificate,
    pub(crate) invite: Option<Digest>,
}

/// What is to be done about a command. The reply may leave only when the writes are durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// To be applied in this order, all or none. Empty when the command is refused.
    pub writes: Vec<Write>,
    /// The answer or the refusal.
    pub reply: Result<Reply, Problem>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To a registration.
    Registered(Registered),
    /// To a wish for an invite: its code, which is known nowhere else.
    Invited(InviteCode),
}
