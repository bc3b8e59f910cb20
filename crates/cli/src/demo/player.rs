//! Plays the script: runs each act as the person it is about and holds it against the model.

use std::path::Path;

use serde_json::{Value, json};

use super::model::{Change, Model, Written, device, devices, part_of, user};
use super::process::{Cast, Run};
use super::script::{Act, GROUP, Person, Scene};
use super::transcript::{Check, Deed, Heading, Shown, names};
use crate::failure::Failure;
use crate::output::Output;

/// The exit code of a command for which one would have to be a member.
const NOT_A_MEMBER: i32 = 7;

/// What the play came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Claims that hold.
    pub(super) checks: usize,
    /// Messages that were written.
    pub(super) messages: usize,
    /// Commands that people ran.
    pub(super) runs: usize,
}

/// The play so far.
#[derive(Debug)]
pub(super) struct Player<'a> {
    cast: &'a Cast,
    address: &'a str,
    /// Where all files of provider and people are.
    folder: &'a Path,
    output: &'a Output,
    model: Model,
    fingerprints: Vec<String>,
    tally: &'a mut Tally,
}

impl<'a> Player<'a> {
    /// Nothing has happened yet.
    pub(super) fn new(
        cast: &'a Cast,
        address: &'a str,
        folder: &'a Path,
        tally: &'a mut Tally,
        output: &'a Output,
    ) -> Self {
        let (model, fingerprints) = (Model::default(), Vec::new());
        Self {
            cast,
            address,
            folder,
            output,
            model,
            fingerprints,
            tally,
        }
    }

    /// Plays a scene; the first claim that does not hold ends it.
    pub(super) async fn play(&mut self, number: usize, scene: &Scene) -> Result<(), Failure> {
        let Scene {
            title,
            section,
            shown,
            ..
        } = *scene;
        self.output.report(&Heading {
            scene: number,
            title,
            section,
        })?;
        let before = self.tally.checks;
        for act in scene.acts {
            self.act(*act).await?;
        }
        let checks = self.tally.checks - before;
        self.output.report(&Shown {
            scene: number,
            claim: shown,
            checks,
        })
    }

