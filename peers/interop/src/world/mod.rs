//! The delivery service: it orders what members publish, hands it on, and compares.

mod clients;
mod epochs;
mod posts;

use crate::draw::Draw;
use crate::{Change, Divergence, Engine, Member, Seen, Settings, Tally, Tree};
use posts::Post;
use std::collections::{BTreeSet, VecDeque};

/// A group, its members and what is under way between them.
///
/// Members are named by their place in the list; one who is removed leaves it.
pub struct World {
    settings: Settings,
    seed: u64,
    pub(crate) draw: Draw,
    members: Vec<Box<dyn Member>>,
    /// Clients with a KeyPackage in an Add that waits.
    joiners: Vec<Box<dyn Member>>,
    waiting: Waiting,
    posts: Vec<Post>,
    psks: Vec<Psk>,
    named: usize,
    tally: Tally,
    steps: VecDeque<String>,
}

/// The list of a commit of its committer's own.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Clients to add.
    pub adds: Vec<Engine>,
    /// Members to remove.
    pub removes: Vec<usize>,
    /// Pre-shared keys to mix in.
    pub psks: usize,
    /// Whether to replace the group's extensions.
    pub extensions: bool,
    /// Fresh keys for the committer even where RFC 9420 does not require them.
    pub fresh_keys: bool,
}

/// A proposal to make.
#[derive(Clone, Copy, Debug)]
pub enum Proposed {
    /// Add a new client.
    Add(Engine),
    /// Remove a member, possibly the proposer.
    Remove(usize),
    /// Fresh keys for the proposer.
    Update,
    /// Mix a pre-shared key in.
    Psk,
    /// Replace the group's extensions.
    Extensions,
}

/// What waits for a commit.
#[derive(Default)]
struct Waiting {
    any: bool,
    removed: BTreeSet<String>,
    updated: BTreeSet<String>,
    psks: bool,
    extensions: bool,
}

struct Psk {
    id: Vec<u8>,
    secret: Vec<u8>,
    used: bool,
}

type Checked<T> = Result<T, Divergence>;

impl World {
    /// A group with one member.
    pub fn new(settings: Settings, seed: u64, creator: Engine) -> Checked<Self> {
        let mut world = Self {
            settings,
            seed,
            draw: Draw::new(seed),
            members: Vec::new(),
            joiners: Vec::new(),
            waiting: Waiting::default(),
            posts: Vec::new(),
            psks: Vec::new(),
            named: 0,
            tally: Tally::default(),
            steps: VecDeque::new(),
        };
        let creator = world.newcomer(creator)?;
        world.members.push(creator);
        let id = world.draw.bytes(16);
        world.ask(0, "to create a group", |member| member.create(&id))?;
        world.compare()?;
        Ok(world)
    }

    /// What happened so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The number of members.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// Members after a commit of all that waits.
    pub(crate) fn expected_size(&self) -> usize {
        self.members.len() + self.joiners.len() - self.waiting.removed.len()
    }

    /// The members' engines.
    pub fn engines(&self) -> Vec<Engine> {
        self.members.iter().map(|member| member.engine()).collect()
    }

    /// A member's engine.
    pub(crate) fn engine(&self, place: usize) -> Engine {
        self.members[place].engine()
    }

    /// The places of an engine's members.
    pub fn of(&self, engine: Engine) -> Vec<usize> {
        let of = |place: &usize| self.members[*place].engine() == engine;
        (0..self.members.len()).filter(of).collect()
    }

    /// Whether proposals wait for a commit.
    pub fn has_waiting(&self) -> bool {
        self.waiting.any
    }

    pub(crate) fn has_waiting_psks(&self) -> bool {
        self.waiting.psks
    }

    pub(crate) fn has_waiting_extensions(&self) -> bool {
        self.waiting.extensions
    }

    /// Whether a member's Update waits.
    pub(crate) fn is_updating(&self, place: usize) -> bool {
        self.waiting.updated.contains(self.members[place].name())
    }

    pub(crate) fn has_posts(&self) -> bool {
        !self.posts.is_empty()
    }

    /// Members whose removal nobody has proposed.
    pub(crate) fn staying(&self) -> Vec<usize> {
        let stays = |place: &usize| !self.waiting.removed.contains(self.members[*place].name());
        (0..self.members.len()).filter(stays).collect()
    }

    /// Commits what waits and the plan.
    pub fn commit(&mut self, by: usize, plan: &Plan) -> Checked<()> {
        self.step(&format!("{} commits {plan:?}", self.who(by)));
        self.tally.count("commit");
        let (published, joiners) = self.prepare(by, plan)?;
        self.publish(by, &published, joiners)
    }

