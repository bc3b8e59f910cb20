//! The play, as data: RFC 9750 Figure 2, and what its sections 3.5 and 3.6 add.

use serde::Serialize;

/// Someone in the play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Person {
    Alice,
    Bob,
    Charlie,
}

use Person::{Alice, Bob, Charlie};

impl Person {
    /// As they register.
    pub(super) fn user(self) -> &'static str {
        match self {
            Alice => "alice",
            Bob => "bob",
            Charlie => "charlie",
        }
    }

    /// As they are called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Alice => "Alice",
            Bob => "Bob",
            Charlie => "Charlie",
        }
    }
}

/// What someone does; each is one run of the program with their own profile.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    /// Gets a name and leaves key packages with the provider.
    Register(Person),
    /// Creates the group.
    Create(Person),
    /// The first adds the second.
    Add(Person, Person),
    /// Writes to the group.
    Write(Person, &'static str),
    /// Reads what is new, which has to be exactly what was written for them.
    Read(Person),
    /// Runs nothing until they read again.
    GoAway(Person),
    /// Replaces their keys.
    Update(Person),
    /// The first removes the second.
    Remove(Person, Person),
    /// Tries to write, which has to be refused for not being a member.
    WriteInVain(Person, &'static str),
    /// Members and epoch have to be the same for all of them.
    Compare(&'static [Person]),
    /// Reads everything again: nothing has been lost, doubled or reordered.
    ReadAll(Person),
    /// Nothing that was written is to be found in the provider's files or in anyone's profile.
    SearchDisks,
}

/// A part of the play.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) title: &'static str,
    /// Of RFC 9750.
    pub(super) section: &'static str,
    pub(super) acts: &'static [Act],
    /// What its checks amount to.
    pub(super) shown: &'static str,
}

/// The group's name.
pub(super) const GROUP: &str = "Meadow";

/// The play.
pub(super) const SCENES: &[Scene] = &[
    Scene {
        title: "Three accounts, and keying material for each",
        section: "3.1, 3.2",
        acts: &[
            Act::Register(Alice),
            Act::Register(Bob),
            Act::Register(Charlie),
        ],
        shown: "three names, three keys, each made on its own device",
    },
    Scene {
        title: "Alice forms a group with Bob",
        section: "3.3",
        acts: &[
            Act::Create(Alice),
            Act::Add(Alice, Bob),
            Act::Read(Bob),
            Act::Compare(&[Alice, Bob]),
            Act::Write(Alice, "Bob, the gate to the meadow is open."),
            Act::Read(Bob),
            Act::Write(Bob, "I bring bread and a blanket."),
            Act::Read(Alice),
        ],
        shown: "Bob was added while away; each reads what the other wrote",
    },
    Scene {
        title: "Charlie joins",
        section: "3.4",
        acts: &[
            Act::Add(Alice, Charlie),
            Act::Read(Charlie),
            Act::Read(Bob),
            Act::Compare(&[Alice, Bob, Charlie]),
            Act::Write(Alice, "Welcome, Charlie. We meet at noon."),
            Act::Write(Charlie, "I bring cherries and crème fraîche."),
            Act::Write(Bob, "Then I bring a bowl."),
            Act::Read(Alice),
            Act::Read(Bob),
            Act::Read(Charlie),
        ],
        shown: "three people, one order, and Charlie nothing from before",
    },
    Scene {
        title: "Bob is away while Alice renews her keys",
        section: "3.5, 6.3",
        acts: &[
            Act::GoAway(Bob),
            Act::Update(Alice),
            Act::Write(Alice, "Fresh keys, fresh air. Bob asleep?"),
            Act::Read(Charlie),
            Act::Write(Charlie, "Leave him some cherries."),
            Act::Read(Alice),
            Act::Read(Bob),
            Act::Compare(&[Alice, Bob, Charlie]),
            Act::Write(Bob, "I am awake. Where are they?"),
            Act::Read(Alice),
            Act::Read(Charlie),
        ],
        shown: "Bob catches up with the new keys and every message, in order",
    },
    Scene {
        title: "Charlie is removed",
        section: "3.5",
        acts: &[
            Act::Remove(Alice, Charlie),
            Act::Read(Bob),
            Act::Write(Alice, "Charlie ate all the cherries."),
            Act::Write(Bob, "Not a single one for me."),
            Act::Read(Alice),
            Act::Read(Bob),
            Act::Read(Charlie),
            Act::WriteInVain(Charlie, "I can explain!"),
            Act::Compare(&[Alice, Bob]),
        ],
        shown: "Charlie is told, reads nothing that follows and cannot write",
    },
    Scene {
        title: "Afterwards",
        section: "8.2",
        acts: &[
            Act::ReadAll(Alice),
            Act::ReadAll(Bob),
            Act::ReadAll(Charlie),
            Act::SearchDisks,
        ],
        shown: "one history for all, and no word of it is readable on a disk",
    },
];
