//! What strangers and insiders send to make a member work: refused for the right reason, or taken where it is
//! legal, at a cost that is shown.

mod insider;
mod stranger;

use crate::engine::{Failure, Sample, Series, Watch};
use crate::made::Pool;
use folkmoot_mls::Error;
use insider::Insider;
use std::time::{Duration, Instant};
use stranger::Stranger;

/// How often each is tried, if patience allows.
const ROUNDS: usize = 5;
/// What legal input is called that is taken.
const ACCEPTED: &str = "accepted";

/// One of them, and what became of it.
pub(crate) struct Attack {
    pub(crate) name: &'static str,
    /// Places for leaves in the tree, or members of the group.
    pub(crate) leaves: u32,
    pub(crate) series: Series,
    /// The broken rule's name, or that it was accepted.
    pub(crate) outcome: String,
}

/// Tries all of them; fails where one has another outcome than it must have.
pub(crate) fn run(pool: &mut Pool, patience: Duration) -> Result<Vec<Attack>, Failure> {
    let stranger = Stranger::new(pool)?;
    let mut attacks = vec![
        stranger.tree_over_the_bound(patience)?,
        stranger.tree_at_the_bound(patience)?,
        stranger.blank_tree(patience)?,
        stranger.repeated_leaf(patience)?,
        stranger.unmerged_everywhere(patience)?,
    ];
    let mut insider = Insider::new(pool)?;
    attacks.push(insider.repeated_removal(patience)?);
    attacks.push(insider.many_additions(pool, patience)?);
    Ok(attacks)
}

/// What an attempt has to come to.
struct Expected {
    name: &'static str,
    leaves: u32,
    outcome: &'static str,
    bytes: usize,
}

impl Expected {
    fn of<T>(
        self,
        patience: Duration,
        attempt: impl Fn() -> Result<T, Error>,
    ) -> Result<Attack, Failure> {
        eprintln!("{}", self.name);
        let begin = Instant::now();
        let mut series = Series::default();
        while series.samples.is_empty()
            || (series.samples.len() < ROUNDS && begin.elapsed() < patience)
        {
            let mut watch = Watch::start();
            let attempted = attempt();
            watch.step("attempt");
            let outcome = outcome(&attempted);
            if outcome != self.outcome {
                let why = format!("{} is expected, not {outcome}", self.outcome);
                return Err(Failure::new(why).during(self.name));
            }
            let sample: Sample = watch.sample(self.bytes);
            series.samples.push(sample);
        }
        Ok(Attack {
            name: self.name,
            leaves: self.leaves,
            series,
            outcome: self.outcome.into(),
        })
    }
}

fn outcome<T>(attempted: &Result<T, Error>) -> String {
    match attempted {
        Ok(_) => ACCEPTED.into(),
        Err(Error::Invalid(check)) => format!("{check:?}"),
        Err(Error::Malformed(error)) => format!("{:?}", error.check()),
        Err(other) => other.to_string(),
    }
}
