//! What the audience sees: scenes, acts, checks, and how it ends.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::script::Person;
use crate::output::{Reader, Report};
use crate::report::plural;

/// Width of the line under the title.
const WIDTH: usize = 78;
/// Width of the column of names.
const NAME: usize = 7;
/// Width of the column of deeds.
const DEED: usize = 38;

/// The play begins.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "provider")]
pub(super) struct Opening<'a> {
    pub(super) address: &'a str,
    /// The provider's process.
    pub(super) process: Option<u32>,
    /// Where everything is that the play needs.
    pub(super) folder: &'a Path,
}

impl Report for Opening<'_> {
    fn human(&self, to: &Reader) -> String {
        let host = self
            .address
            .split('?')
            .next()
            .unwrap_or_default()
            .trim_end_matches('/');
        format!(
            "\n{}\n{}\n\n{}",
            to.paint
                .strong("Folkmoot: three people talk through a provider that cannot listen"),
            to.paint.faint(&"─".repeat(WIDTH)),
            to.paint.faint(&format!(
                "A provider serves at {host}. Alice, Bob and Charlie share\n\
                 nothing but its address. Each line is a run of this program, with the profile\n\
                 of whom it is about; to its right are the epoch and who can read it."
            )),
        )
    }
}

/// A scene begins.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "scene")]
pub(super) struct Heading {
    pub(super) scene: usize,
    pub(super) title: &'static str,
    pub(super) section: &'static str,
}

impl Report for Heading {
    fn human(&self, to: &Reader) -> String {
        let Self {
            scene,
            title,
            section,
        } = self;
        let section = format!("RFC 9750 §{section}");
        let gap = WIDTH.saturating_sub(4 + title.chars().count() + section.chars().count());
        let title = to.paint.strong(&format!("{scene:>2}  {title}"));
        format!("\n{title}{:gap$}{}", "", to.paint.faint(&section))
    }
}

/// Someone did something.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "act")]
pub(super) struct Deed<'a> {
    pub(super) who: Person,
    /// A word for programs.
    pub(super) did: &'static str,
    /// A line for people.
    pub(super) line: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<u64>,
    /// Who can read what is written in the epoch.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) readers: &'a [Person],
}

impl Report for Deed<'_> {
    fn human(&self, to: &Reader) -> String {
        let name = to.paint.name(self.who.name(), NAME);
        let epoch = self.epoch.map(|epoch| format!("epoch {epoch}"));
        let readers = Some(names(self.readers, " ")).filter(|names| !names.is_empty());
        let place: Vec<_> = epoch.into_iter().chain(readers).collect();
        if place.is_empty() {
            return format!("    {name} {}", self.line);
        }
        let place = to.paint.faint(&place.join("  "));
        format!("    {name} {:<DEED$} {place}", self.line)
    }
}

/// One claim that was checked; people see those of a scene together.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "check")]
pub(super) struct Check<'a> {
    pub(super) claim: &'a str,
    pub(super) ok: bool,
}

impl Report for Check<'_> {
    fn human(&self, to: &Reader) -> String {
        let sign = if self.ok {
            to.paint.good("✓")
        } else {
            to.paint.bad("✗")
        };
        format!("    {sign} {}", self.claim)
    }
}

/// All claims of a scene hold.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "shown")]
pub(super) struct Shown {
    pub(super) scene: usize,
    /// What they amount to.
    #[serde(rename = "shown")]
    pub(super) claim: &'static str,
    pub(super) checks: usize,
}

impl Report for Shown {
    fn human(&self, to: &Reader) -> String {
        let Self { claim, checks, .. } = self;
        let checks = format!("({checks} {})", plural(*checks, "check", "checks"));
        format!(
            "    {} {claim} {}",
            to.paint.good("✓"),
            to.paint.faint(&checks)
        )
    }
}

/// The play is over.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "demo")]
pub(super) struct Ending<'a> {
    pub(super) ok: bool,
    pub(super) checks: usize,
    pub(super) messages: usize,
    /// Commands that people ran, each in a process.
    pub(super) runs: usize,
    pub(super) seconds: f64,
    /// The claim that does not hold, or what else went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failed: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kept: Option<&'a Kept>,
}

/// The provider goes on, and how to join it.
#[derive(Debug, Serialize)]
pub(super) struct Kept {
    pub(super) address: String,
    pub(super) process: Option<u32>,
    pub(super) folder: PathBuf,
}

impl Report for Ending<'_> {
    fn human(&self, to: &Reader) -> String {
        let Self {
            checks,
            messages,
            runs,
            seconds,
            ..
        } = self;
        if !self.ok {
            return format!(
                "\n{} after {checks} checks that held.",
                to.paint.bad("It failed")
            );
        }
        let all = to.paint.good(&format!("All {checks} checks hold."));
        let work = format!("{messages} messages, {runs} commands, {seconds:.1} s");
        let kept = self.kept.map_or_else(String::new, |kept| kept.human(to));
        format!("\n{all} {}{kept}", to.paint.faint(&work))
    }
}

impl Kept {
    fn human(&self, to: &Reader) -> String {
        let (address, folder) = (&self.address, self.folder.display());
        let process = self.process.map_or_else(String::new, |id| id.to_string());
        let heading = to.paint.strong("The provider goes on. Join it:");
        format!(
            "\n\n{heading}\n  folkmoot --profile dana register dana --provider '{address}'\n\n\
             Or be one of the three:\n  folkmoot --profile {folder}/alice chat Meadow\n\n\
             When you are done:\n  kill {process}; rm -r {folder}"
        )
    }
}

/// `Alice, Bob` or `Alice and Bob`.
pub(super) fn names(people: &[Person], between: &str) -> String {
    let names: Vec<_> = people.iter().map(|person| person.name()).collect();
    names.join(between)
}
