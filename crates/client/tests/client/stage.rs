//! Single steps of chosen people, over a network that loses and doubles, watched epoch by epoch.

use std::collections::{BTreeMap, BTreeSet};

use folkmoot_client::core::{Outcome, Request, Response};
use folkmoot_client::{Error, Event};
use folkmoot_protocol::{GroupId, LogPage};
use folkmoot_store::client::{ClientStore, GroupState, MessageRow};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::world::{Answer, World};

/// More steps than any of these scripts takes: beyond, a client runs in circles.
const MAX_STEPS: usize = 50_000;
/// Rounds of everybody after which nobody has anything left to do for anybody.
const LAST_ROUNDS: usize = 8;

/// People whose every step a test decides.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) group: GroupId,
    pub(crate) actors: Vec<Actor>,
    /// Of a hundred requests, so many are lost on each way.
    pub(crate) lost: u32,
    /// Of a hundred requests, so many reach the provider twice.
    pub(crate) doubled: u32,
    /// What the first member to get there saw of each epoch.
    pub(crate) epochs: BTreeMap<u64, Seen>,
    /// The clients' randomness.
    rng: ChaCha20Rng,
}

pub(crate) struct Actor {
    pub(crate) name: &'static str,
    pub(crate) busy: bool,
    pub(crate) arriving: Option<Answer>,
    pub(crate) events: Vec<Event>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    authenticator: Vec<u8>,
    pub(crate) members: BTreeSet<String>,
}

impl Stage {
    /// Registered people, and a group of the first of them that the provider has not heard of yet.
    pub(crate) fn new(seed: u64, names: &[&'static str]) -> Self {
        let mut world = World::of(seed, names);
        let group = world.create(names[0]);
        let actor = |name: &&'static str| Actor {
            name,
            busy: false,
            arriving: None,
            events: Vec::new(),
        };
        Self {
            world,
            group,
            actors: names.iter().map(actor).collect(),
            lost: 0,
            doubled: 0,
            epochs: BTreeMap::new(),
            rng: ChaCha20Rng::seed_from_u64(!seed),
        }
    }

    fn place(&self, name: &str) -> usize {
        let named = |actor: &Actor| actor.name == name;
        self.actors.iter().position(named).unwrap()
    }

    pub(crate) fn actor(&mut self, name: &str) -> &mut Actor {
        let place = self.place(name);
        &mut self.actors[place]
    }

    pub(crate) fn begin(&mut self, name: &str) {
        self.world.now.0 += 1;
        self.world.core(name).begin_round();
        let actor = self.actor(name);
        (actor.busy, actor.arriving) = (true, None);
    }

