//! Messages on their way.

use super::{Checked, World};
use crate::{Quirk, Seen};
use std::collections::BTreeSet;

/// A message that some members have not received yet.
pub(super) struct Post {
    pub(super) epoch: u64,
    number: usize,
    from: String,
    sender: u32,
    data: Vec<u8>,
    authenticated_data: Vec<u8>,
    bytes: Vec<u8>,
    pub(super) awaited_by: BTreeSet<String>,
}

impl World {
    /// A member seals messages; each recipient gets some at once, out of order, and awaits the rest.
    pub fn talk(&mut self, by: usize, messages: usize, some_late: bool) -> Checked<()> {
        self.step(&format!("{} sends {messages}", self.who(by)));
        let epoch = self.epoch()?;
        let from = self.members[by].name().to_owned();
        let sender = self.leaf(&from)?;
        let others = self.others(by);
        let names: BTreeSet<_> = others
            .iter()
            .map(|place| self.members[*place].name().to_owned())
            .collect();
        for _ in 0..messages {
            self.tally.count("message");
            let length = self.draw.below(300);
            let data = self.draw.bytes(length);
            let length = self.draw.below(20);
            let authenticated_data = self.draw.bytes(length);
            let bytes = self.ask(by, "to seal a message", |member| {
                member.seal(&data, &authenticated_data)
            })?;
            self.posts.push(Post {
                epoch,
                number: self.tally.operations["message"],
                from: from.clone(),
                sender,
                data,
                authenticated_data,
                bytes,
                awaited_by: names.clone(),
            });
        }
        self.deliver(some_late)
    }

    /// Hands out messages in any order: all of them, or each with one chance in two.
    pub fn deliver(&mut self, some_late: bool) -> Checked<()> {
        let mut deliveries: Vec<(usize, String)> = Vec::new();
        for (post, awaited) in self.posts.iter().enumerate() {
            deliveries.extend(awaited.awaited_by.iter().map(|name| (post, name.clone())));
        }
        self.draw.shuffle(&mut deliveries);
        for (post, name) in deliveries {
            if !some_late || self.draw.one_in(2) {
                self.hand_over(post, &name)?;
            }
        }
        self.posts.retain(|post| !post.awaited_by.is_empty());
        Ok(())
    }

    pub(super) fn hand_over(&mut self, post: usize, name: &str) -> Checked<()> {
        let place = self.place(name);
        let post = &mut self.posts[post];
        post.awaited_by.remove(name);
        let bytes = post.bytes.clone();
        let expected = Seen::Message {
            sender: post.sender,
            data: post.data.clone(),
            authenticated_data: post.authenticated_data.clone(),
        };
        let (epoch, number, from) = (post.epoch, post.number, post.from.clone());
        let sender = post.sender;
        if self.members[place]
            .engine()
            .has(Quirk::ForgetsFormerMembers)
        {
            let members = self.ask(place, "its members", |member| member.members())?;
            if !members.contains(&(sender, from.clone())) {
                self.tally.withheld += 1;
                return Ok(());
            }
        }
        let what = format!("message {number} of {from} of epoch {epoch}");
        let seen = self.ask(place, &what, |member| member.process(&bytes))?;
        self.expect(place, &seen, &expected)?;
        self.tally.messages += 1;
        let newer_opened = self.posts.iter().any(|other| {
            other.from == from && other.number > number && !other.awaited_by.contains(name)
        });
        if newer_opened || epoch != self.epoch()? {
            self.tally.late += 1;
        }
        Ok(())
    }
}
