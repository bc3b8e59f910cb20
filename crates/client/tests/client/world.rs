//! People with their clients, a provider, and a network between them that loses and doubles.

use std::collections::BTreeSet;

use folkmoot_client::core::{Core, Outcome, Request, Response};
use folkmoot_client::{Error, Event, UserName, WarningKind};
use folkmoot_protocol::{GroupId, Problem, Timestamp};
use folkmoot_store::client::ClientStore;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use crate::flaky::FlakyStore;
use crate::provider::Provider;

/// More half steps than any round of these tests takes: beyond, a client runs in circles.
const MAX_HALF_STEPS: usize = 20_000;

pub(crate) type Answer = Result<Response, Problem>;
type Tamper = Box<dyn FnMut(&str, &Request, Answer) -> Answer>;

pub(crate) struct World {
    pub(crate) provider: Provider,
    pub(crate) rng: ChaCha20Rng,
    pub(crate) now: Timestamp,
    /// Of a hundred requests, so many are lost on each way.
    pub(crate) lost: u32,
    /// Of a hundred requests, so many reach the provider twice.
    pub(crate) doubled: u32,
    /// What lies between a client and its provider.
    pub(crate) tamper: Option<Tamper>,
    /// Half steps until one client is dropped and opened again.
    pub(crate) crash_in: Option<usize>,
    people: Vec<Person>,
}

