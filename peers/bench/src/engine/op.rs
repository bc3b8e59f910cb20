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
    Add,
    Remove,
    /// Of the member that was added last; in the table only, beside one inside.
    RemoveEdge,
    Send,
    Receive,
    Observe,
    Memory,
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
            Self::Add => "add",
            Self::Remove => "remove",
            Self::RemoveEdge => "remove, right edge",
            Self::Send => "send",
            Self::Receive => "receive",
            Self::Observe => "observe",
            Self::Memory => "memory",
        }
    }

    /// Whether it is a line of JSON.
    pub(crate) fn is_main(self) -> bool {
        !matches!(self, Self::BuildInside | Self::RemoveEdge)
    }

    /// How an operation's time is taken to grow, as a power of the members, before it has been
    /// measured at two sizes.
    pub(crate) fn expected_growth(self) -> f64 {
        match self {
            Self::Build | Self::BuildInside => 2.0,
            _ => 1.1,
        }
    }
}
