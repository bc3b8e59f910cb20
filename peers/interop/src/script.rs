//! Operations drawn from a seed.

use crate::{Divergence, Engine, Plan, Proposed, Quirk, Settings, Tally, Tree, World};

/// No group here needs to be larger to have blank nodes, unmerged leaves and a changing height.
const LARGEST_GROUP: usize = 9;
/// Messages that one operation sends at most.
const MESSAGES: usize = 4;

/// A random walk through a group's life.
#[derive(Clone, Debug)]
pub struct Script {
    /// What repeats the walk.
    pub seed: u64,
    /// Its length.
    pub operations: usize,
    /// The engines of its members; the first creates the group.
    pub cast: Vec<Engine>,
}

/// What is drawn.
#[derive(Clone, Copy, Debug)]
enum Draw {
    Talk,
    Deliver,
    Propose,
    Commit,
    Race,
    FalseStart,
    Enter,
    Resync,
}

/// Each as often as it should be drawn.
const DRAWS: [Draw; 24] = [
    Draw::Talk,
    Draw::Talk,
    Draw::Talk,
    Draw::Talk,
    Draw::Talk,
    Draw::Deliver,
    Draw::Deliver,
    Draw::Propose,
    Draw::Propose,
    Draw::Propose,
    Draw::Propose,
    Draw::Propose,
    Draw::Propose,
    Draw::Commit,
    Draw::Commit,
    Draw::Commit,
    Draw::Commit,
    Draw::Commit,
    Draw::Commit,
    Draw::Race,
    Draw::Race,
    Draw::FalseStart,
    Draw::Enter,
    Draw::Resync,
];

impl Script {
    /// Lets a new world carry it out.
    pub fn run(&self, settings: Settings) -> Result<Tally, Divergence> {
        let (creator, invited) = self.cast.split_first().expect("a script has a cast");
        let mut world = World::new(settings, self.seed, *creator)?;
        let plan = Plan {
            adds: invited.to_vec(),
            ..Plan::default()
        };
        world.commit(0, &plan)?;
        while world.tally().total() < self.operations {
            self.step(&mut world)?;
        }
        world.deliver(false)?;
        Ok(world.tally().clone())
    }

    fn has(&self, quirk: Quirk) -> bool {
        self.cast.iter().any(|engine| engine.has(quirk))
    }

    /// Draws one operation; one that does not fit the moment is not carried out.
    fn step(&self, world: &mut World) -> Result<(), Divergence> {
        let drawn = world.draw.pick(&DRAWS).unwrap_or(Draw::Talk);
        let members: Vec<_> = (0..world.size()).collect();
        let Some(anyone) = world.draw.pick(&members) else {
            return Ok(());
        };
        let committers = world.staying();
        match drawn {
            Draw::Talk if !world.has_waiting() => {
                let messages = 1 + world.draw.below(MESSAGES);
                world.talk(anyone, messages, true)
            }
            Draw::Deliver if world.has_posts() => world.deliver(true),
            Draw::Propose => self.propose(world, anyone),
            Draw::Commit => {
                let Some(by) = world.draw.pick(&committers) else {
                    return Ok(());
                };
                let plan = self.plan(world, by);
                world.commit(by, &plan)
            }
            Draw::Race if committers.len() >= 2 => {
                let mut two = committers;
                world.draw.shuffle(&mut two);
                let (winner, loser) = (two[0], two[1]);
                let plans = (self.plan(world, winner), self.plan(world, loser));
                world.race((winner, &plans.0), (loser, &plans.1))
            }
            Draw::FalseStart => match world.draw.pick(&committers) {
                Some(by) => world.false_start(by),
                None => Ok(()),
            },
            Draw::Enter if world.size() < LARGEST_GROUP => {
                let engine = self.engine(world);
                let tree = tree(world);
                let psk = world.draw.one_in(3);
                world.enter(engine, anyone, tree, psk)
            }
            Draw::Resync => {
                let hosts: Vec<_> = members
                    .into_iter()
                    .filter(|other| *other != anyone)
                    .collect();
                match world.draw.pick(&hosts) {
                    Some(host) => {
                        let tree = tree(world);
                        world.resync(anyone, host, tree)
                    }
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn propose(&self, world: &mut World, by: usize) -> Result<(), Divergence> {
        let proposed = match world.draw.below(5) {
            0 if world.expected_size() < LARGEST_GROUP => Proposed::Add(self.engine(world)),
            1 if world.staying().len() > 2 => {
                let changeable = self.changeable(world);
                match world.draw.pick(&changeable) {
                    Some(place) => Proposed::Remove(place),
                    None => return Ok(()),
                }
            }
            2 => Proposed::Psk,
            3 if !world.has_waiting_extensions() => Proposed::Extensions,
            _ if self.changeable(world).contains(&by) => Proposed::Update,
            _ => return Ok(()),
        };
        world.propose(by, proposed)
    }

    /// Members that a further proposal may change.
    fn changeable(&self, world: &World) -> Vec<usize> {
        let mut changeable = world.staying();
        if self.has(Quirk::CommitsSupersededUpdates) {
            changeable.retain(|place| !world.is_updating(*place));
        }
        changeable
    }

    /// The own list of a commit by `by`.
    fn plan(&self, world: &mut World, by: usize) -> Plan {
        let mut plan = Plan {
            fresh_keys: world.draw.one_in(3),
            ..Plan::default()
        };
        let room = LARGEST_GROUP.saturating_sub(world.expected_size());
        if room > 0 && world.draw.one_in(2) {
            let adds = 1 + world.draw.below(room.min(3));
            plan.adds = (0..adds).map(|_| self.engine(world)).collect();
        }
        let mut others = self.changeable(world);
        others.retain(|place| *place != by);
        if others.len() >= 2 && world.staying().len() > 2 && world.draw.one_in(3) {
            world.draw.shuffle(&mut others);
            let most = 2.min(others.len() - 1).min(world.staying().len() - 2);
            let removes = 1 + world.draw.below(most);
            plan.removes = others.into_iter().take(removes).collect();
        }
        let mixed = world.has_waiting_psks() && world.engine(by).has(Quirk::OrdersOwnPsksFirst);
        if !mixed && world.draw.one_in(4) {
            plan.psks = 1 + world.draw.below(2);
        }
        plan.extensions = !world.has_waiting_extensions() && world.draw.one_in(5);
        plan
    }

    /// Whom to add: mostly the engine with the fewest members, so that all take part.
    fn engine(&self, world: &mut World) -> Engine {
        let fewest = self
            .cast
            .iter()
            .copied()
            .min_by_key(|engine| world.of(*engine).len());
        let any = world.draw.pick(&self.cast);
        let chosen = if world.draw.one_in(3) { any } else { fewest };
        chosen.expect("a script has a cast")
    }
}

fn tree(world: &mut World) -> Tree {
    if world.draw.one_in(2) {
        Tree::Inside
    } else {
        Tree::Outside
    }
}
