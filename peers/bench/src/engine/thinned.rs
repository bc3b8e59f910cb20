//! A group after many removals: most parents are blank until others have committed.

use super::Op;
use super::session::{Engines, HAS_INSIDE, MAX_ROUNDS, Session};
use super::shape::Shape;
use super::subject::{Change, Engine, Failure, Sample};
use crate::made::{self, COMMITTER};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::sync::Arc;

/// How many of a hundred members are removed.
const REMOVED: usize = 30;
/// In so many commits.
const COMMITS: usize = 4;
const SEED: u64 = 30;

impl Session<'_> {
    /// Removes many, then measures commits.
    pub(super) fn thinned(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        if self.members < HAS_INSIDE {
            return Ok(());
        }
        eprintln!("{} members: removing {REMOVED} %", self.members);
        for engine in &mut *engines {
            self.thin(engine.as_mut())?;
        }
        let ops = [Op::CommitThinned, Op::ProcessThinned];
        self.rounds("commits after that", MAX_ROUNDS, |session, _| {
            for engine in &mut *engines {
                if session.allows(Op::CommitThinned, engine.implementation()) {
                    session.commit(engine.as_mut(), ops, 1)?;
                }
            }
            Ok(())
        })
    }

    /// Whoever would take too long has no group after this.
    fn thin(&mut self, engine: &mut dyn Engine) -> Result<(), Failure> {
        let who = engine.implementation();
        let Some(shape) = self.shapes.remove(&who) else {
            return Ok(());
        };
        if !self.allows(Op::Thin, who) {
            return Ok(());
        }
        let leaving = self.leaving(&shape)?;
        let mut after = Shape::clone(&shape);
        let mut sample = Sample::default();
        for leaves in leaving.chunks(leaving.len().div_ceil(COMMITS)) {
            for leaf in leaves {
                after.remove(*leaf);
            }
            after.renew(COMMITTER);
            let sent = engine.commit(Change::Remove(leaves));
            let sent = sent.map_err(|why| self.failed(Op::Thin, who, &why))?;
            engine.process(&sent.message)?;
            engine.store()?;
            sample.steps.extend(sent.sample.steps);
            sample.bytes += sent.sample.bytes;
        }
        self.take(Op::Thin, who, sample);
        self.shapes.insert(who, Arc::new(after));
        Ok(())
    }

    /// A choice that looks random, and is the same in each run.
    fn leaving(&self, shape: &Shape) -> Result<Vec<u32>, Failure> {
        let staying = [COMMITTER, made::receiver(self.members)];
        let mut members: Vec<u32> = shape
            .leaves()
            .filter(|leaf| !staying.contains(leaf))
            .collect();
        let removed = shape.members() * REMOVED / 100;
        let mut rng = ChaCha20Rng::seed_from_u64(SEED);
        for place in 0..removed {
            let rest = u64::try_from(members.len() - place).map_err(Failure::new)?;
            let drawn = usize::try_from(rng.next_u64() % rest).map_err(Failure::new)?;
            members.swap(place, place + drawn);
        }
        members.truncate(removed);
        Ok(members)
    }
}