    /// Two members commit in one epoch; the winner's commit is the first to arrive.
    pub fn race(&mut self, winner: (usize, &Plan), loser: (usize, &Plan)) -> Checked<()> {
        let (winner, loser) = ((winner.0, winner.1), (loser.0, loser.1));
        let names = (self.who(winner.0), self.who(loser.0));
        self.step(&format!(
            "{} commits {:?} before {}",
            names.0, winner.1, names.1
        ));
        self.tally.count("race of two commits");
        let (late, _) = self.prepare(loser.0, loser.1)?;
        let (first, joiners) = self.prepare(winner.0, winner.1)?;
        self.ask(loser.0, "to discard its commit", |member| member.discard())?;
        self.publish(winner.0, &first, joiners)?;
        for place in 0..self.members.len() {
            if self.members[place].process(&late.commit).is_ok() {
                let who = self.who(place);
                return Err(self.divergence(format!("{who} takes a commit of a past epoch")));
            }
        }
        self.compare()
    }

    /// A member makes a commit that never arrives.
    pub fn false_start(&mut self, by: usize) -> Checked<()> {
        self.step(&format!("{} discards a commit", self.who(by)));
        self.tally.count("discarded commit");
        let plan = Plan {
            fresh_keys: true,
            ..Plan::default()
        };
        self.prepare(by, &plan)?;
        self.ask(by, "to discard its commit", |member| member.discard())?;
        self.compare()
    }

    /// Makes a proposal and hands it to all others.
    pub fn propose(&mut self, by: usize, proposed: Proposed) -> Checked<()> {
        self.step(&format!("{} proposes {proposed:?}", self.who(by)));
        let change = match proposed {
            Proposed::Add(engine) => {
                self.tally.count("Add by reference");
                let mut joiner = self.newcomer(engine)?;
                let key_package = self.ready(joiner.key_package())?;
                self.joiners.push(joiner);
                Change::Add(key_package)
            }
            Proposed::Remove(place) => {
                let name = self.members[place].name().to_owned();
                self.tally.count(if place == by {
                    "Remove of oneself by reference"
                } else {
                    "Remove by reference"
                });
                let leaf = self.leaf(&name)?;
                self.waiting.removed.insert(name);
                Change::Remove(leaf)
            }
            Proposed::Update => {
                self.tally.count("Update by reference");
                let name = self.members[by].name().to_owned();
                self.waiting.updated.insert(name);
                Change::Update
            }
            Proposed::Psk => {
                self.tally.count("PreSharedKey by reference");
                self.waiting.psks = true;
                Change::Psk(self.psk()?)
            }
            Proposed::Extensions => {
                self.tally.count("GroupContextExtensions by reference");
                self.waiting.extensions = true;
                Change::Extensions(self.extensions())
            }
        };
        let message = self.ask(by, "to propose", |member| member.propose(&change))?;
        self.waiting.any = true;
        for place in self.others(by) {
            let seen = self.ask(place, "a proposal", |member| member.process(&message))?;
            self.expect(place, &seen, &Seen::Proposal)?;
        }
        Ok(())
    }

    /// A new client joins by an external commit on the GroupInfo of member `host`.
    pub fn enter(&mut self, engine: Engine, host: usize, tree: Tree, psk: bool) -> Checked<()> {
        self.step(&format!("{engine} enters by {} {tree:?}", self.who(host)));
        self.tally.count(match (tree, psk) {
            (_, true) => "external commit with PreSharedKey",
            (Tree::Inside, false) => "external commit",
            (Tree::Outside, false) => "external commit, tree outside",
        });
        let psks = if psk { vec![self.psk()?] } else { Vec::new() };
        let newcomer = self.newcomer(engine)?;
        let mut entry = self.entry(host, tree)?;
        entry.psks = psks;
        self.external(newcomer, &entry, None)
    }

    /// A member that has lost its state comes back by an external commit that removes its old leaf.
    pub fn resync(&mut self, lost: usize, host: usize, tree: Tree) -> Checked<()> {
        self.step(&format!(
            "{} comes back by {}",
            self.who(lost),
            self.who(host)
        ));
        self.tally.count("external commit with Remove");
        let mut entry = self.entry(host, tree)?;
        entry.old_leaf = Some(self.leaf(self.members[lost].name())?);
        let mut again = self.ready(self.members[lost].amnesiac())?;
        self.teach(again.as_mut())?;
        self.external(again, &entry, Some(lost))
    }
}
