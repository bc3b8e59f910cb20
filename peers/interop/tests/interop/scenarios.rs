//! What each engine must be able to do with each other.

use super::{name, rotations, settings};
use interop::{Divergence, Engine, Plan, Proposed, Settings, Tally, Tree, World};

type Played = Result<World, Divergence>;
type Scenario = fn(&Stage) -> Played;

/// Who plays, and how the group is run.
pub(crate) struct Stage {
    settings: Settings,
    /// The first creates the group.
    cast: Vec<Engine>,
}

/// Plays a scenario in every distribution of roles and every way to run a group.
pub(crate) fn play(title: &str, scenario: Scenario, cast: &[Engine], suite: u16) {
    let mut tally = Tally::default();
    for settings in settings(suite) {
        for cast in rotations(cast) {
            match scenario(&Stage {
                settings,
                cast: cast.clone(),
            }) {
                Ok(world) => tally.add(world.tally()),
                Err(found) => panic!("{title}, {}, {settings:?}\n{found}", name(&cast)),
            }
        }
    }
    assert!(tally.epochs > 0, "a scenario has epochs");
    println!("interop: suite {suite}, {}, {title}: {tally}", name(cast));
}

impl Stage {
    /// The engine of the `n`th role.
    fn engine(&self, n: usize) -> Engine {
        self.cast[n % self.cast.len()]
    }

    /// A group of `size`, all but the creator added in one commit.
    fn group(&self, size: usize) -> Played {
        let mut world = World::new(self.settings, 0, self.engine(0))?;
        let plan = Plan {
            adds: (1..size).map(|n| self.engine(n)).collect(),
            ..Plan::default()
        };
        world.commit(0, &plan)?;
        Ok(world)
    }
}

fn add(engines: &[Engine]) -> Plan {
    Plan {
        adds: engines.to_vec(),
        ..Plan::default()
    }
}

fn remove(places: &[usize]) -> Plan {
    Plan {
        removes: places.to_vec(),
        ..Plan::default()
    }
}

fn fresh_keys() -> Plan {
    Plan {
        fresh_keys: true,
        ..Plan::default()
    }
}

/// All send one message each.
fn all_talk(world: &mut World) -> Result<(), Divergence> {
    (0..world.size()).try_for_each(|place| world.talk(place, 1, false))
}

pub(crate) fn joins(stage: &Stage) -> Played {
    let mut world = World::new(stage.settings, 0, stage.engine(0))?;
    // Each member in turn adds the next, by value, with and without fresh keys.
    for n in 1..6 {
        let plan = Plan {
            fresh_keys: n % 2 == 0,
            ..add(&[stage.engine(n)])
        };
        world.commit(n - 1, &plan)?;
        all_talk(&mut world)?;
    }
    // Proposed by one, committed by another, with one more in the same commit.
    for n in 0..3 {
        world.propose(n, Proposed::Add(stage.engine(n)))?;
        world.propose(n + 1, Proposed::Add(stage.engine(n + 1)))?;
        world.commit(n + 2, &add(&[stage.engine(n + 2)]))?;
        all_talk(&mut world)?;
    }
    Ok(world)
}

pub(crate) fn removals(stage: &Stage) -> Played {
    let mut world = stage.group(12)?;
    world.commit(3, &remove(&[4, 5]))?;
    all_talk(&mut world)?;
    world.propose(2, Proposed::Remove(7))?;
    world.propose(1, Proposed::Remove(1))?;
    world.commit(0, &remove(&[3]))?;
    all_talk(&mut world)?;
    // Blank leaves are filled again, a removal and an addition in one commit.
    let plan = Plan {
        removes: vec![0],
        ..add(&[stage.engine(0), stage.engine(1)])
    };
    world.commit(2, &plan)?;
    all_talk(&mut world)?;
    // The tree shrinks: the last of all go.
    let last: Vec<_> = (3..world.size()).collect();
    world.commit(1, &remove(&last))?;
    all_talk(&mut world)?;
    world.commit(2, &remove(&[1]))?;
    world.commit(
        1,
        &add(&[stage.engine(0), stage.engine(1), stage.engine(2)]),
    )?;
    all_talk(&mut world)?;
    Ok(world)
}

