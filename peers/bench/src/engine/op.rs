//! The operations.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Op {
    KeyPackage,
    Build,
    /// With the tree in the Welcome; in the table only.
    BuildInside,
    Join,
    Load,
    SparseCommit,
    Commit,
    Process,
    Store,
    /// Many commits in a row, each entered and stored.
    CatchUp,
    Add,
    Remove,
    /// Of the member that was added last; in the table only, beside one inside.
    RemoveEdge,
    /// Of many members, in a few commits; in the table only.
    Thin,
    /// As [`Self::Commit`] and [`Self::Process`], after that.
    CommitThinned,
    ProcessThinned,
    Send,
    Receive,
    /// As [`Self::Send`] and [`Self::Receive`], and a durable transaction of what that changed.
    SendStored,
    ReceiveStored,
    Observe,
    Memory,
    /// As [`Self::Memory`], with all of the tree read.
    MemoryWhole,
}

impl Op {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::KeyPackage => "key_package",
            Self::Build => "build",
            Self::BuildInside => "build, tree inside",
            Self::Join => "join",
            Self::Load => "load",
            Self::SparseCommit => "sparse_commit",
            Self::Commit => "commit",
            Self::Process => "process",
            Self::Store => "store",
            Self::CatchUp => "catch_up",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::RemoveEdge => "remove, right edge",
            Self::Thin => "remove 30 %",
            Self::CommitThinned => "commit_thinned",
            Self::ProcessThinned => "process_thinned",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::SendStored => "send_stored",
            Self::ReceiveStored => "receive_stored",
            Self::Observe => "observe",
            Self::Memory => "memory",
            Self::MemoryWhole => "memory_whole",
        }
    }

    /// Whether it takes bytes and no time.
    pub(crate) fn is_memory(self) -> bool {
        matches!(self, Self::Memory | Self::MemoryWhole)
    }

    /// Whether it is a line of JSON.
    pub(crate) fn is_main(self) -> bool {
        !matches!(self, Self::BuildInside | Self::RemoveEdge | Self::Thin)
    }

    /// How an operation's time is taken to grow, as a power of the members, before it has been
    /// measured at two sizes.
    pub(crate) fn expected_growth(self) -> f64 {
        match self {
            Self::Build | Self::BuildInside | Self::Thin => 2.0,
            _ => 1.1,
        }
    }
}
