//! What ought to be the case: who is in the group, what was written and who still has to learn it.
//!
//! The model knows nothing of MLS. It is what a person would expect, and the program has to agree.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::script::Person;

/// A message as everyone who could read it has to see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) sequence: u64,
    pub(super) epoch: u64,
    pub(super) by: Person,
    pub(super) text: &'static str,
    readers: Vec<Person>,
}

/// A change of the group as someone has to learn of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// They were added.
    Joined { epoch: u64, members: Vec<Person> },
    /// Someone else committed.
    Committed {
        epoch: u64,
        by: Person,
        added: Vec<Person>,
        removed: Vec<Person>,
    },
    /// They were removed.
    Removed { by: Person },
}

/// The group as it ought to be.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) epoch: u64,
    pub(super) members: Vec<Person>,
    pub(super) written: Vec<Written>,
    unread: BTreeMap<Person, Vec<Written>>,
    unseen: BTreeMap<Person, Vec<Change>>,
}

impl Model {
    /// The group exists, with one member.
    pub(super) fn created(&mut self, by: Person) {
        self.members = vec![by];
    }

    /// A commit ended the epoch.
    pub(super) fn committed(&mut self, by: Person, added: Option<Person>, removed: Option<Person>) {
        self.epoch += 1;
        let before = self.members.clone();
        self.members.retain(|member| Some(*member) != removed);
        self.members.extend(added);
        let (added, removed) = (added.into_iter().collect(), removed.into_iter().collect());
        let epoch = self.epoch;
        let change = Change::Committed {
            epoch,
            by,
            added,
            removed,
        };
        for member in self.members.clone() {
            if member != by {
                let learns = if before.contains(&member) {
                    change.clone()
                } else {
                    Change::Joined {
                        epoch,
                        members: self.members.clone(),
                    }
                };
                self.unseen.entry(member).or_default().push(learns);
            }
        }
        for gone in before
            .into_iter()
            .filter(|member| !self.members.contains(member))
        {
            self.unseen
                .entry(gone)
                .or_default()
                .push(Change::Removed { by });
        }
    }

    /// A message has its place.
    pub(super) fn wrote(&mut self, by: Person, text: &'static str, sequence: u64) {
        let readers = self.members.clone();
        let message = Written {
            sequence,
            epoch: self.epoch,
            by,
            text,
            readers,
        };
        for reader in self.members.iter().filter(|reader| **reader != by) {
            self.unread
                .entry(*reader)
                .or_default()
                .push(message.clone());
        }
        self.written.push(message);
    }

    /// What someone has to read now, and once only.
    pub(super) fn take_unread(&mut self, person: Person) -> Vec<Written> {
        self.unread.remove(&person).unwrap_or_default()
    }

    /// What someone has to learn now, and once only.
    pub(super) fn take_unseen(&mut self, person: Person) -> Vec<Change> {
        self.unseen.remove(&person).unwrap_or_default()
    }

    /// Everything that someone could ever read.
    pub(super) fn history(&self, person: Person) -> Vec<Value> {
        let readable = self
            .written
            .iter()
            .filter(|message| message.readers.contains(&person));
        readable.map(Written::seen).collect()
    }
}

impl Written {
    /// The part of a `message` event that has to be the same for everyone.
    pub(super) fn seen(&self) -> Value {
        json!({
            "sequence": self.sequence,
            "epoch": self.epoch,
            "sender": user(self.by),
            "text": self.text,
        })
    }
}

impl Change {
    /// The part of the event that has to be as said.
    pub(super) fn seen(&self) -> Value {
        match self {
            Self::Joined { epoch, members } => {
                json!({ "event": "joined", "epoch": epoch, "members": devices(members) })
            }
            Self::Committed {
                epoch,
                by,
                added,
                removed,
            } => json!({
                "event": "committed",
                "epoch": epoch,
                "by": device(*by),
                "added": devices(added),
                "removed": devices(removed),
            }),
            Self::Removed { by } => json!({ "event": "removed", "by": device(*by) }),
        }
    }
}

/// Those members of `seen` that `expected` names: what else an event says is not the model's.
pub(super) fn part_of(seen: &Value, expected: &Value) -> Value {
    let fields = expected.as_object().into_iter().flatten();
    fields
        .map(|(name, _)| (name.clone(), seen[name].clone()))
        .collect()
}

/// The name that a person has at the demo's provider.
pub(super) fn user(person: Person) -> String {
    format!("mimi://localhost/u/{}", person.user())
}

/// The name of a person's only device.
pub(super) fn device(person: Person) -> String {
    format!("mimi://localhost/d/{}/main", person.user())
}

/// The devices of people, in the order in which they are in the group.
pub(super) fn devices(people: &[Person]) -> Vec<String> {
    people.iter().copied().map(device).collect()
}
