//! The answers of commands: what a program reads and what a person sees.

use std::path::Path;

use folkmoot_client::{CommitSummary, GroupSummary, MemberSummary, SentMessage, Whoami};
use folkmoot_identity::DeviceName;
use serde::Serialize;

use crate::output::{Reader, Report, visible_line};

/// Width of the column that says what a line of `whoami` is about.
const LABEL: usize = 12;

/// An answer with its `event`.
#[derive(Debug, Serialize)]
pub(crate) struct Tagged<'a, T> {
    event: &'static str,
    #[serde(flatten)]
    content: &'a T,
}

impl<'a, T> Tagged<'a, T> {
    /// Says what the content is.
    pub(crate) fn new(event: &'static str, content: &'a T) -> Self {
        Self { event, content }
    }
}

/// `register` did it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "registered")]
pub(crate) struct Registered<'a> {
    #[serde(flatten)]
    pub(crate) who: &'a Whoami,
    pub(crate) profile: &'a Path,
}

impl Report for Registered<'_> {
    fn human(&self, to: &Reader) -> String {
        let paint = to.paint;
        let welcome = format!("Welcome, {}.", self.who.user.user_part());
        format!(
            "{}\n{}\n\nNext: `folkmoot group create NAME`, or wait to be invited and `folkmoot read`.",
            paint.strong(&welcome),
            identity(self.who, Some(self.profile), to),
        )
    }
}

impl Report for Tagged<'_, Whoami> {
    fn human(&self, to: &Reader) -> String {
        identity(self.content, None, to)
    }
}

fn identity(who: &Whoami, profile: Option<&Path>, to: &Reader) -> String {
    let line = |label: &str, value: &str| {
        format!("  {} {value}", to.paint.faint(&format!("{label:<LABEL$}")))
    };
    let mut lines = vec![
        line("user", &who.user.to_string()),
        line("device", &who.device.to_string()),
        line("provider", &format!("{} at {}", who.provider, who.address)),
        line("fingerprint", &in_groups(&who.fingerprint)),
    ];
    lines.extend(profile.map(|path| line("profile", &visible_line(&path.to_string_lossy()))));
    lines.join("\n")
}

/// Digits in fours, which people can compare.
fn in_groups(digits: &str) -> String {
    let digits: Vec<char> = digits.chars().collect();
    let groups: Vec<String> = digits.chunks(4).map(|four| four.iter().collect()).collect();
    groups.join(" ")
}

impl Report for Tagged<'_, CommitSummary> {
    fn human(&self, to: &Reader) -> String {
        let CommitSummary {
            name,
            epoch,
            added,
            removed,
            ..
        } = self.content;
        let mut did = Vec::new();
        if !added.is_empty() {
            did.push(format!("Added {}", people(added, to)));
        }
        if !removed.is_empty() {
            did.push(format!("Removed {}", people(removed, to)));
        }
        if did.is_empty() {
            did.push("Fresh keys".to_owned());
        }
        let name = to.paint.strong(&visible_line(name));
        format!(
            "{} in {name} {}",
            did.join(", "),
            to.paint.faint(&format!("· epoch {epoch}"))
        )
    }
}

/// The users of devices, each once, as a person says it: `you, bob and charlie`.
pub(crate) fn people(devices: &[DeviceName], to: &Reader) -> String {
    let mut names: Vec<String> = Vec::new();
    for name in devices.iter().map(|device| to.name(device.user())) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => "nobody".to_owned(),
    }
}

/// `group create` did it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "created")]
pub(crate) struct Created<'a> {
    #[serde(flatten)]
    pub(crate) group: &'a GroupSummary,
}

impl Report for Created<'_> {
    fn human(&self, to: &Reader) -> String {
        let name = visible_line(&self.group.name);
        format!(
            "Created {} {}\nNext: `folkmoot group invite {name} USER`",
            to.paint.strong(&name),
            to.paint.faint(&format!(
                "· epoch {} · id {}",
                self.group.epoch,
                short(&self.group.id)
            )),
        )
    }
}

/// `group leave` asked for it.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "leaving")]
pub(crate) struct Leaving<'a> {
    pub(crate) group: &'a str,
}

impl Report for Leaving<'_> {
    fn human(&self, to: &Reader) -> String {
        let name = visible_line(self.group);
        format!(
            "Leaving {}: the next command of any member does it",
            to.paint.strong(&name)
        )
    }
}

/// `group leave` where there was nobody to ask.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "left")]
pub(crate) struct Left<'a> {
    pub(crate) group: &'a str,
}

