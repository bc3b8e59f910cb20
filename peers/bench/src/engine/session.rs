//! All operations at one size: round after round, everybody in turn.

use super::floor::{Circumstances, Floor};
use super::history::History;
use super::shape::Shape;
use super::subject::{Change, Engine, Failure, Implementation, Sample, Seat, Sent, Tree};
use super::{Op, Series, Size};
use crate::arguments::Options;
use crate::credentials::CredentialKind;
use crate::made::{self, COMMITTER, Invitation, Pool};
use crate::primitives::Primitives;
use folkmoot_crypto::Crypto;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) const MAX_ROUNDS: usize = 21;
/// Rounds of adding and removing: each wants a fresh KeyPackage and leaves the tree less steady.
const MAX_CHANGES: usize = 3;
/// Short operations are done some times in a turn, or whoever comes after a slow neighbour pays for the
/// caches that it left.
const COMMITS_PER_TURN: usize = 8;
const MESSAGES_PER_TURN: usize = 8;
/// Length of application data.
const DATA: usize = 1024;
/// The smallest group in which a member inside is removed.
pub(super) const HAS_INSIDE: u32 = 16;

pub(super) type Engines = [Box<dyn Engine>];

/// The measuring of one size.
pub(crate) struct Session<'a> {
    pub(super) members: u32,
    crypto: &'static dyn Crypto,
    credential: CredentialKind,
    history: &'a mut History,
    pub(super) patience: Duration,
    primitives: Primitives,
    series: BTreeMap<(Op, Implementation), Series>,
    floors: BTreeMap<Op, Floor>,
    /// The steady group as each implementation has it.
    pub(super) shapes: BTreeMap<Implementation, Arc<Shape>>,
    /// Lengths of a leaf and of a KeyPackage.
    lengths: (usize, usize),
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        members: u32,
        pool: &Pool,
        options: &Options,
        history: &'a mut History,
    ) -> Self {
        Self {
            members,
            crypto: pool.crypto,
            credential: pool.credentials.kind(),
            history,
            patience: Duration::from_secs(options.patience),
            primitives: Primitives::default(),
            series: BTreeMap::new(),
            floors: BTreeMap::new(),
            shapes: BTreeMap::new(),
            lengths: (0, 0),
        }
    }

    pub(crate) fn run(mut self, pool: &mut Pool, engines: &mut Engines) -> Result<Size, Failure> {
        eprintln!(
            "{} members: making {} KeyPackages",
            self.members, self.members
        );
        pool.grow(self.members as usize + MAX_CHANGES)?;
        let offers = pool.offers(self.members as usize + MAX_CHANGES);
        // Type, version and code points before the package; init key, signature before and after the leaf.
        let package = offers[0].len();
        self.lengths = (package.saturating_sub(100), package);
        self.primitives.measure(self.crypto)?;
        self.key_packages(engines)?;
        self.builds(engines, &offers)?;
        self.primitives.measure(self.crypto)?;
        self.joins(engines, pool, &offers)?;
        self.commits(engines)?;
        self.observations(engines)?;
        self.loads(engines)?;
        self.messages(engines)?;
        self.primitives.measure(self.crypto)?;
        self.changes(engines, &offers[self.members as usize..])?;
        if self.credential == CredentialKind::Basic {
            // What credentials have no part in.
            self.catch_up(engines)?;
            self.thinned(engines)?;
        }
        Ok(Size {
            members: self.members,
            credential: self.credential,
            costs: self.primitives.costs(),
            series: self.series,
            floors: self.floors,
        })
    }

    /// Repeats a round until patience ends.
    pub(super) fn rounds(
        &mut self,
        what: &str,
        most: usize,
        mut round: impl FnMut(&mut Self, usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        eprintln!("{} members: {what}", self.members);
        let begin = Instant::now();
        for number in 0..most {
            if number > 0 && begin.elapsed() > self.patience {
                break;
            }
            round(self, number)?;
        }
        Ok(())
    }

    pub(super) fn allows(&mut self, op: Op, who: Implementation) -> bool {
        let allowed = self.history.allows(op, who, self.members);
        if !allowed {
            self.series.entry((op, who)).or_default().over_bound = true;
        }
        allowed
    }

    /// Who has a steady group here.
    fn plays(&self, engine: &dyn Engine) -> bool {
        self.shapes.contains_key(&engine.implementation())
    }

    pub(super) fn take(&mut self, op: Op, who: Implementation, sample: Sample) {
        self.history.record(op, who, self.members, sample.time());
        self.series
            .entry((op, who))
            .or_default()
            .samples
            .push(sample);
    }

    /// Counts the floor of an operation once: it is the same in each round, and counting walks the tree.
    pub(super) fn count(
        &mut self,
        op: Op,
        shapes: (&Shape, &Shape),
        seals: impl FnOnce() -> usize,
        bytes: usize,
    ) {
        if self.floors.contains_key(&op) {
            return;
        }
        let on = Circumstances {
            before: shapes.0,
            after: shapes.1,
            committer: COMMITTER,
            receiver: made::receiver(self.members),
            seals: seals(),
            bytes,
            leaf: self.lengths.0,
            package: self.lengths.1,
            certificates: self.credential.certificates(),
        };
        if let Some(floor) = Floor::of(op, &on) {
            self.floors.insert(op, floor);
        }
    }

    fn key_packages(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        let nobody = Shape::sparse(1);
        self.count(Op::KeyPackage, (&nobody, &nobody), || 0, 0);
        self.rounds("key packages", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                let sample = engine.key_package()?;
                session.take(Op::KeyPackage, engine.implementation(), sample);
            }
            Ok(())
        })
    }

    fn builds(&mut self, engines: &mut Engines, offers: &[Vec<u8>]) -> Result<(), Failure> {
        let offers = &offers[..self.members as usize - 1];
        let (one, all) = (Shape::sparse(1), Shape::sparse(self.members));
        self.count(Op::Build, (&one, &all), || 0, 0);
        let mut renewed = all.clone();
        renewed.renew(COMMITTER);
        self.rounds("bulk adds and first paths", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                let who = engine.implementation();
                for (op, tree) in [(Op::BuildInside, Tree::Inside), (Op::Build, Tree::Outside)] {
                    if session.allows(op, who) {
                        let built = engine.build(offers, tree);
                        let sample = built.map_err(|why| session.failed(op, who, &why))?;
                        session.take(op, who, sample);
                    }
                }
                let built = session.series.get(&(Op::Build, who));
                let built = built.is_some_and(|series| !series.over_bound);
                if !built {
                    session
                        .series
                        .entry((Op::SparseCommit, who))
                        .or_default()
                        .over_bound = true;
                } else if session.allows(Op::SparseCommit, who) {
                    let sample = engine.sparse_commit();
                    let sample =
                        sample.map_err(|why| session.failed(Op::SparseCommit, who, &why))?;
                    let shapes = (&all, &renewed);
                    let seals = || all.seals(COMMITTER, &[]);
                    session.count(Op::SparseCommit, shapes, seals, sample.bytes);
                    session.take(Op::SparseCommit, who, sample);
                }
            }
            Ok(())
        })
    }

    fn joins(
        &mut self,
        engines: &mut Engines,
        pool: &mut Pool,
        offers: &[Vec<u8>],
    ) -> Result<(), Failure> {
        let mut invitations = BTreeMap::new();
        for engine in &mut *engines {
            let who = engine.implementation();
            if !self.allows(Op::Join, who) {
                continue;
            }
            let invitation = if made::is_possible(self.members) {
                let packages = [
                    engine.enrol(Seat::Committer)?,
                    engine.enrol(Seat::Receiver)?,
                ];
                let invitation = made::group(pool, self.members, [&packages[0], &packages[1]])?;
                let joined = engine.join(Seat::Committer, &invitation);
                joined.map_err(|why| self.failed(Op::Join, who, &why))?;
                invitation
            } else {
                self.found(engine.as_mut(), offers)?
            };
            invitations.insert(who, invitation);
            self.shapes
                .insert(who, Arc::new(Shape::steady(self.members)));
        }
        let shape = Shape::steady(self.members);
        self.count(Op::Join, (&shape, &shape), || 0, 0);
        self.rounds("joins", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                let who = engine.implementation();
                if let Some(invitation) = invitations.get(&who) {
                    let joined = engine.join(Seat::Receiver, invitation);
                    let sample = joined.map_err(|why| session.failed(Op::Join, who, &why))?;
                    session.take(Op::Join, who, sample);
                }
            }
            Ok(())
        })
    }

    /// The smallest groups are played: there is nobody else who could invite.
    fn found(&self, engine: &mut dyn Engine, offers: &[Vec<u8>]) -> Result<Invitation, Failure> {
        engine.found()?;
        for offer in &offers[..self.members as usize - 2] {
            engine.commit(Change::Invite(offer))?;
        }
        let receiver = engine.enrol(Seat::Receiver)?;
        let sent = engine.commit(Change::Invite(&receiver))?;
        let welcome = sent.welcome.ok_or_else(Failure::no_group)?;
        Ok(Invitation {
            welcome,
            tree: Vec::new(),
        })
    }

    fn commits(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        // The committer's first path gives it the keys of its own.
        for engine in &mut *engines {
            if self.plays(engine.as_ref()) {
                let sent = engine.commit(Change::FreshKeys)?;
                engine.process(&sent.message)?;
                engine.store()?;
            }
        }
        self.rounds("commits", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                session.commit(engine.as_mut(), [Op::Commit, Op::Process], COMMITS_PER_TURN)?;
                session.store(engine.as_mut())?;
            }
            Ok(())
        })
    }

    /// Commits some times, enters all of them, and stores that. `ops` are what making and entering is called.
    pub(super) fn commit(
        &mut self,
        engine: &mut dyn Engine,
        ops: [Op; 2],
        times: usize,
    ) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(shape) = self.shapes.get(&who).cloned() else {
            return Ok(());
        };
        let sent = (0..times).map(|_| engine.commit(Change::FreshKeys));
        let sent: Vec<_> = sent.collect::<Result<_, _>>()?;
        for Sent {
            sample, message, ..
        } in sent
        {
            let processed = engine.process(&message)?;
            for (op, sample) in ops.into_iter().zip([sample, processed]) {
                let seals = || shape.seals(COMMITTER, &[]);
                self.count(op, (&shape, &shape), seals, sample.bytes);
                self.take(op, who, sample);
            }
        }
        engine.store()?;
        Ok(())
    }

    /// Stores what one commit changed.
    fn store(&mut self, engine: &mut dyn Engine) -> Result<(), Failure> {
        if !self.plays(engine) {
            return Ok(());
        }
        let sent = engine.commit(Change::FreshKeys)?;
        engine.process(&sent.message)?;
        if let Some(stored) = engine.store()? {
            self.take(Op::Store, engine.implementation(), stored);
        }
        Ok(())
    }
    fn observations(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        self.rounds("observers", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                let who = engine.implementation();
                let Some(shape) = session.shapes.get(&who).cloned() else {
                    continue;
                };
                if !session.allows(Op::Observe, who) {
                    continue;
                }
                let observed = engine.observe();
                if let Some(sample) =
                    observed.map_err(|why| session.failed(Op::Observe, who, &why))?
                {
                    session.count(Op::Observe, (&shape, &shape), || 0, sample.bytes);
                    session.take(Op::Observe, who, sample);
                }
            }
            Ok(())
        })
    }

    fn loads(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        self.rounds("loads", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                let who = engine.implementation();
                let Some(shape) = session.shapes.get(&who).cloned() else {
                    continue;
                };
                let sent = engine.commit(Change::FreshKeys)?;
                let sample = engine.load(&sent.message)?;
                engine.store()?;
                session.count(Op::Load, (&shape, &shape), || 0, sent.message.len());
                session.take(Op::Load, who, sample);
                let bytes = engine.memory()?;
                for (op, bytes) in [Op::Memory, Op::MemoryWhole].into_iter().zip(bytes) {
                    let sample = Sample {
                        bytes,
                        ..Sample::default()
                    };
                    session.take(op, who, sample);
                }
            }
            Ok(())
        })
    }

    fn messages(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        let data = vec![b'm'; DATA];
        // The first of an epoch derives its way to the ratchet, once.
        for engine in &mut *engines {
            if self.plays(engine.as_ref()) {
                let sent = engine.send(&data)?;
                engine.receive(&sent.message)?;
            }
        }
        self.rounds("messages", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                for _ in 0..MESSAGES_PER_TURN {
                    session.message_once(engine.as_mut(), &data)?;
                }
            }
            Ok(())
        })?;
        for engine in &mut *engines {
            if self.plays(engine.as_ref()) {
                engine.store()?;
                engine.send_stored(&data)?;
            }
        }
        self.rounds(
            "messages and their transactions",
            MAX_ROUNDS,
            |session, _| {
                for engine in &mut *engines {
                    for _ in 0..MESSAGES_PER_TURN {
                        session.stored_once(engine.as_mut(), &data)?;
                    }
                }
                Ok(())
            },
        )
    }

    fn message_once(&mut self, engine: &mut dyn Engine, data: &[u8]) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(shape) = self.shapes.get(&who).cloned() else {
            return Ok(());
        };
        let sent = engine.send(data)?;
        let received = engine.receive(&sent.message)?;
        for (op, sample) in [(Op::Send, sent.sample), (Op::Receive, received)] {
            self.count(op, (&shape, &shape), || 0, sent.message.len());
            self.take(op, who, sample);
        }
        Ok(())
    }

    fn stored_once(&mut self, engine: &mut dyn Engine, data: &[u8]) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(shape) = self.shapes.get(&who).cloned() else {
            return Ok(());
        };
        let sent = engine.send(data)?;
        let length = sent.message.len();
        if let Some(sample) = engine.send_stored(data)? {
            self.count(Op::SendStored, (&shape, &shape), || 0, length);
            self.take(Op::SendStored, who, sample);
        }
        let mut received = engine.receive(&sent.message)?;
        if let Some(stored) = engine.store()? {
            received.bytes = stored.bytes;
            received.beside = stored.beside;
            received.steps.extend(stored.steps);
            self.count(Op::ReceiveStored, (&shape, &shape), || 0, length);
            self.take(Op::ReceiveStored, who, received);
        }
        Ok(())
    }

    fn changes(&mut self, engines: &mut Engines, offers: &[Vec<u8>]) -> Result<(), Failure> {
        self.rounds("adding and removing", MAX_CHANGES, |session, number| {
            for engine in &mut *engines {
                session.change_once(engine.as_mut(), &offers[number])?;
            }
            Ok(())
        })?;
        if self.members < HAS_INSIDE {
            return Ok(());
        }
        let first = self.members / 4;
        self.rounds("removing", MAX_CHANGES, |session, number| {
            let leaf = first + u32::try_from(number).map_err(Failure::new)?;
            for engine in &mut *engines {
                session.remove(engine.as_mut(), (Op::Remove, leaf))?;
            }
            Ok(())
        })
    }

    fn change_once(&mut self, engine: &mut dyn Engine, offer: &[u8]) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(before) = self.shapes.get(&who).cloned() else {
            return Ok(());
        };
        let mut after = Shape::clone(&before);
        let added = after.add();
        let after = Arc::new(after);
        self.shapes.insert(who, after.clone());
        let sent = engine.commit(Change::Add(offer))?;
        engine.process(&sent.message)?;
        // A receiver that was loaded reads its records again later: they follow at each step.
        engine.store()?;
        self.count(Op::Add, (&before, &after), || 0, sent.sample.bytes);
        self.take(Op::Add, who, sent.sample);
        let inside = self.members >= HAS_INSIDE;
        let op = if inside { Op::RemoveEdge } else { Op::Remove };
        self.remove(engine, (op, added))
    }

    fn remove(&mut self, engine: &mut dyn Engine, (op, leaf): (Op, u32)) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(before) = self.shapes.get(&who).cloned() else {
            return Ok(());
        };
        let mut after = Shape::clone(&before);
        after.remove(leaf);
        let seals = after.seals(COMMITTER, &[]);
        after.renew(COMMITTER);
        let after = Arc::new(after);
        self.shapes.insert(who, after.clone());
        let sent = engine.commit(Change::Remove(&[leaf]))?;
        engine.process(&sent.message)?;
        engine.store()?;
        self.count(op, (&before, &after), || seals, sent.sample.bytes);
        self.take(op, who, sent.sample);
        Ok(())
    }

    pub(super) fn failed(&self, op: Op, who: Implementation, why: &Failure) -> Failure {
        let what = format!("{} of {}, {} members", op.name(), who.name(), self.members);
        why.clone().during(what)
    }
}