    async fn act(&mut self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Register(who) => self.register(who).await,
            Act::Create(who) => self.create(who).await,
            Act::Add(who, whom) => self.add(who, whom).await,
            Act::Write(who, text) => self.write(who, text).await,
            Act::Read(who) => self.read(who).await,
            Act::GoAway(who) => self.tell(who, "away", "closes the laptop"),
            Act::Update(who) => self.update(who).await,
            Act::Remove(who, whom) => self.remove(who, whom).await,
            Act::WriteInVain(who, text) => self.write_in_vain(who, text).await,
            Act::Compare(people) => self.compare(people).await,
            Act::ReadAll(who) => self.read_all(who).await,
            Act::SearchDisks => self.search_disks(),
        }
    }

    async fn register(&mut self, who: Person) -> Result<(), Failure> {
        let run = self
            .run(who, &["register", who.user(), "--provider", self.address])
            .await?;
        let registered = run.only("registered")?;
        let name = who.name();
        self.check(
            registered["device"] == device(who),
            &format!("{name} got the name asked for"),
        )?;
        let whoami = self.run(who, &["whoami"]).await?;
        let whoami = whoami.only("whoami")?;
        let kept = part_of(
            registered,
            &json!({ "user": 0, "device": 0, "fingerprint": 0 }),
        );
        self.check(
            part_of(whoami, &kept) == kept,
            &format!("{name} is who the profile says"),
        )?;
        let fingerprint = kept["fingerprint"].as_str().unwrap_or_default().to_owned();
        let new = !fingerprint.is_empty() && !self.fingerprints.contains(&fingerprint);
        self.check(new, &format!("nobody else has {name}'s device key"))?;
        let key = fingerprint.get(..8).unwrap_or(&fingerprint);
        let line = format!("is {}, device key {key}…", user(who));
        self.fingerprints.push(fingerprint);
        self.tell(who, "register", &line)
    }

    async fn create(&mut self, who: Person) -> Result<(), Failure> {
        let run = self.run(who, &["group", "create", GROUP]).await?;
        self.model.created(who);
        let created = json!({ "name": GROUP, "epoch": 0, "members": 1, "active": true });
        let seen = part_of(run.only("created")?, &created);
        self.check(
            seen == created,
            &format!("{} is alone in the group, in epoch 0", who.name()),
        )?;
        self.tell_epoch(who, "create", &format!("creates the group “{GROUP}”"))
    }

    async fn add(&mut self, who: Person, whom: Person) -> Result<(), Failure> {
        let run = self
            .run(who, &["group", "invite", GROUP, whom.user()])
            .await?;
        self.model.committed(who, Some(whom), None);
        let expected = self.commit(&[whom], &[]);
        self.check_part(run.only("invited")?, &expected, || {
            format!("{} adds {} and begins an epoch", who.name(), whom.name())
        })?;
        let line = format!("adds {}: one Commit, one Welcome", whom.name());
        self.tell_epoch(who, "invite", &line)
    }

    async fn update(&mut self, who: Person) -> Result<(), Failure> {
        let run = self.run(who, &["group", "update", GROUP]).await?;
        self.model.committed(who, None, None);
        let expected = self.commit(&[], &[]);
        self.check_part(run.only("updated")?, &expected, || {
            format!("{}'s fresh keys begin an epoch", who.name())
        })?;
        self.tell_epoch(who, "update", "replaces her keys")
    }

    async fn remove(&mut self, who: Person, whom: Person) -> Result<(), Failure> {
        let run = self
            .run(who, &["group", "remove", GROUP, whom.user()])
            .await?;
        self.model.committed(who, None, Some(whom));
        let expected = self.commit(&[], &[whom]);
        self.check_part(run.only("removed_member")?, &expected, || {
            format!("{} removes {} and begins an epoch", who.name(), whom.name())
        })?;
        self.tell_epoch(who, "remove", &format!("removes {}", whom.name()))
    }

    fn commit(&self, added: &[Person], removed: &[Person]) -> Value {
        let (added, removed) = (devices(added), devices(removed));
        json!({ "epoch": self.model.epoch, "added": added, "removed": removed })
    }

    async fn write(&mut self, who: Person, text: &'static str) -> Result<(), Failure> {
        let run = self.run(who, &["send", GROUP, "--", text]).await?;
        let sent = run.only("sent")?;
        let sequence = sent["sequence"].as_u64().unwrap_or_default();
        let after = self
            .model
            .written
            .last()
            .map_or(0, |message| message.sequence);
        let name = who.name();
        self.check(
            sequence > after,
            &format!("{name}'s message comes after all before it"),
        )?;
        self.check(
            sent["epoch"] == self.model.epoch,
            &format!("{name} writes in the group's epoch"),
        )?;
        self.model.wrote(who, text, sequence);
        self.tally.messages += 1;
        self.tell_epoch(who, "write", &format!("“{text}”"))
    }

    async fn read(&mut self, who: Person) -> Result<(), Failure> {
        let run = self.run(who, &["read"]).await?;
        let (unread, unseen) = (self.model.take_unread(who), self.model.take_unseen(who));
        let name = who.name();
        let expected: Vec<_> = unread.iter().map(Written::seen).collect();
        self.check_messages(&run, &expected, || {
            format!("{name} reads exactly what was written for them, in order")
        })?;
        let expected: Vec<_> = unseen.iter().map(Change::seen).collect();
        let changes = ["joined", "committed", "removed"];
        let seen = run
            .lines
            .iter()
            .filter(|line| changes.iter().any(|kind| line["event"] == *kind));
        let as_expected = |(place, seen): (usize, &Value)| match expected.get(place) {
            Some(expected) => part_of(seen, expected),
            None => seen.clone(),
        };
        let seen: Vec<_> = seen.enumerate().map(as_expected).collect();
        self.check(
            seen == expected,
            &format!("{name} learns of every change of the group, once"),
        )?;
        let warned = run.events("warning").next();
        self.check(warned.is_none(), &format!("{name} is warned of nothing"))?;
        for (line, epoch) in super::words::learnt(&unseen) {
            self.output.report(&Deed {
                who,
                did: "learn",
                line,
                epoch,
                readers: &[],
            })?;
        }
        if unread.is_empty() && !self.removed(who) {
            return Ok(());
        }
        self.tell(who, "read", &super::words::read(&unread))
    }

    fn removed(&self, who: Person) -> bool {
        !self.model.members.contains(&who)
    }

    async fn write_in_vain(&mut self, who: Person, text: &str) -> Result<(), Failure> {
        let run = self.attempt(who, &["send", GROUP, "--", text]).await?;
        let name = who.name();
        let refused = run.exit == Some(NOT_A_MEMBER) && run.events("sent").next().is_none();
        self.check(
            refused,
            &format!("{name} cannot write: exit code {NOT_A_MEMBER}"),
        )?;
        let why: Value = serde_json::from_str(&run.error).unwrap_or_default();
        self.check(
            why["error"] == "not-a-member",
            &format!("{name} is told why"),
        )?;
        let list = self.run(who, &["group", "list"]).await?;
        let listed = list.only("group")?;
        self.check(
            listed["active"] == false,
            &format!("{name} sees that it is over"),
        )?;
        self.tell(
            who,
            "refused",
            &format!("“{text}” is refused: not a member"),
        )
    }

    /// Members and epoch, as each of them sees it.
    async fn compare(&mut self, people: &[Person]) -> Result<(), Failure> {
        let members = devices(&self.model.members);
        for who in people {
            let run = self.run(*who, &["group", "members", GROUP]).await?;
            let name = who.name();
            let seen: Vec<_> = run
                .events("member")
                .map(|line| line["device"].clone())
                .collect();
            let everyone = names(&self.model.members, ", ");
            self.check(
                seen == members,
                &format!("{name} sees the members {everyone}"),
            )?;
            let epoch = self.model.epoch;
            let same = run.events("member").all(|line| line["epoch"] == epoch);
            self.check(same, &format!("{name} is in epoch {epoch}"))?;
        }
        Ok(())
    }

    async fn read_all(&mut self, who: Person) -> Result<(), Failure> {
        let run = self.run(who, &["read", GROUP, "--all"]).await?;
        let expected = self.model.history(who);
        let name = who.name();
        self.check_messages(&run, &expected, || {
            format!("{name} still has each message once, and no other")
        })?;
        let (own, all) = (expected.len(), self.model.written.len());
        self.tell(
            who,
            "read_all",
            &format!("has {own} of {all} messages, in the order of the log"),
        )
    }

    fn search_disks(&mut self) -> Result<(), Failure> {
        let mut words: Vec<_> = self
            .model
            .written
            .iter()
            .map(|message| message.text)
            .collect();
        words.push(GROUP);
        let found = super::disk::search(self.folder, &words)?;
        let none = found.is_none();
        self.check(
            none,
            &format!("no message is in the clear in any file: {found:?}"),
        )
    }

    /// Runs a command that has to work.
    async fn run(&mut self, who: Person, words: &[&str]) -> Result<Run, Failure> {
        let run = self.attempt(who, words).await?;
        if run.exit == Some(0) {
            return Ok(run);
        }
        let claim = format!("{}, which works", run.command);
        self.output.report(&Check {
            claim: &claim,
            ok: false,
        })?;
        Err(Failure::claim(format!("{claim}; it says {}", run.error)))
    }

    async fn attempt(&mut self, who: Person, words: &[&str]) -> Result<Run, Failure> {
        self.tally.runs += 1;
        self.cast.run(who, words).await
    }

    fn check_messages(
        &mut self,
        run: &Run,
        expected: &[Value],
        claim: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        let shape = json!({ "sequence": 0, "epoch": 0, "sender": 0, "text": 0 });
        let seen: Vec<_> = run
            .events("message")
            .map(|line| part_of(line, &shape))
            .collect();
        self.check(seen == expected, &claim())
    }

    fn check_part(
        &mut self,
        seen: &Value,
        expected: &Value,
        claim: impl FnOnce() -> String,
    ) -> Result<(), Failure> {
        self.check(part_of(seen, expected) == *expected, &claim())
    }

    /// Every claim of the play goes through here.
    fn check(&mut self, ok: bool, claim: &str) -> Result<(), Failure> {
        if self.output.is_json() || !ok {
            self.output.report(&Check { claim, ok })?;
        }
        if !ok {
            return Err(Failure::claim(format!("a claim does not hold: {claim}")));
        }
        self.tally.checks += 1;
        Ok(())
    }

    fn tell(&self, who: Person, did: &'static str, line: &str) -> Result<(), Failure> {
        let line = line.to_owned();
        self.output.report(&Deed {
            who,
            did,
            line,
            epoch: None,
            readers: &[],
        })
    }

    /// With the epoch and who can read what is written in it.
    fn tell_epoch(&self, who: Person, did: &'static str, line: &str) -> Result<(), Failure> {
        let (epoch, readers) = (Some(self.model.epoch), self.model.members.as_slice());
        self.output.report(&Deed {
            who,
            did,
            line: line.to_owned(),
            epoch,
            readers,
        })
    }
}