impl Report for Left<'_> {
    fn human(&self, to: &Reader) -> String {
        format!("Left {}", to.paint.strong(&visible_line(self.group)))
    }
}

impl Report for Tagged<'_, SentMessage> {
    fn human(&self, to: &Reader) -> String {
        let SentMessage {
            sequence, epoch, ..
        } = self.content;
        to.paint
            .faint(&format!("sent · number {sequence} · epoch {epoch}"))
    }
}

/// One group of `group list`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "group")]
pub(crate) struct Listed<'a> {
    #[serde(flatten)]
    pub(crate) group: &'a GroupSummary,
    /// The longest name in the list.
    #[serde(skip)]
    pub(crate) width: usize,
}

impl Report for Listed<'_> {
    fn human(&self, to: &Reader) -> String {
        let GroupSummary {
            id,
            name,
            epoch,
            members,
            unread,
            ..
        } = self.group;
        let (paint, width) = (to.paint, self.width);
        let name = format!("{:<width$}", visible_line(name));
        let GroupSummary {
            active,
            stuck,
            leaving,
            ..
        } = self.group;
        let state = match (active, stuck, leaving) {
            (false, ..) => paint.faint("not a member any more"),
            (true, true, _) => paint.warning("stuck: leave it and create another"),
            (true, false, true) => paint.warning("leaving"),
            (true, false, false) => {
                format!("{members:>3} {}", plural(*members, "member", "members"))
            }
        };
        let unread = match unread {
            0 => String::new(),
            unread => paint.good(&format!("  {unread} new")),
        };
        let place = paint.faint(&format!("epoch {epoch}  id {}", short(id)));
        format!("{}  {state}  {place}{unread}", paint.strong(&name))
    }
}

/// One device of `group members`.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "member")]
pub(crate) struct Listable<'a> {
    /// Hexadecimal group id.
    pub(crate) group: &'a str,
    pub(crate) epoch: u64,
    #[serde(flatten)]
    pub(crate) member: &'a MemberSummary,
    /// The longest user's name in the list.
    #[serde(skip)]
    pub(crate) width: usize,
}

impl Report for Listable<'_> {
    fn human(&self, to: &Reader) -> String {
        let MemberSummary {
            device, user, own, ..
        } = self.member;
        // Here everybody has a name, oneself too.
        let name = match &to.user {
            Some(reader) if reader.domain() == user.domain() => user.user_part().to_owned(),
            _ => user.to_string(),
        };
        let own = if *own {
            to.paint.faint("  this device")
        } else {
            String::new()
        };
        format!(
            "  {}  {}{own}",
            to.paint.name(&name, self.width),
            device.device_part()
        )
    }
}

/// `one` or `many`.
pub(crate) fn plural(count: usize, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

/// The first digits of an id, which serve as its name.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::Paint;

    fn device(user: &str) -> DeviceName {
        format!("mimi://localhost/d/{user}/main").parse().unwrap()
    }

    fn alice() -> Reader {
        Reader {
            paint: Paint::new(false),
            user: Some(device("alice").user().clone()),
        }
    }

    #[test]
    fn people_are_listed_as_they_are_spoken_of() {
        let devices = ["alice", "bob", "bob", "charlie"].map(device);
        assert_eq!(people(&devices, &alice()), "you, bob and charlie");
        assert_eq!(people(&devices[1..3], &alice()), "bob");
        assert_eq!(people(&[], &alice()), "nobody");
    }

    #[test]
    fn a_group_name_cannot_steer_the_terminal() {
        let group = GroupSummary {
            id: "00112233445566".to_owned(),
            name: "me\x1b[2Jadow".to_owned(),
            epoch: 3,
            members: 1,
            active: true,
            stuck: false,
            leaving: false,
            unread: 2,
        };
        let line = Listed {
            group: &group,
            width: 8,
        }
        .human(&alice());
        assert!(!line.contains('\x1b'), "{line}");
        assert!(
            line.contains("1 member ") && line.ends_with("id 00112233  2 new"),
            "{line}"
        );
        assert!(!Created { group: &group }.human(&alice()).contains('\x1b'));
    }

    #[test]
    fn an_answer_says_what_it_is() {
        let sent = SentMessage {
            group: "00".to_owned(),
            sequence: 7,
            epoch: 2,
        };
        let json = serde_json::to_value(Tagged::new("sent", &sent)).unwrap();
        assert_eq!(json["event"], "sent");
        assert_eq!(json["sequence"], 7);
    }

    #[test]
    fn fingerprints_are_in_fours() {
        assert_eq!(in_groups("0011223344"), "0011 2233 44");
    }
}
