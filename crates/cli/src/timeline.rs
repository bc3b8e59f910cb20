//! What happened in groups, in the order of their logs, for a person or a program.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use folkmoot_client::{Event, StoredMessage};
use serde::{Serialize, Serializer};

use crate::failure::Failure;
use crate::output::{Output, Reader, Report, visible, visible_line};
use crate::report::people;

/// Width of the column of ages.
const AGE: usize = 4;
/// Least width of the column of names, so that lines rarely jump.
const NAME: usize = 8;
/// Beyond this a name pushes its line to the right.
const NAME_LIMIT: usize = 20;

/// Prints events one after the other, with a heading whenever the group changes.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    group: Option<String>,
    width: usize,
}

impl Timeline {
    /// Nothing printed yet.
    pub(crate) fn new() -> Self {
        Self {
            group: None,
            width: NAME,
        }
    }

    /// Nothing printed yet, and no heading for the group that everybody knows is meant.
    pub(crate) fn of(group: String) -> Self {
        Self {
            group: Some(group),
            width: NAME,
        }
    }

    /// Prints events and makes room for their senders' names first.
    pub(crate) fn print(&mut self, events: &[Event], output: &Output) -> Result<(), Failure> {
        for event in events {
            if let Event::Message(message) = event {
                let width = output.reader().name(&message.sender).chars().count();
                self.width = self.width.max(width.min(NAME_LIMIT));
            }
        }
        events
            .iter()
            .try_for_each(|event| self.print_one(event, output))
    }

    fn print_one(&mut self, event: &Event, output: &Output) -> Result<(), Failure> {
        let group = group(event);
        let heading = group.is_some_and(|(id, _)| self.group.as_deref() != Some(id));
        if heading {
            self.group = group.map(|(id, _)| id.to_owned());
        }
        output.report(&Line {
            event,
            heading,
            width: self.width,
            now: now(),
        })
    }
}

/// One event as it is printed.
struct Line<'a> {
    event: &'a Event,
    heading: bool,
    width: usize,
    /// Seconds since 1970.
    now: u64,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.event.serialize(serializer)
    }
}

impl Report for Line<'_> {
    fn human(&self, to: &Reader) -> String {
        let line = match self.event {
            Event::Message(message) => self.message(message, to),
            event => {
                let what = visible_line(&happened(event, to)).into_owned();
                let painted = match event {
                    Event::Warning { .. } => to.paint.warning(&format!("! {what}")),
                    _ => to.paint.faint(&format!("· {what}")),
                };
                format!("{:AGE$}  {painted}", "")
            }
        };
        match group(self.event).filter(|_| self.heading) {
            Some((_, name)) => format!("{}\n{line}", to.paint.strong(&visible_line(name))),
            None => line,
        }
    }
}

impl Line<'_> {
    /// Further lines of a message stand below its first, so that none looks like someone else's.
    fn message(&self, message: &StoredMessage, to: &Reader) -> String {
        let age = to
            .paint
            .faint(&format!("{:>AGE$}", age(self.now, message.time)));
        let name = to.name(&message.sender);
        let indent = AGE + 2 + self.width.max(name.chars().count()) + 2;
        let text = visible(&message.text).replace('\n', &format!("\n{:indent$}", ""));
        format!("{age}  {}  {text}", to.paint.name(&name, self.width))
    }
}

/// What happened, in the reader's words.
fn happened(event: &Event, to: &Reader) -> String {
    match event {
        Event::Message(message) => message.text.clone(),
        Event::Joined { members, epoch, .. } => {
            let own = to.user.as_ref();
            let others: Vec<_> = members
                .iter()
                .filter(|device| Some(device.user()) != own)
                .cloned()
                .collect();
            format!("you are in, with {} · epoch {epoch}", people(&others, to))
        }
        Event::Committed {
            by,
            epoch,
            added,
            removed,
            updated,
            ..
        } => {
            let mut did = Vec::new();
            if !added.is_empty() {
                did.push(format!("added {}", people(added, to)));
            }
            if !removed.is_empty() {
                did.push(format!("removed {}", people(removed, to)));
            }
            if !updated.is_empty() {
                did.push(format!("took in fresh keys of {}", people(updated, to)));
            }
            if did.is_empty() {
                did.push("renewed keys".to_owned());
            }
            format!("{} {} · epoch {epoch}", to.name(by.user()), did.join(", "))
        }
        Event::Removed { by, epoch, .. } => format!(
            "{} removed you; epoch {epoch} was your last, what follows is not for you",
            to.name(by.user())
        ),
        Event::LeaveProposed { own: true, .. } => "you have asked to be taken out".to_owned(),
        Event::LeaveProposed { device, .. } => {
            format!(
                "{} leaves; the next command of any member does it",
                to.name(device.user())
            )
        }
        Event::Warning { detail, .. } => detail.clone(),
        _ => "something that this version has no words for".to_owned(),
    }
}

/// How long ago, in at most four characters.
fn age(now: u64, time: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match now.saturating_sub(time) {
        seconds if seconds < MINUTE => "now".to_owned(),
        seconds if seconds < HOUR => format!("{}m", seconds / MINUTE),
        seconds if seconds < DAY => format!("{}h", seconds / HOUR),
        seconds => format!("{}d", seconds / DAY),
    }
}