struct Person {
    name: &'static str,
    core: Option<Core<FlakyStore>>,
    /// An answer on its way.
    arriving: Option<Answer>,
    idle: bool,
    events: Vec<Event>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let now = Timestamp(1_750_000_000);
        Self {
            provider: Provider::new(now, &mut rng),
            rng,
            now,
            lost: 0,
            doubled: 0,
            tamper: None,
            crash_in: None,
            people: Vec::new(),
        }
    }

    /// A world in which these people are registered.
    pub(crate) fn of(seed: u64, names: &[&'static str]) -> Self {
        let mut world = Self::new(seed);
        for name in names {
            world.arrive(name);
            world.run(name).unwrap();
        }
        world
    }

    /// A world in which the first of these people has made a group with the others.
    pub(crate) fn with_group(seed: u64, names: &[&'static str]) -> (Self, GroupId) {
        let mut world = Self::of(seed, names);
        let group = world.create(names[0]);
        let others: Vec<_> = names[1..].iter().map(|name| user(name)).collect();
        if !others.is_empty() {
            world.core(names[0]).invite(group, &others).unwrap();
        }
        world.settle();
        (world, group)
    }

    /// Somebody with an account that is not registered yet.
    pub(crate) fn arrive(&mut self, name: &'static str) {
        let mut core = Core::new(FlakyStore::default()).unwrap();
        let device = user(name).device("phone").unwrap();
        core.create_account(&self.provider.address(), device, &mut self.rng)
            .unwrap();
        self.people.push(Person {
            name,
            core: Some(core),
            arriving: None,
            idle: true,
            events: Vec::new(),
        });
    }

    pub(crate) fn create(&mut self, name: &str) -> GroupId {
        let (now, mut rng) = (self.now, self.rng.clone());
        self.rng.next_u64();
        self.core(name)
            .create_group("books", now, &mut rng)
            .unwrap()
    }

    fn place(&self, name: &str) -> usize {
        self.people
            .iter()
            .position(|person| person.name == name)
            .unwrap()
    }

    pub(crate) fn core(&mut self, name: &str) -> &mut Core<FlakyStore> {
        let place = self.place(name);
        self.people[place].core.as_mut().unwrap()
    }

    pub(crate) fn store(&mut self, name: &str) -> &FlakyStore {
        self.core(name).store()
    }

    /// Drops a client, whatever it was doing, and opens its store again.
    pub(crate) fn crash(&mut self, name: &str) {
        let place = self.place(name);
        let person = &mut self.people[place];
        let store = person.core.take().unwrap().into_store();
        person.core = Some(Core::new(store).unwrap());
        person.arriving = None;
        person.idle = false;
    }

    /// Opens somebody's store again with a disk that refuses one write after so many.
    pub(crate) fn fail_write(&mut self, name: &str, writes: Option<usize>) {
        let place = self.place(name);
        let mut store = self.people[place].core.take().unwrap().into_store();
        store.fails_in = writes;
        self.people[place].core = Some(Core::new(store).unwrap());
    }

    /// Lets somebody do all that there is to do, alone.
    pub(crate) fn run(&mut self, name: &str) -> Result<(), Error> {
        let place = self.place(name);
        self.begin(place);
        for _ in 0..MAX_HALF_STEPS {
            if self.people[place].idle {
                return Ok(());
            }
            self.half_step(place)?;
        }
        panic!("{name} runs in circles");
    }

    /// Lets everybody do all that there is to do, in any interleaving, until nobody's doing gives
    /// anybody else something to do.
    pub(crate) fn settle(&mut self) {
        for _ in 0..4 {
            self.round_of_all();
        }
    }

    fn round_of_all(&mut self) {
        (0..self.people.len()).for_each(|place| self.begin(place));
        for _ in 0..MAX_HALF_STEPS {
            let busy: Vec<_> = (0..self.people.len())
                .filter(|place| !self.people[*place].idle)
                .collect();
            if busy.is_empty() {
                return;
            }
            let place = busy[self.below(u32::try_from(busy.len()).unwrap()) as usize];
            let name = self.people[place].name;
            self.half_step(place)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        panic!("they run in circles");
    }

    fn begin(&mut self, place: usize) {
        self.now.0 += 1;
        let person = &mut self.people[place];
        person.core.as_mut().unwrap().begin_round();
        person.arriving = None;
        person.idle = false;
    }

    /// Sends a request, or takes an answer.
    fn half_step(&mut self, place: usize) -> Result<(), Error> {
        let (now, name) = (self.now, self.people[place].name);
        let arriving = self.people[place].arriving.take();
        let core = self.people[place].core.as_mut().unwrap();
        let result = match arriving {
            Some(answer) => core.handle(answer, now, &mut self.rng),
            None => match core.next_request(now, &mut self.rng) {
                Ok(Some(request)) => {
                    self.send(place, &request);
                    Ok(())
                }
                Ok(None) => {
                    self.people[place].idle = true;
                    Ok(())
                }
                Err(error) => Err(error),
            },
        };
        let events = self.core(name).take_events();
        self.people[place].events.extend(events);
        self.maybe_crash(name);
        result
    }

    fn send(&mut self, place: usize, request: &Request) {
        let name = self.people[place].name;
        if self.chance(self.lost) {
            return;
        }
        let mut answer = self.provider.answer(request, self.now, &mut self.rng);
        if self.chance(self.doubled) {
            let second = self.provider.answer(request, self.now, &mut self.rng);
            if self.chance(50) {
                answer = second;
            }
        }
        if let Some(tamper) = &mut self.tamper {
            answer = tamper(name, request, answer);
        }
        if !self.chance(self.lost) {
            self.people[place].arriving = Some(answer);
        }
    }

    fn maybe_crash(&mut self, name: &str) {
        match self.crash_in {
            Some(0) => {
                self.crash_in = None;
                self.crash(name);
            }
            Some(steps) => self.crash_in = Some(steps - 1),
            None => {}
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.rng.next_u32() % bound
    }

    /// Lets somebody finish a task and gives what came of it.
    pub(crate) fn finish(&mut self, name: &str, task: u64) -> Result<Outcome, Error> {
        self.run(name)?;
        self.core(name)
            .take_outcome(task)
            .expect("the task has ended")
    }

    pub(crate) fn send_text(
        &mut self,
        name: &str,
        group: GroupId,
        text: &str,
    ) -> Result<(), Error> {
        let task = self.core(name).send(group, text)?;
        self.finish(name, task).map(drop)
    }

    /// Sequence, author and text of each message that somebody has.
    pub(crate) fn messages(&mut self, name: &str, group: GroupId) -> Vec<(u64, String, String)> {
        let rows = self
            .store(name)
            .messages(Some(&group), false, 10_000)
            .unwrap();
        rows.into_iter()
            .map(|row| {
                (
                    row.sequence.0,
                    row.sender.user().user_part().to_owned(),
                    row.text,
                )
            })
            .collect()
    }

    pub(crate) fn texts(&mut self, name: &str, group: GroupId) -> Vec<String> {
        self.messages(name, group)
            .into_iter()
            .map(|(_, _, text)| text)
            .collect()
    }

    pub(crate) fn events(&self, name: &str) -> &[Event] {
        &self.people[self.place(name)].events
    }

    pub(crate) fn warnings(&self, name: &str) -> Vec<WarningKind> {
        let kind = |event: &Event| match event {
            Event::Warning { kind, .. } => Some(*kind),
            _ => None,
        };
        self.events(name).iter().filter_map(kind).collect()
    }

    pub(crate) fn assert_no_warnings(&self) {
        for person in &self.people {
            let warnings: Vec<_> = person
                .events
                .iter()
                .filter(|event| matches!(event, Event::Warning { .. }))
                .collect();
            assert!(warnings.is_empty(), "{}: {warnings:?}", person.name);
        }
    }

    /// Everybody named is in one and the same state of the group, and nobody else is in it; nothing
    /// is under way; where two have a message at the same place it is the same, and no text is there
    /// twice.
    pub(crate) fn assert_agreed(&mut self, group: GroupId, names: &[&str]) {
        let mut expected: Vec<_> = names.iter().map(|name| user(name).to_string()).collect();
        expected.sort();
        let reference = self.core(names[0]).epoch_authenticator(group).unwrap();
        for name in names {
            let core = self.core(name);
            assert_eq!(
                core.epoch_authenticator(group).unwrap(),
                reference,
                "{name}'s epoch"
            );
            let members = core.members(group).unwrap();
            let mut members: Vec<_> = members
                .into_iter()
                .map(|(_, device)| device.user().to_string())
                .collect();
            members.sort();
            assert_eq!(members, expected, "{name}'s members");
            let store = self.store(name);
            assert_eq!(store.outgoing(&group).unwrap(), None, "{name}");
            assert_eq!(store.intents().unwrap(), [], "{name}");
            assert_eq!(store.posts(1).unwrap(), [], "{name}");
            assert_eq!(store.joins().unwrap(), [], "{name}");
        }
        let logs: Vec<_> = names
            .iter()
            .map(|name| self.messages(name, group))
            .collect();
        for (name, log) in names.iter().zip(&logs) {
            let texts: BTreeSet<_> = log.iter().map(|(_, _, text)| text).collect();
            assert_eq!(texts.len(), log.len(), "{name} has a message twice");
            for other in &logs {
                let from = log.iter().chain(other).map(|(at, ..)| *at).min();
                let both = log
                    .first()
                    .map(|l| l.0)
                    .max(other.first().map(|o| o.0))
                    .or(from);
                let common = |log: &[(u64, String, String)]| -> Vec<_> {
                    log.iter()
                        .filter(|(at, ..)| Some(*at) >= both)
                        .cloned()
                        .collect()
                };
                assert_eq!(common(log), common(other), "{name} and another");
            }
        }
    }
}

pub(crate) fn user(name: &str) -> UserName {
    format!("mimi://example.org/u/{name}").parse().unwrap()
}
