//! From command and facts to a decision.

use folkmoot_crypto::constant_time_eq;
use folkmoot_identity::{DeviceCertificate, UserName};
use folkmoot_protocol::bounds::DEVICES_PER_USER;
use folkmoot_protocol::{
    CertificateDer, Digest, InviteCode, Problem, ProblemCode, Registered, RegistrationPolicy,
    Timestamp,
};

use crate::command::{Command, RegisterRequest, Reply};
use crate::need::{DeviceRecord, Facts, InviteRecord, RegistrationFacts, Write};
use crate::service::{Authentication, INVITE_LIFETIME, MAX_INVITES};

type Accepted = (Vec<Write>, Reply);

pub(crate) fn accept(
    service: &Authentication,
    command: Command,
    facts: Facts,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    match (command, facts) {
        (Command::Register(register), Facts::Registration(facts)) => match facts.device {
            Some(known) => known_device(service, &register, known, now),
            None => new_device(service.registration(), &register, &facts, now),
        },
        (Command::CreateInvite { user, code }, Facts::Invites(kept)) => {
            let record = InviteRecord {
                digest: Digest::of(code.as_str().as_bytes()),
                user,
                not_after: Timestamp(now.0.saturating_add(INVITE_LIFETIME)),
            };
            create_invite(record, code, kept, now)
        }
        _ => Err(Problem::new(
            ProblemCode::Internal,
            "the provider's store gave facts that do not fit the request",
        )),
    }
}

/// The same key gets the same certificate again, so that a lost answer costs nothing, or a new one once
/// half of its time is over. It needs no invite: the key is proof enough.
fn known_device(
    service: &Authentication,
    register: &RegisterRequest,
    known: DeviceRecord,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    if !constant_time_eq(&known.public_key, register.request.public_key()) {
        let detail = "this device name belongs to another key; choose another name";
        return Err(Problem::new(ProblemCode::NameTaken, detail));
    }
    if is_fresh(service, &known.certificate, now) {
        return Ok((Vec::new(), registered(known.certificate)));
    }
    let renewed = record(register)?;
    let reply = registered(renewed.certificate.clone());
    Ok((vec![Write::PutDevice(renewed)], reply))
}

fn new_device(
    policy: RegistrationPolicy,
    register: &RegisterRequest,
    facts: &RegistrationFacts,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let spent = invite_to_spend(policy, register.request.device().user(), facts, now)?;
    if usize::try_from(facts.devices).map_or(true, |devices| devices >= DEVICES_PER_USER) {
        let detail = format!("a user has at most {DEVICES_PER_USER} devices");
        return Err(Problem::new(ProblemCode::TooMany, detail));
    }
    let record = record(register)?;
    let reply = registered(record.certificate.clone());
    let mut writes = vec![Write::PutDevice(record)];
    writes.extend(spent.map(Write::SpendInvite));
    Ok((writes, reply))
}

/// A new user needs an invite where registration is by invite. Whoever adds a device to a user that
/// exists needs one for this user always, or anybody could read what comes for that user.
fn invite_to_spend(
    policy: RegistrationPolicy,
    user: &UserName,
    facts: &RegistrationFacts,
    now: Timestamp,
) -> Result<Option<Digest>, Problem> {
    let invite = facts
        .invite
        .as_ref()
        .filter(|invite| invite.not_after >= now);
    let (good, why) = match (facts.devices, policy) {
        (0, RegistrationPolicy::Open) => return Ok(None),
        (0, RegistrationPolicy::Invite) => (
            invite.filter(|invite| invite.user.as_ref().is_none_or(|invited| invited == user)),
            "registration needs an invite that is neither used nor expired",
        ),
        (1.., _) => (
            invite.filter(|invite| invite.user.as_ref() == Some(user)),
            "this user exists; a further device needs an invite made for the user",
        ),
    };
    let good = good.ok_or_else(|| Problem::new(ProblemCode::InviteRefused, why))?;
    Ok(Some(good.digest))
}

fn create_invite(
    record: InviteRecord,
    code: InviteCode,
    kept: u64,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    if kept >= MAX_INVITES {
        let detail = format!("{MAX_INVITES} invites wait to be used; no more are made");
        return Err(Problem::new(ProblemCode::TooMany, detail));
    }
    let writes = vec![
        Write::DropInvites { expired_at: now },
        Write::PutInvite(record),
    ];
    Ok((writes, Reply::Invited(code)))
}

/// Whether a certificate still verifies and has more than half of its time before it. It verifies no
/// more where the issuing CA was replaced.
fn is_fresh(service: &Authentication, certificate: &[u8], now: Timestamp) -> bool {
    DeviceCertificate::verify(certificate, service.anchors(), now).is_ok_and(|certificate| {
        let (begin, end) = (
            certificate.validity().not_before().0,
            certificate.validity().not_after().0,
        );
        now.0 < begin.saturating_add(end.saturating_sub(begin) / 2)
    })
}

fn record(register: &RegisterRequest) -> Result<DeviceRecord, Problem> {
    let internal = |detail: &str| Problem::new(ProblemCode::Internal, detail);
    let certificate = &register.certificate;
    Ok(DeviceRecord {
        device: certificate.device().clone(),
        public_key: certificate
            .public_key()
            .try_into()
            .map_err(|_| internal("an Ed25519 key has not 32 bytes"))?,
        certificate: CertificateDer::try_from(certificate.der())
            .map_err(|_| internal("the certificate is longer than the protocol allows"))?,
    })
}

fn registered(certificate: CertificateDer) -> Reply {
    Reply::Registered(Registered { certificate })
}