fn now() -> u64 {
    // A clock before 1970 makes everything new.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// Id and name of the group that an event is about.
pub(crate) fn group(event: &Event) -> Option<(&str, &str)> {
    match event {
        Event::Message(message) => Some((&message.group, &message.group_name)),
        Event::Joined { group, name, .. }
        | Event::Committed { group, name, .. }
        | Event::Removed { group, name, .. }
        | Event::LeaveProposed { group, name, .. } => Some((group, name)),
        _ => None,
    }
}

/// Puts what happened and the messages together: group by group, each in the order of its log.
pub(crate) fn merge(events: Vec<Event>, messages: Vec<StoredMessage>) -> Vec<Event> {
    let mut last: HashMap<String, u64> = HashMap::new();
    let events = events
        .into_iter()
        .filter(|event| !matches!(event, Event::Message(_)));
    let all = events.map(|event| {
        let id = group(&event)
            .map(|(id, _)| id.to_owned())
            .unwrap_or_default();
        let place = last.entry(id).or_default();
        // What has no place of its own came after what did.
        *place = sequence(&event).unwrap_or(*place);
        (*place, event)
    });
    let mut all: Vec<_> = all.collect();
    all.extend(
        messages
            .into_iter()
            .map(|message| (message.sequence, Event::Message(message))),
    );
    let key = |(place, event): &(u64, Event)| {
        (
            group(event).map(|(id, name)| (name.to_owned(), id.to_owned())),
            *place,
        )
    };
    all.sort_by_cached_key(key);
    all.into_iter().map(|(_, event)| event).collect()
}

fn sequence(event: &Event) -> Option<u64> {
    match event {
        Event::Message(message) => Some(message.sequence),
        Event::Committed { sequence, .. } | Event::Removed { sequence, .. } => Some(*sequence),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use folkmoot_identity::DeviceName;

    use super::*;
    use crate::output::Paint;

    fn device(user: &str) -> DeviceName {
        format!("mimi://localhost/d/{user}/main").parse().unwrap()
    }

    fn message(group: &str, sequence: u64, text: &str) -> StoredMessage {
        StoredMessage {
            group: group.to_owned(),
            group_name: group.to_owned(),
            sequence,
            epoch: 1,
            sender: device("bob").user().clone(),
            device: device("bob"),
            text: text.to_owned(),
            time: 1000,
            own: false,
        }
    }

    fn committed(group: &str, sequence: u64) -> Event {
        Event::Committed {
            group: group.to_owned(),
            name: group.to_owned(),
            sequence,
            epoch: 2,
            by: device("bob"),
            own: false,
            added: vec![device("charlie")],
            removed: Vec::new(),
            updated: Vec::new(),
        }
    }

    fn joined(group: &str) -> Event {
        Event::Joined {
            group: group.to_owned(),
            name: group.to_owned(),
            epoch: 1,
            members: ["alice", "bob"].map(device).to_vec(),
        }
    }

    fn shown(event: &Event, heading: bool) -> String {
        let user = Some(device("alice").user().clone());
        let reader = Reader {
            paint: Paint::new(false),
            user,
        };
        Line {
            event,
            heading,
            width: NAME,
            now: 1300,
        }
        .human(&reader)
    }

    #[test]
    fn each_group_is_told_in_the_order_of_its_log() {
        let seen = Event::Message(message("meadow", 3, "seen while catching up"));
        let events = vec![
            joined("meadow"),
            committed("meadow", 4),
            seen,
            committed("barn", 2),
        ];
        let messages = [("meadow", 3, "a"), ("meadow", 5, "b"), ("barn", 9, "c")];
        let messages = messages.map(|(group, sequence, text)| message(group, sequence, text));
        let told = merge(events, messages.to_vec());
        let places: Vec<_> = told
            .iter()
            .map(|event| (group(event).unwrap().0.to_owned(), sequence(event)))
            .collect();
        let expected = [
            ("barn", Some(2)),
            ("barn", Some(9)),
            ("meadow", None),
            ("meadow", Some(3)),
            ("meadow", Some(4)),
            ("meadow", Some(5)),
        ];
        assert_eq!(
            places,
            expected.map(|(group, place)| (group.to_owned(), place))
        );
    }

    #[test]
    fn lines_say_who_did_what() {
        let text = Event::Message(message("meadow", 1, "one\ntwo\x1b[2J"));
        let expected = "meadow\n  5m  bob       one\n                two\\u{1b}[2J";
        assert_eq!(shown(&text, true), expected);
        assert_eq!(
            shown(&committed("meadow", 1), false),
            "      · bob added charlie · epoch 2"
        );
        assert_eq!(
            shown(&joined("meadow"), false),
            "      · you are in, with bob · epoch 1"
        );
    }

    #[test]
    fn ages_are_short() {
        let ages =
            [0, 59, 60, 3599, 3600, 86399, 86400].map(|seconds| age(100_000, 100_000 - seconds));
        assert_eq!(ages, ["now", "now", "1m", "59m", "1h", "23h", "1d"]);
        assert_eq!(age(0, 7), "now", "a clock that is behind");
    }
}