    /// What somebody asks next, not sent yet.
    pub(crate) fn ask(&mut self, name: &str) -> Option<Request> {
        let now = self.world.now;
        let asked = self.world.core(name).next_request(now, &mut self.rng);
        asked.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The provider takes a request. Pages come entry by entry, so that every epoch is watched.
    pub(crate) fn carry(&mut self, request: &Request) -> Answer {
        let now = self.world.now;
        let answer = self
            .world
            .provider
            .answer(request, now, &mut self.world.rng);
        match answer {
            Ok(Response::Page(page)) => {
                let first: Vec<_> = page.entries.into_vec().into_iter().take(1).collect();
                let entries = first.try_into().unwrap();
                Ok(Response::Page(LogPage { entries }))
            }
            answer => answer,
        }
    }

    /// Somebody takes an answer.
    pub(crate) fn take(&mut self, name: &str, answer: Answer) {
        let now = self.world.now;
        let taken = self.world.core(name).handle(answer, now, &mut self.rng);
        taken.unwrap_or_else(|error| panic!("{name}: {error}"));
        self.watch(name);
    }

    /// Sends a request over the network, or takes the answer that arrived.
    pub(crate) fn step(&mut self, name: &str) {
        if let Some(answer) = self.actor(name).arriving.take() {
            return self.take(name, answer);
        }
        let Some(request) = self.ask(name) else {
            self.actor(name).busy = false;
            return;
        };
        if self.world.below(100) < self.lost {
            return;
        }
        let mut answer = self.carry(&request);
        if self.world.below(100) < self.doubled {
            answer = self.carry(&request);
        }
        if self.world.below(100) >= self.lost {
            self.actor(name).arriving = Some(answer);
        }
    }

    /// Lets somebody go on up to an append, which is made and on disk, but not sent.
    pub(crate) fn up_to_append(&mut self, name: &str) -> Request {
        self.begin(name);
        while let Some(request) = self.ask(name) {
            if matches!(request, Request::Append(_)) {
                return request;
            }
            let answer = self.carry(&request);
            self.take(name, answer);
        }
        panic!("{name} has nothing to append");
    }

    /// Drops somebody's client and opens its store again.
    pub(crate) fn crash(&mut self, name: &str) {
        self.world.crash(name);
        self.begin(name);
    }

    /// Whoever is in an epoch has the same secrets and the same members as all others in it.
    fn watch(&mut self, name: &str) {
        let group = self.group;
        let core = self.world.core(name);
        let events = core.take_events();
        let row = core.store().group(&group).unwrap();
        if let Some(row) = row.filter(|row| row.state != GroupState::Removed) {
            let members = core.members(group).unwrap().into_iter();
            let seen = Seen {
                authenticator: core.epoch_authenticator(group).unwrap(),
                members: members.map(|(_, device)| user_part(&device)).collect(),
            };
            let first = self.epochs.entry(row.epoch.0).or_insert_with(|| Seen {
                authenticator: seen.authenticator.clone(),
                members: seen.members.clone(),
            });
            assert_eq!(*first, seen, "{name} in epoch {}", row.epoch.0);
        }
        self.actor(name).events.extend(events);
    }

    /// Lets somebody do all that there is to do, alone.
    pub(crate) fn run(&mut self, name: &str) {
        self.begin(name);
        for _ in 0..MAX_STEPS {
            if !self.actor(name).busy {
                return;
            }
            self.step(name);
        }
        panic!("{name} runs in circles");
    }

    /// Lets everybody finish over a good network.
    pub(crate) fn settle(&mut self) {
        (self.lost, self.doubled) = (0, 0);
        for actor in &mut self.actors {
            actor.arriving = None;
        }
        for _ in 0..LAST_ROUNDS {
            for place in 0..self.actors.len() {
                self.run(self.actors[place].name);
            }
        }
    }

    pub(crate) fn outcome(&mut self, name: &str, task: u64) -> Option<Result<Outcome, Error>> {
        self.world.core(name).take_outcome(task)
    }

    pub(crate) fn rows(&mut self, name: &str) -> Vec<MessageRow> {
        let group = self.group;
        let store = self.world.store(name);
        store.messages(Some(&group), false, 10_000).unwrap()
    }

    pub(crate) fn is_member(&mut self, name: &str) -> bool {
        let group = self.group;
        let row = self.world.store(name).group(&group).unwrap();
        row.is_some_and(|row| row.state != GroupState::Removed)
    }

    /// All members are in the last epoch, nobody else is a member, and nothing is under way.
    pub(crate) fn assert_at_rest(&mut self) {
        let (group, names) = (self.group, self.names());
        let (last, seen) = self.epochs.last_key_value().unwrap();
        let (last, members) = (*last, seen.members.clone());
        for name in names {
            assert_eq!(self.is_member(name), members.contains(name), "{name}");
            let store = self.world.store(name);
            if let Some(row) = store.group(&group).unwrap()
                && row.state != GroupState::Removed
            {
                assert_eq!(row.epoch.0, last, "{name}");
                assert!(!row.leaving, "{name}");
            }
            assert_eq!(store.outgoing(&group).unwrap(), None, "{name}");
            assert_eq!(store.intents().unwrap(), [], "{name}");
            assert_eq!(store.posts(1).unwrap(), [], "{name}");
            assert_eq!(store.joins().unwrap(), [], "{name}");
        }
    }

    fn names(&self) -> Vec<&'static str> {
        self.actors.iter().map(|actor| actor.name).collect()
    }

    /// Nobody was told of anything that does not fit.
    pub(crate) fn assert_no_warnings(&self) {
        for actor in &self.actors {
            let warning = |event: &&Event| matches!(event, Event::Warning { .. });
            let warnings: Vec<_> = actor.events.iter().filter(warning).collect();
            assert!(warnings.is_empty(), "{}: {warnings:?}", actor.name);
        }
    }

    /// Everybody has exactly the messages of the epochs that they were a member of, in one order.
    /// `witness` was a member all the time.
    pub(crate) fn assert_each_reads_what_is_theirs(&mut self, witness: &str) {
        let all = self.rows(witness);
        for name in self.names() {
            let theirs = |row: &&MessageRow| self.epochs[&row.epoch.0].members.contains(name);
            let expected: Vec<_> = all.iter().filter(theirs).map(content).collect();
            let read: Vec<_> = self.rows(name).iter().map(content).collect();
            assert_eq!(read, expected, "{name}");
        }
    }
}

fn content(row: &MessageRow) -> (u64, String, String) {
    (row.sequence.0, row.sender.to_string(), row.text.clone())
}

fn user_part(device: &folkmoot_client::DeviceName) -> String {
    device.user().user_part().to_owned()
}
