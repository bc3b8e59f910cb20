//! The clients, and what they know and are given.

use super::{Checked, Psk, World};
use crate::{Divergence, EXTENSION, Engine, Member, Outcome, Refusal, Seen};

/// Steps that a divergence shows.
const SHOWN_STEPS: usize = 60;

impl World {
    pub(super) fn newcomer(&mut self, engine: Engine) -> Checked<Box<dyn Member>> {
        self.named += 1;
        let name = format!("{engine}-{}", self.named);
        let mut newcomer = self.ready(engine.member(&name, self.settings))?;
        self.teach(newcomer.as_mut())?;
        Ok(newcomer)
    }

    pub(super) fn teach(&self, newcomer: &mut dyn Member) -> Checked<()> {
        teach(&self.psks, newcomer).map_err(|refusal| self.refused(&refusal))
    }

    /// A key that all know: a new one, or one that this epoch has not used yet.
    pub(super) fn psk(&mut self) -> Checked<Vec<u8>> {
        if self.draw.one_in(3)
            && let Some(old) = self.psks.iter_mut().find(|psk| !psk.used)
        {
            old.used = true;
            return Ok(old.id.clone());
        }
        let psk = Psk {
            id: self.draw.bytes(8),
            secret: self.draw.bytes(32),
            used: true,
        };
        for member in self.members.iter_mut().chain(&mut self.joiners) {
            if let Err(refusal) = member.store_psk(&psk.id, &psk.secret) {
                return Err(self.refused(&refusal));
            }
        }
        let id = psk.id.clone();
        self.psks.push(psk);
        Ok(id)
    }

    /// An `Extension extensions<V>`: empty, or [`EXTENSION`] with the `required_capabilities` for it.
    pub(super) fn extensions(&mut self) -> Vec<u8> {
        const REQUIRED_CAPABILITIES: u16 = 3;
        if self.draw.one_in(5) {
            return vector(&[]);
        }
        let required = [vector(&EXTENSION.to_be_bytes()), vector(&[]), vector(&[])].concat();
        let length = self.draw.below(20);
        let list = [
            REQUIRED_CAPABILITIES.to_be_bytes().to_vec(),
            vector(&required),
            EXTENSION.to_be_bytes().to_vec(),
            vector(&self.draw.bytes(length)),
        ];
        vector(&list.concat())
    }

    pub(super) fn others(&mut self, but: usize) -> Vec<usize> {
        let mut others: Vec<_> = (0..self.members.len())
            .filter(|place| *place != but)
            .collect();
        self.draw.shuffle(&mut others);
        others
    }

    pub(super) fn place(&self, name: &str) -> usize {
        let mut members = self.members.iter();
        members
            .position(|member| member.name() == name)
            .expect("messages are awaited by members only")
    }

    pub(super) fn epoch(&self) -> Checked<u64> {
        self.ready(self.members[0].epoch())
    }

    pub(super) fn leaf(&self, name: &str) -> Checked<u32> {
        let members = self.ready(self.members[0].members())?;
        let found = members.into_iter().find(|(_, other)| other == name);
        found
            .map(|(leaf, _)| leaf)
            .ok_or_else(|| self.divergence(format!("{name} has no leaf")))
    }

    pub(super) fn ask<T>(
        &mut self,
        place: usize,
        what: &str,
        ask: impl FnOnce(&mut dyn Member) -> Outcome<T>,
    ) -> Checked<T> {
        ask(self.members[place].as_mut()).map_err(|refusal| {
            let who = self.who(place);
            self.divergence(format!("{who} refuses {what}: {refusal}"))
        })
    }

    pub(super) fn expect(&self, place: usize, seen: &Seen, expected: &Seen) -> Checked<()> {
        if seen == expected {
            return Ok(());
        }
        let who = self.who(place);
        Err(self.divergence(format!("{who} reads {seen:?} instead of {expected:?}")))
    }

    pub(super) fn ready<T>(&self, outcome: Outcome<T>) -> Checked<T> {
        outcome.map_err(|refusal| self.refused(&refusal))
    }

    pub(super) fn refused(&self, refusal: &Refusal) -> Divergence {
        self.divergence(refusal.to_string())
    }

    pub(super) fn who(&self, place: usize) -> String {
        let member = &self.members[place];
        member.name().to_owned()
    }

    pub(super) fn step(&mut self, step: &str) {
        let number = self.tally.total();
        self.steps.push_back(format!("{number}: {step}"));
        if self.steps.len() > SHOWN_STEPS {
            self.steps.pop_front();
        }
    }

    pub(super) fn divergence(&self, what: String) -> Divergence {
        let hold = |member: &dyn Member| {
            let epoch = member.epoch();
            let authenticator = member.epoch_authenticator().map(|bytes| hex(&bytes));
            let exported = member.export("interop", b"", 16).map(|bytes| hex(&bytes));
            let members = member.members();
            let name = member.name();
            format!(
                "{name}: epoch {epoch:?}, authenticator {authenticator:?}, export {exported:?}, \
                 members {members:?}"
            )
        };
        Divergence {
            seed: self.seed,
            what,
            members: self
                .members
                .iter()
                .map(|member| hold(member.as_ref()))
                .collect(),
            steps: self.steps.iter().cloned().collect(),
        }
    }
}

fn teach(psks: &[Psk], newcomer: &mut dyn Member) -> Outcome<()> {
    psks.iter()
        .try_for_each(|psk| newcomer.store_psk(&psk.id, &psk.secret))
}

/// `opaque data<V>` of less than 64 bytes (RFC 9420 §2.1.2).
fn vector(data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len()).expect("lists made here are short");
    assert!(
        length < 64,
        "the length's two highest bits say how long it is itself"
    );
    [&[length], data].concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
