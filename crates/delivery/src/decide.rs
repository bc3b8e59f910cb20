//! From command and facts to a decision.

use folkmoot_identity::{DeviceName, ProviderDomain};
use folkmoot_protocol::{
    Problem, ProblemCode, ReceiptKey, Redeem, SlotRequest, Timestamp, UploadKeyPackages,
};

use crate::command::{Command, Decision, LogRequest, Reply, Wake};
use crate::key_package::OfferedKeyPackage;
use crate::need::{Facts, Write};
use crate::{group, inbox, key_package, log};

/// A provider's Delivery Service: its name and the key that signs its receipts.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub(crate) domain: ProviderDomain,
    pub(crate) receipt_key: ReceiptKey,
}

/// What an accepted command does.
pub(crate) struct Accepted {
    pub(crate) writes: Vec<Write>,
    pub(crate) reply: Reply,
    pub(crate) wakes: Vec<Wake>,
}

impl Accepted {
    /// An answer that changes nothing.
    pub(crate) fn reply(reply: Reply) -> Self {
        Self {
            writes: Vec::new(),
            reply,
            wakes: Vec::new(),
        }
    }
}

impl Delivery {
    /// The Delivery Service of the provider `domain`.
    pub fn new(domain: ProviderDomain, receipt_key: ReceiptKey) -> Self {
        Self {
            domain,
            receipt_key,
        }
    }

    /// The provider's domain.
    pub fn domain(&self) -> &ProviderDomain {
        &self.domain
    }

    /// The key that signs receipts.
    pub fn receipt_key(&self) -> &ReceiptKey {
        &self.receipt_key
    }

    /// Checks an upload of the authenticated `device`.
    pub fn upload_key_packages(
        &self,
        device: DeviceName,
        upload: UploadKeyPackages,
        now: Timestamp,
    ) -> Result<Command, Problem> {
        let packages = upload
            .packages
            .into_iter()
            .map(|package| OfferedKeyPackage::parse(package, &device, now))
            .collect::<Result<_, _>>()?;
        Ok(Command::UploadKeyPackages { device, packages })
    }

    /// Checks everything about a slot's request that needs no record.
    pub fn slot(&self, request: SlotRequest, now: Timestamp) -> Result<Command, Problem> {
        LogRequest::parse(request, now).map(Command::Log)
    }

    /// Checks that a redemption is signed by the key it names.
    pub fn redeem(&self, redeem: &Redeem, now: Timestamp) -> Result<Command, Problem> {
        Ok(Command::Redeem(redeem.verify(&self.domain, now)?))
    }

    /// Decides a command on the facts that were loaded for its need.
    pub fn decide(&self, command: Command, facts: Facts, now: Timestamp) -> Decision {
        match self.accept(command, facts, now) {
            Ok(accepted) => Decision {
                writes: accepted.writes,
                reply: Ok(accepted.reply),
                wakes: accepted.wakes,
            },
            Err(problem) => Decision {
                writes: Vec::new(),
                reply: Err(problem),
                wakes: Vec::new(),
            },
        }
    }

    fn accept(&self, command: Command, facts: Facts, now: Timestamp) -> Result<Accepted, Problem> {
        match (command, facts) {
            (
                Command::UploadKeyPackages { device, packages },
                Facts::KeyPackages { known, available },
            ) => key_package::upload(&device, packages, &known, available, now),
            (Command::CountKeyPackages { .. }, Facts::KeyPackages { available, .. }) => {
                Ok(key_package::count(available))
            }
            (Command::ClaimKeyPackages(claim), Facts::Claim(packages)) => {
                key_package::claim(&claim, packages, now)
            }
            (
                Command::PostPointer(post),
                Facts::Post {
                    claimed,
                    earlier,
                    inbox,
                },
            ) => inbox::post(post, claimed, earlier, inbox, now),
            (Command::ReadInbox { .. }, Facts::Inbox(items)) => inbox::read(items),
            (Command::AckInbox { device, ack }, Facts::Nothing) => {
                Ok(inbox::acknowledge(device, ack, now))
            }
            (Command::CreateGroup(create), Facts::Group(facts)) => {
                group::create(self, &create, &facts)
            }
            (Command::Redeem(redeem), Facts::Group(facts)) => group::redeem(&redeem, &facts),
            (Command::Log(request), Facts::Group(facts)) => log::decide(self, request, *facts, now),
            (Command::Follow(follow), Facts::Group(facts)) => log::follow(&follow, *facts),
            _ => Err(unexpected_facts()),
        }
    }
}

/// The store answered another question than the one that was asked, or more than was asked for.
pub(crate) fn unexpected_facts() -> Problem {
    Problem::new(
        ProblemCode::Internal,
        "the provider's store gave facts that do not fit the request",
    )
}
