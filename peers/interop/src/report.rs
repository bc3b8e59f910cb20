//! What a run did, and what it found.

use core::fmt;
use std::collections::BTreeMap;

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations, by kind.
    pub operations: BTreeMap<&'static str, usize>,
    /// Epochs in which all members' values were compared.
    pub epochs: usize,
    /// Members whose values were compared, over all epochs.
    pub comparisons: usize,
    /// Messages that arrived, of application data.
    pub messages: usize,
    /// Of these, those that were opened in a later epoch or after a newer one of the same sender.
    pub late: usize,
    /// Messages that were kept from an engine that does not open them.
    pub withheld: usize,
}

impl Tally {
    /// Counts one operation.
    pub(crate) fn count(&mut self, operation: &'static str) {
        *self.operations.entry(operation).or_default() += 1;
    }

    /// Adds another run's figures.
    pub fn add(&mut self, other: &Self) {
        for (operation, count) in &other.operations {
            *self.operations.entry(operation).or_default() += count;
        }
        self.epochs += other.epochs;
        self.comparisons += other.comparisons;
        self.messages += other.messages;
        self.late += other.late;
        self.withheld += other.withheld;
    }

    /// The number of operations of all kinds.
    pub fn total(&self) -> usize {
        self.operations.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            epochs,
            comparisons,
            messages,
            late,
            withheld,
            ..
        } = self;
        write!(
            formatter,
            "{} operations, {epochs} epochs and {comparisons} members compared, \
             {messages} messages opened ({late} late or out of order, {withheld} \
             withheld);",
            self.total()
        )?;
        for (operation, count) in &self.operations {
            write!(formatter, " {operation} {count},")?;
        }
        Ok(())
    }
}

/// Members that do not agree, or one that refuses what it must take.
#[derive(Clone, Debug, thiserror::Error)]
pub struct Divergence {
    /// What repeats the run.
    pub seed: u64,
    /// What happened.
    pub what: String,
    /// What each member holds.
    pub members: Vec<String>,
    /// The operations that led there, the last one last.
    pub steps: Vec<String>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}: {}", self.seed, self.what)?;
        writeln!(formatter, "members:")?;
        for member in &self.members {
            writeln!(formatter, "  {member}")?;
        }
        writeln!(formatter, "steps:")?;
        for step in &self.steps {
            writeln!(formatter, "  {step}")?;
        }
        Ok(())
    }
}
