//! From one epoch to the next.

use super::{Checked, Plan, Waiting, World};
use crate::{Change, Entry, Member, Published, Seen, Tree};
use std::collections::BTreeSet;

/// How many epochs late a message may be opened; every engine here keeps as many.
const WINDOW: u64 = 3;

impl World {
    /// Makes the commit of a plan and the clients that it adds.
    pub(super) fn prepare(
        &mut self,
        by: usize,
        plan: &Plan,
    ) -> Checked<(Published, Vec<Box<dyn Member>>)> {
        let mut changes = Vec::new();
        let mut joiners = Vec::new();
        for place in &plan.removes {
            self.tally.count("Remove by value");
            changes.push(Change::Remove(self.leaf(self.members[*place].name())?));
        }
        for engine in &plan.adds {
            self.tally.count("Add by value");
            let mut joiner = self.newcomer(*engine)?;
            changes.push(Change::Add(self.ready(joiner.key_package())?));
            joiners.push(joiner);
        }
        for _ in 0..plan.psks {
            self.tally.count("PreSharedKey by value");
            changes.push(Change::Psk(self.psk()?));
        }
        if plan.extensions {
            self.tally.count("GroupContextExtensions by value");
            changes.push(Change::Extensions(self.extensions()));
        }
        for joiner in &mut joiners {
            self.teach(joiner.as_mut())?;
        }
        let published = self.ask(by, "to commit", |member| {
            member.commit(&changes, plan.fresh_keys)
        })?;
        Ok((published, joiners))
    }

    /// The commit has arrived: all enter its epoch.
    pub(super) fn publish(
        &mut self,
        by: usize,
        published: &Published,
        mut joiners: Vec<Box<dyn Member>>,
    ) -> Checked<()> {
        self.before_epoch()?;
        self.ask(by, "to accept its commit", |member| member.accept())?;
        let roster = self.ask(by, "its members", |member| member.members())?;
        let stays = |name: &str| roster.iter().any(|(_, other)| other == name);
        for place in self.others(by) {
            let commit = &published.commit;
            let seen = self.ask(place, "a commit", |member| member.process(commit))?;
            let removed = !stays(self.members[place].name());
            self.expect(place, &seen, &Seen::Commit { removed })?;
        }
        self.members.retain(|member| stays(member.name()));
        joiners.append(&mut self.joiners);
        joiners.retain(|joiner| stays(joiner.name()));
        self.welcome(published, joiners)?;
        self.after_epoch()
    }

    pub(super) fn welcome(
        &mut self,
        published: &Published,
        joiners: Vec<Box<dyn Member>>,
    ) -> Checked<()> {
        let tree = match self.settings.tree {
            Tree::Inside => None,
            Tree::Outside => Some(self.ask(0, "its tree", |member| member.ratchet_tree())?),
        };
        for joiner in joiners {
            let Some(welcome) = published.welcome.clone() else {
                return Err(self.divergence("clients were added without a Welcome".into()));
            };
            self.members.push(joiner);
            let place = self.members.len() - 1;
            self.ask(place, "a Welcome", |member| {
                member.join(&welcome, tree.as_deref())
            })?;
        }
        Ok(())
    }

    pub(super) fn external(
        &mut self,
        mut newcomer: Box<dyn Member>,
        entry: &Entry,
        old: Option<usize>,
    ) -> Checked<()> {
        self.before_epoch()?;
        let commit = newcomer.enter(entry).map_err(|refusal| {
            let who = format!("{} ({})", newcomer.name(), newcomer.engine());
            self.divergence(format!("{who} cannot enter: {refusal}"))
        })?;
        for place in 0..self.members.len() {
            let seen = self.ask(place, "an external commit", |member| {
                member.process(&commit)
            })?;
            let removed = old == Some(place);
            self.expect(place, &seen, &Seen::Commit { removed })?;
        }
        if let Some(old) = old {
            self.members.remove(old);
            for post in &mut self.posts {
                post.awaited_by.remove(newcomer.name());
            }
        }
        self.members.push(newcomer);
        self.joiners.clear();
        self.after_epoch()
    }

    /// What could not be opened in the next epoch arrives now.
    pub(super) fn before_epoch(&mut self) -> Checked<()> {
        let epoch = self.epoch()?;
        let due = (0..self.posts.len()).filter(|post| self.posts[*post].epoch + WINDOW <= epoch);
        for post in due.collect::<Vec<_>>() {
            for name in self.posts[post].awaited_by.clone() {
                self.hand_over(post, &name)?;
            }
        }
        Ok(())
    }

    pub(super) fn after_epoch(&mut self) -> Checked<()> {
        self.waiting = Waiting::default();
        for psk in &mut self.psks {
            psk.used = false;
        }
        let present: BTreeSet<_> = self.members.iter().map(|m| m.name().to_owned()).collect();
        for post in &mut self.posts {
            post.awaited_by.retain(|name| present.contains(name));
        }
        self.posts.retain(|post| !post.awaited_by.is_empty());
        self.tally.epochs += 1;
        self.compare()
    }

    /// Compares what all members hold of the epoch.
    pub(super) fn compare(&mut self) -> Checked<()> {
        let context = self.draw.bytes(12);
        let length = 16 + self.draw.below(100);
        let mut first = None;
        for place in 0..self.members.len() {
            let held = self.ask(place, "what it holds", |member| {
                Ok((
                    member.epoch()?,
                    member.epoch_authenticator()?,
                    member.export("interop", &context, length)?,
                    member.members()?,
                    member.ratchet_tree()?,
                ))
            })?;
            if first.get_or_insert_with(|| held.clone()) != &held {
                let who = self.who(place);
                return Err(self.divergence(format!("{who} does not agree with the first member")));
            }
            self.tally.comparisons += 1;
        }
        Ok(())
    }

    pub(super) fn entry(&mut self, host: usize, tree: Tree) -> Checked<Entry> {
        Ok(Entry {
            group_info: self.ask(host, "for a GroupInfo", |member| member.group_info(tree))?,
            tree: match tree {
                Tree::Inside => None,
                Tree::Outside => Some(self.ask(host, "its tree", |member| member.ratchet_tree())?),
            },
            old_leaf: None,
            psks: Vec::new(),
        })
    }
}
