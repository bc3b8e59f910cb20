//! A provider on records in memory, and devices that register with it.

use folkmoot_authentication::{Authentication, Command, Records, Reply, SessionKey, Write};
use folkmoot_identity::{DeviceCertificate, DeviceKey, DeviceName, RootAuthority, Validity};
use folkmoot_protocol::{
    InviteCode, Problem, ProblemCode, Register, RegistrationPolicy, Timestamp,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

pub(crate) const NOW: Timestamp = Timestamp(1_750_000_000);
pub(crate) const DAY: u64 = 86_400;
pub(crate) const PHONE: &str = "mimi://example.org/d/alice/phone";
pub(crate) const LAPTOP: &str = "mimi://example.org/d/alice/laptop";

pub(crate) struct Provider {
    pub(crate) service: Authentication,
    pub(crate) records: Records,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: Timestamp,
    /// What the last command wrote.
    pub(crate) written: Vec<Write>,
}

impl Provider {
    pub(crate) fn new(policy: RegistrationPolicy) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let years = Validity::from_now(NOW, 10 * 365 * DAY);
        let root = RootAuthority::create(&"example.org".parse().unwrap(), years, &mut rng).unwrap();
        let issuing = root.create_issuing(years, &mut rng).unwrap();
        let service = Authentication::new(issuing, SessionKey::generate(&mut rng), policy);
        Self {
            service,
            records: Records::default(),
            rng,
            now: NOW,
            written: Vec::new(),
        }
    }

    /// Loads, decides, applies.
    pub(crate) fn run(&mut self, command: Command) -> Result<Reply, Problem> {
        let facts = self.records.load(&command.need(self.now));
        let decision = self.service.decide(command, facts, self.now);
        assert!(
            decision.reply.is_ok() || decision.writes.is_empty(),
            "a refusal changes nothing"
        );
        self.written.clone_from(&decision.writes);
        self.records.apply(decision.writes);
        decision.reply
    }

    pub(crate) fn new_key(&mut self) -> DeviceKey {
        DeviceKey::generate(&mut self.rng)
    }

    /// The certificate in DER, or why there is none.
    pub(crate) fn register(
        &mut self,
        name: &str,
        key: &DeviceKey,
        invite: Option<&InviteCode>,
    ) -> Result<Vec<u8>, ProblemCode> {
        let register = registration(name, key, invite);
        let command = self.service.register(register, self.now, &mut self.rng);
        match command.and_then(|command| self.run(command)) {
            Ok(Reply::Registered(registered)) => Ok(registered.certificate.into_vec()),
            Ok(Reply::Invited(_)) => panic!("an answer to another command"),
            Err(problem) => Err(problem.code),
        }
    }

    pub(crate) fn invite(&mut self, user: Option<&str>) -> Result<InviteCode, ProblemCode> {
        let user = user.map(|user| user.parse().unwrap());
        let command = self.service.invite(user, &mut self.rng);
        match self.run(command) {
            Ok(Reply::Invited(code)) => Ok(code),
            Ok(Reply::Registered(_)) => panic!("an answer to another command"),
            Err(problem) => Err(problem.code),
        }
    }

    pub(crate) fn verify(&self, certificate: &[u8]) -> DeviceCertificate {
        DeviceCertificate::verify(certificate, self.service.anchors(), self.now).unwrap()
    }
}

pub(crate) fn registration(name: &str, key: &DeviceKey, invite: Option<&InviteCode>) -> Register {
    let device: DeviceName = name.parse().unwrap();
    let request = key
        .certificate_request(&device)
        .unwrap()
        .try_into()
        .unwrap();
    Register {
        device,
        request,
        invite: invite.cloned(),
    }
}
