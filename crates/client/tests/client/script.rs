//! Random conversations over a bad network, with clients that crash.

use std::collections::BTreeMap;

use folkmoot_client::Error;
use folkmoot_client::core::Outcome;
use folkmoot_store::client::ClientStore;
use getrandom::SysRng;
use rand_core::UnwrapErr;

use crate::stage::Stage;
use crate::world::user;

const NAMES: [&str; 3] = ["alice", "bob", "carol"];
const SEEDS: u64 = 20;
/// Seeds that nobody has seen before, taken anew in each run; [`FIRST_SEED`] repeats them.
const FRESH_SEEDS: u64 = 3;
/// Plays the conversations from this seed on instead, as many as [`SEED_COUNT`] says.
const FIRST_SEED: &str = "FOLKMOOT_FIRST_SEED";
/// How many conversations are played from [`FIRST_SEED`] on.
const SEED_COUNT: &str = "FOLKMOOT_SEEDS";
/// Steps and beginnings of rounds in one conversation.
const TURNS: usize = 5000;

/// A random conversation, and what was asked in it.
struct Script {
    stage: Stage,
    sent: Vec<Sent>,
    /// Who has an unfinished task about whose membership. One at a time: whoever is invited again
    /// before having read of an earlier removal does not get to read what came before it.
    about: BTreeMap<&'static str, &'static str>,
    invited: usize,
    removed: usize,
    left: usize,
}

struct Sent {
    by: &'static str,
    task: u64,
    text: String,
    outcome: Option<Result<Outcome, Error>>,
    /// A crash may have taken the outcome with it.
    forgotten: bool,
}

#[test]
fn a_random_conversation_over_a_bad_network_converges() {
    let (mut invited, mut removed, mut left) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut script = Script::new(seed);
        script.play();
        script.assert_converged(seed);
        invited += script.invited;
        removed += script.removed;
        left += script.left;
    }
    let few = format!("{invited} invitations, {removed} removals, {left} who left are too few");
    assert!(invited > 60 && removed > 20 && left > 10, "{few}");
}

#[test]
fn a_conversation_that_nobody_has_seen_converges() {
    let number = |name| {
        std::env::var(name)
            .ok()
            .map(|text| text.parse::<u64>().unwrap())
    };
    let fresh = || u64::from_be_bytes(folkmoot_crypto::random(&mut UnwrapErr(SysRng))) >> 1;
    let first = number(FIRST_SEED).unwrap_or_else(fresh);
    let count = number(SEED_COUNT).unwrap_or(FRESH_SEEDS);
    println!("{FIRST_SEED}={first} {SEED_COUNT}={count}");
    for seed in first..first + count {
        let mut script = Script::new(seed);
        script.play();
        script.assert_converged(seed);
    }
}

impl Script {
    fn new(seed: u64) -> Self {
        let mut stage = Stage::new(seed, &NAMES);
        (stage.lost, stage.doubled) = (12, 20);
        Self {
            stage,
            sent: Vec::new(),
            about: BTreeMap::new(),
            invited: 0,
            removed: 0,
            left: 0,
        }
    }

    fn play(&mut self) {
        for _ in 0..TURNS {
            let name = NAMES[self.below(3)];
            if self.stage.actor(name).busy {
                if self.below(100) == 0 {
                    self.crash(name);
                } else {
                    self.stage.step(name);
                }
            } else {
                if self.below(2) == 0 {
                    self.act(name);
                }
                self.stage.begin(name);
            }
            self.take_outcomes(name);
        }
        self.stage.settle();
        for name in NAMES {
            self.take_outcomes(name);
        }
    }

    fn below(&mut self, bound: u32) -> usize {
        self.stage.world.below(bound) as usize
    }

    /// Something that somebody in the group might do. Alice stays: she is the witness.
    fn act(&mut self, name: &'static str) {
        if !self.stage.is_member(name) {
            return;
        }
        match self.below(20) {
            0..=8 => self.send(name),
            9 | 10 => {
                let group = self.stage.group;
                self.stage.world.core(name).update(group).unwrap();
            }
            11..=15 => self.invite(name),
            16 | 17 => self.remove(name),
            18 => self.leave(name),
            _ => {}
        }
    }

    fn send(&mut self, by: &'static str) {
        let (group, text) = (self.stage.group, format!("{by} {}", self.sent.len()));
        let task = self.stage.world.core(by).send(group, &text).unwrap();
        self.sent.push(Sent {
            by,
            task,
            text,
            outcome: None,
            forgotten: false,
        });
    }

    fn invite(&mut self, by: &'static str) {
        let (whom, group) = (NAMES[self.below(3)], self.stage.group);
        if self.is_free(whom) && !self.stage.is_member(whom) {
            match self.stage.world.core(by).invite(group, &[user(whom)]) {
                Ok(_) => {
                    self.about.insert(whom, by);
                    self.invited += 1;
                }
                Err(Error::AlreadyMember { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn remove(&mut self, by: &'static str) {
        let (whom, group) = (NAMES[self.below(3)], self.stage.group);
        if whom != by && whom != "alice" && self.is_free(whom) && self.stage.is_member(whom) {
            match self.stage.world.core(by).remove(group, &user(whom)) {
                Ok(_) => {
                    self.about.insert(whom, by);
                    self.removed += 1;
                }
                Err(Error::NoSuchMember { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn leave(&mut self, name: &'static str) {
        let group = self.stage.group;
        if name != "alice" && self.is_free(name) {
            self.stage.world.core(name).leave(group).unwrap();
            self.about.insert(name, name);
            self.left += 1;
        }
    }

    /// Whether all tasks about somebody's membership are finished.
    fn is_free(&mut self, whom: &'static str) -> bool {
        match self.about.get(whom) {
            Some(by) => self.stage.world.store(by).intents().unwrap().is_empty(),
            None => true,
        }
    }

    fn crash(&mut self, name: &'static str) {
        self.stage.crash(name);
        for sent in &mut self.sent {
            sent.forgotten |= sent.by == name && sent.outcome.is_none();
        }
    }

    fn take_outcomes(&mut self, name: &'static str) {
        let open = |sent: &&mut Sent| sent.by == name && sent.outcome.is_none() && !sent.forgotten;
        for sent in self.sent.iter_mut().filter(open) {
            sent.outcome = self.stage.outcome(name, sent.task);
        }
    }

    fn assert_converged(&mut self, seed: u64) {
        self.stage.assert_at_rest();
        self.stage.assert_each_reads_what_is_theirs("alice");
        self.stage.assert_no_warnings();
        let all = self.stage.rows("alice");
        for sent in &self.sent {
            let times = all.iter().filter(|row| row.text == sent.text).count();
            let text = &sent.text;
            match &sent.outcome {
                Some(Ok(_)) => assert_eq!(times, 1, "seed {seed}: {text} was acknowledged"),
                Some(Err(Error::NotMember { .. })) => {
                    assert_eq!(times, 0, "seed {seed}: {text} was refused");
                }
                Some(Err(error)) => panic!("seed {seed}: {text}: {error}"),
                None if sent.by == "alice" => assert_eq!(times, 1, "seed {seed}: {text}"),
                None => {
                    assert!(sent.forgotten, "seed {seed}: {text} has no outcome");
                    assert!(times <= 1, "seed {seed}: {text}");
                }
            }
        }
    }
}
