//! Long lives of groups, drawn from a seed.

use crate::script::{Commit, Enter, Name, Step, What, add, create, external_psk, offer, remove};
use crate::world::Tally;
use crate::{SUITES, play, with_servers};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const FIRST_MEMBERS: usize = 5;
const LARGEST_GROUP: usize = 14;
/// Epochs of one life.
const EPOCHS: usize = 12;
/// Lives in suite 1, and in each of the others, for either encoding.
const LIVES: (u64, u64) = (6, 1);

#[test]
fn random_lives() {
    with_servers(async |servers| {
        let mut total = Tally::default();
        for suite in SUITES {
            let lives = if suite == 1 { LIVES.0 } else { LIVES.1 };
            for seed in 0..lives {
                let seed = 100 * u64::from(suite) + seed;
                let life = (format!("seed {seed}"), Life::draw(seed));
                for encrypted in [false, true] {
                    total += play(&servers, (suite, encrypted), &life).await;
                }
            }
        }
        println!("random: {total}");
        servers
    });
}

struct Life {
    rng: ChaCha20Rng,
    members: Vec<Name>,
    steps: Vec<Step>,
    people: usize,
    labels: usize,
}

impl Life {
    fn draw(seed: u64) -> Vec<Step> {
        let mut life = Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            members: Vec::new(),
            steps: Vec::new(),
            people: 0,
            labels: 0,
        };
        life.begin();
        for _ in 0..EPOCHS {
            life.talk();
            if life.below(10) == 0 {
                life.enter();
            } else {
                life.commit();
            }
        }
        life.talk();
        life.steps
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.next_u32() as usize % bound
    }

    fn shuffled(&mut self) -> Vec<Name> {
        let mut members = self.members.clone();
        for last in (1..members.len()).rev() {
            members.swap(last, self.below(last + 1));
        }
        members
    }

    fn person(&mut self) -> Name {
        self.people += 1;
        format!("person {}", self.people)
    }

    fn label(&mut self) -> Name {
        self.labels += 1;
        format!("label {}", self.labels)
    }

    fn begin(&mut self) {
        self.members = (0..FIRST_MEMBERS).map(|_| self.person()).collect();
        let members: Vec<_> = self.members.iter().map(String::as_str).collect();
        self.steps.push(create(members[0], &members[1..]));
    }

    /// Someone says something, and someone else reads it.
    fn talk(&mut self) {
        let (members, label) = (self.shuffled(), self.label());
        let [by, reader, ..] = members.as_slice() else {
            return;
        };
        self.steps.push(Step::Seal {
            by: by.clone(),
            label: label.clone(),
        });
        self.steps.push(Step::Open {
            by: reader.clone(),
            label,
        });
    }

    /// A new member, or an old one again.
    fn enter(&mut self) {
        let (members, replaces) = (self.shuffled(), self.below(2) == 0);
        let tree_apart = self.below(2) == 0;
        let [host, old, ..] = members.as_slice() else {
            return;
        };
        let joiner = if replaces { old.clone() } else { self.person() };
        if !replaces {
            self.members.push(joiner.clone());
        }
        self.steps.push(Step::Enter(Enter {
            joiner,
            host: host.clone(),
            replaces,
            tree_apart,
            psks: Vec::new(),
        }));
    }

    /// Adds, removals and updates of any number, by value and by reference, in any order.
    fn commit(&mut self) {
        let mut order = self.shuffled();
        let committer = order.pop().expect("a group has members");
        let removed = self.below(1 + order.len() / 2);
        let leavers = order.split_off(order.len() - removed);
        let updated = self.below(1 + order.len() / 2);
        let room = LARGEST_GROUP - (order.len() + 1);
        let added = self.below(1 + room.min(4));
        let joiners: Vec<_> = (0..added).map(|_| self.person()).collect();
        let mut commit = Commit {
            by: committer.clone(),
            force_path: self.below(2) == 0,
            tree_apart: self.below(2) == 0,
            ..Commit::default()
        };
        for name in &order[..updated] {
            self.refer(&mut commit, name, What::Update);
        }
        self.steps.extend(joiners.iter().map(|name| offer(name)));
        let adds = joiners.iter().map(|name| add(name));
        let removals = leavers.iter().map(|name| remove(name));
        for what in adds.chain(removals).collect::<Vec<_>>() {
            self.list(&mut commit, &order, what);
        }
        if self.below(3) == 0 {
            let psk = self.label();
            let mut to = self.members.clone();
            to.extend(joiners.iter().cloned());
            self.steps.push(Step::Psk {
                psk: psk.clone(),
                to,
            });
            self.list(&mut commit, &order, external_psk(&psk));
        }
        self.steps.push(Step::Commit(commit));
        self.members = order;
        self.members.push(committer);
        self.members.extend(joiners);
    }

    /// By value, or as anybody's proposal.
    fn list(&mut self, commit: &mut Commit, others: &[Name], what: What) {
        if self.below(2) == 0 {
            commit.by_value.push(what);
            return;
        }
        let by = match self.below(others.len() + 1) {
            0 => commit.by.clone(),
            other => others[other - 1].clone(),
        };
        self.refer(commit, &by, what);
    }

    fn refer(&mut self, commit: &mut Commit, by: &str, what: What) {
        let label = self.label();
        self.steps.push(Step::Propose {
            by: by.to_owned(),
            label: label.clone(),
            what,
        });
        commit.by_reference.push(label);
    }
}
