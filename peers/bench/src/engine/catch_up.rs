//! A member who was away.

use super::Op;
use super::session::{Engines, Session};
use super::subject::{Change, Failure};
use std::time::Instant;

/// Commits that were made meanwhile.
const COMMITS: usize = 1000;
/// The smallest group in which all of them are made, however long they take.
const LARGE: u32 = 1000;

impl Session<'_> {
    /// Commits in a row, each entered and stored before the next, by Folkmoot.
    pub(super) fn catch_up(&mut self, engines: &mut Engines) -> Result<(), Failure> {
        eprintln!("{} members: catching up", self.members);
        for engine in engines {
            let who = engine.implementation();
            let Some(shape) = self.shapes.get(&who).filter(|_| !who.is_peer()).cloned() else {
                continue;
            };
            let begin = Instant::now();
            let mut commits = Vec::new();
            let is_patient = || self.members >= LARGE || begin.elapsed() < self.patience;
            while commits.is_empty() || (commits.len() < COMMITS && is_patient()) {
                commits.push(engine.commit(Change::FreshKeys)?.message);
            }
            let bytes = commits.iter().map(Vec::len).sum();
            for commit in &commits {
                let mut sample = engine.process(commit)?;
                if let Some(stored) = engine.store()? {
                    sample.steps.extend(stored.steps);
                }
                sample.bytes = bytes;
                self.count(Op::CatchUp, (&shape, &shape), || 0, commit.len());
                self.take(Op::CatchUp, who, sample);
            }
        }
        Ok(())
    }
}