pub(crate) fn updates(stage: &Stage) -> Played {
    let mut world = stage.group(7)?;
    for place in 0..7 {
        world.commit(place, &fresh_keys())?;
    }
    all_talk(&mut world)?;
    for committer in 0..7 {
        // The committer's own Update gives way to its path.
        for place in 0..7 {
            if place % 3 != committer % 3 || place == committer {
                world.propose(place, Proposed::Update)?;
            }
        }
        world.commit(committer, &Plan::default())?;
        all_talk(&mut world)?;
    }
    // A removal goes before an Update of the same leaf.
    world.propose(5, Proposed::Update)?;
    world.propose(3, Proposed::Remove(5))?;
    world.commit(0, &add(&[stage.engine(1)]))?;
    all_talk(&mut world)?;
    Ok(world)
}

pub(crate) fn messages(stage: &Stage) -> Played {
    let mut world = stage.group(5)?;
    for place in 0..5 {
        world.talk(place, 30, true)?;
    }
    // What is still under way arrives up to three epochs later, some of it from a removed member.
    world.commit(1, &remove(&[4]))?;
    world.talk(0, 10, true)?;
    world.commit(2, &fresh_keys())?;
    world.deliver(true)?;
    world.commit(0, &add(&[stage.engine(1)]))?;
    all_talk(&mut world)?;
    world.talk(4, 20, true)?;
    world.commit(3, &Plan::default())?;
    world.deliver(false)?;
    Ok(world)
}

pub(crate) fn rivals(stage: &Stage) -> Played {
    let mut world = stage.group(5)?;
    for (winner, loser) in [(0, 1), (1, 0), (2, 3), (3, 2), (4, 0)] {
        world.race((winner, &fresh_keys()), (loser, &add(&[stage.engine(0)])))?;
        world.propose(winner, Proposed::Update)?;
        world.race((loser, &Plan::default()), (winner, &fresh_keys()))?;
        all_talk(&mut world)?;
    }
    // A commit that never arrives uses up keys that nobody sees used.
    for place in 0..5 {
        world.false_start(place)?;
        world.propose((place + 1) % 5, Proposed::Update)?;
        world.false_start(place)?;
        world.commit(place, &Plan::default())?;
        all_talk(&mut world)?;
    }
    // The loser is removed by the winner.
    world.race((1, &remove(&[3])), (3, &remove(&[1])))?;
    all_talk(&mut world)?;
    Ok(world)
}

pub(crate) fn pre_shared_keys(stage: &Stage) -> Played {
    let mut world = stage.group(4)?;
    for place in 0..4 {
        let plan = Plan {
            psks: 1 + place % 2,
            fresh_keys: place % 2 == 0,
            ..Plan::default()
        };
        world.commit(place, &plan)?;
        world.propose(place, Proposed::Psk)?;
        world.propose((place + 1) % 4, Proposed::Psk)?;
        world.commit((place + 2) % 4, &Plan::default())?;
        all_talk(&mut world)?;
    }
    // Those who join need the keys as well.
    for place in 0..3 {
        world.propose(place, Proposed::Psk)?;
        world.commit(place + 1, &add(&[stage.engine(place)]))?;
        all_talk(&mut world)?;
    }
    Ok(world)
}

pub(crate) fn group_extensions(stage: &Stage) -> Played {
    let mut world = stage.group(4)?;
    for place in 0..4 {
        let plan = Plan {
            extensions: true,
            ..Plan::default()
        };
        world.commit(place, &plan)?;
        world.propose(place, Proposed::Extensions)?;
        world.commit((place + 1) % 4, &add(&[stage.engine(place)]))?;
        world.propose((place + 2) % 4, Proposed::Update)?;
        world.commit((place + 3) % 4, &plan)?;
        all_talk(&mut world)?;
    }
    Ok(world)
}

pub(crate) fn external_commits(stage: &Stage) -> Played {
    let mut world = stage.group(3)?;
    for host in 0..3 {
        for tree in [Tree::Inside, Tree::Outside] {
            for entering in 0..stage.cast.len() {
                world.enter(stage.engine(entering), host, tree, false)?;
            }
            all_talk(&mut world)?;
        }
        let newest = world.size() - 1;
        world.propose(newest, Proposed::Update)?;
        world.commit(host, &remove(&[newest - 1]))?;
        world.enter(stage.engine(host), world.size() - 1, Tree::Inside, true)?;
        world.commit(world.size() - 1, &fresh_keys())?;
    }
    // Members that have lost their state come back on another's GroupInfo, whatever waits.
    for lost in 0..4 {
        world.propose(1, Proposed::Add(stage.engine(0)))?;
        let host = if lost == 2 { 3 } else { 2 };
        world.resync(
            lost,
            host,
            if lost % 2 == 0 {
                Tree::Inside
            } else {
                Tree::Outside
            },
        )?;
        all_talk(&mut world)?;
        world.commit(world.size() - 1, &Plan::default())?;
    }
    Ok(world)
}
