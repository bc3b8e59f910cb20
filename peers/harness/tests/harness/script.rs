//! Scripts as data: who does what, by name. Who is in the group follows from it.

/// Labels name KeyPackages, proposals, keys and messages; people are named by themselves.
pub(crate) type Name = String;

/// What a proposal says.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// By the last KeyPackage that they offered.
    Add(Name),
    Update,
    Remove(Name),
    ExternalPsk(Name),
    ResumptionPsk(u64),
    Extensions(Vec<(u32, Vec<u8>)>),
    ReInit(Successor),
}

/// The group that follows: how it differs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Successor {
    pub(crate) other_id: bool,
    pub(crate) other_suite: bool,
    pub(crate) extensions: Vec<(u32, Vec<u8>)>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A group, and everybody in it by one commit.
    Create {
        by: Name,
        members: Vec<Name>,
    },
    Offer(Name),
    /// The same key for all of these, in a group or about to be.
    Psk {
        psk: Name,
        to: Vec<Name>,
    },
    Propose {
        by: Name,
        label: Name,
        what: What,
    },
    /// Made, taken by all members and entered by all whom it adds.
    Commit(Commit),
    Enter(Enter),
    Seal {
        by: Name,
        label: Name,
    },
    Open {
        by: Name,
        label: Name,
    },
    /// Proposes itself, as nobody in the group.
    AskToJoin {
        joiner: Name,
        host: Name,
        label: Name,
    },
    /// Proposes an external sender.
    AddSigner {
        by: Name,
        signer: Name,
        label: Name,
    },
    /// The external sender proposes.
    Outside {
        signer: Name,
        host: Name,
        label: Name,
        what: What,
    },
    ReInit(ReInit),
    Branch(Branch),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Commit {
    pub(crate) by: Name,
    pub(crate) by_reference: Vec<Name>,
    pub(crate) by_value: Vec<What>,
    pub(crate) force_path: bool,
    pub(crate) tree_apart: bool,
}

/// A commit from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Enter {
    pub(crate) joiner: Name,
    pub(crate) host: Name,
    pub(crate) replaces: bool,
    pub(crate) tree_apart: bool,
    pub(crate) psks: Vec<Name>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct ReInit {
    /// The label of a ReInit.
    pub(crate) proposal: Name,
    pub(crate) committer: Name,
    pub(crate) welcomer: Name,
    pub(crate) force_path: bool,
    pub(crate) tree_apart: bool,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Branch {
    pub(crate) by: Name,
    pub(crate) members: Vec<Name>,
    pub(crate) extensions: Vec<(u32, Vec<u8>)>,
    pub(crate) force_path: bool,
    pub(crate) tree_apart: bool,
}

pub(crate) fn names(list: &[&str]) -> Vec<Name> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn create(by: &str, members: &[&str]) -> Step {
    Step::Create {
        by: by.into(),
        members: names(members),
    }
}

pub(crate) fn offer(by: &str) -> Step {
    Step::Offer(by.into())
}

pub(crate) fn psk(psk: &str, to: &[&str]) -> Step {
    Step::Psk {
        psk: psk.into(),
        to: names(to),
    }
}

pub(crate) fn propose(by: &str, label: &str, what: What) -> Step {
    Step::Propose {
        by: by.into(),
        label: label.into(),
        what,
    }
}

pub(crate) fn add(whom: &str) -> What {
    What::Add(whom.into())
}

pub(crate) fn remove(whom: &str) -> What {
    What::Remove(whom.into())
}

pub(crate) fn external_psk(psk: &str) -> What {
    What::ExternalPsk(psk.into())
}

/// An empty list of what is required, and where it is asked for one of external senders.
pub(crate) fn extensions(with_senders: bool) -> Vec<(u32, Vec<u8>)> {
    let mut list = vec![(3, vec![0; 3])];
    list.extend(with_senders.then(|| (5, vec![0])));
    list
}

pub(crate) fn seal(by: &str, label: &str) -> Step {
    Step::Seal {
        by: by.into(),
        label: label.into(),
    }
}

pub(crate) fn open(by: &str, label: &str) -> Step {
    Step::Open {
        by: by.into(),
        label: label.into(),
    }
}

pub(crate) fn enter(joiner: &str, host: &str) -> Enter {
    Enter {
        joiner: joiner.into(),
        host: host.into(),
        ..Enter::default()
    }
}

pub(crate) fn outside(signer: &str, host: &str, label: &str, what: What) -> Step {
    Step::Outside {
        signer: signer.into(),
        host: host.into(),
        label: label.into(),
        what,
    }
}

pub(crate) fn add_signer(by: &str, signer: &str, label: &str) -> Step {
    Step::AddSigner {
        by: by.into(),
        signer: signer.into(),
        label: label.into(),
    }
}

pub(crate) fn commit(by: &str) -> Commit {
    Commit {
        by: by.into(),
        ..Commit::default()
    }
}

impl Commit {
    pub(crate) fn references(mut self, labels: &[&str]) -> Self {
        self.by_reference = names(labels);
        self
    }

    pub(crate) fn values(mut self, list: &[What]) -> Self {
        self.by_value = list.to_vec();
        self
    }

    pub(crate) fn with_path(mut self) -> Self {
        self.force_path = true;
        self
    }

    pub(crate) fn apart(mut self) -> Self {
        self.tree_apart = true;
        self
    }
}

impl From<Commit> for Step {
    fn from(commit: Commit) -> Self {
        Self::Commit(commit)
    }
}

impl From<Enter> for Step {
    fn from(enter: Enter) -> Self {
        Self::Enter(enter)
    }
}
