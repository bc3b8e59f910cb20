//! The command line.

use crate::credentials::CredentialKind;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const ABOUT: &str = "\
Measures Folkmoot's engine beside the primitives that RFC 9420 forces (the floor), and beside other
engines where asked. All figures of one run are taken in turn on the same machine; figures of two runs
are not to be compared, their ratios are.";

const EXAMPLES: &str = "\
Look:
  folkmoot-bench engine --members 2,100,1000

Compare with mls-rs and OpenMLS, for a program to read:
  folkmoot-bench engine --members 1000,10000 --peers --json

A large group:
  folkmoot-bench engine --members 50000

The committed report:
  folkmoot-bench engine --members 2,100,1000,10000,50000 --peers --report docs/performance.md";

const OPERATIONS: &str = "\
Operations (bytes in parentheses):
  key_package    make one (encoded)
  build          from a group of one: verify N-1 KeyPackages, add them in one commit without a path,
                 accept it, encode (Welcome). The tree is outside the Welcome; inside is a row apart
  join           by a Welcome, tree beside it, into a steady group (Welcome and tree)
  load           open the store anew, load the group, decode and process one commit (records read)
  sparse_commit  the builder's first path: N-1 seals (commit)
  commit         fresh keys in a steady group: create, encode, accept (commit)
  process        decode, verify and enter, by a member of the other half (commit)
  store          what that changed, in one durable transaction (sum of keys and values)
  catch_up       1,000 commits made meanwhile, each entered and stored; fewer in small groups (of all)
  add, remove    one member, created, encoded and accepted by the committer (commit)
  commit_thinned, process_thinned
                 the same after the committer removed 30 % of the members at random (commit)
  send, receive  1 KiB of application data (what is to be stored of it)
  send_stored, receive_stored
                 the same and a durable transaction of it; who sends is the receiver of other rows (the same)
  observe        validate a commit with public state only (commit)
  memory         a group loaded from its store and in use, in bytes allocated (bytes)
  memory_whole   the same with all of its tree read, as it is after a join (bytes)

A steady group is one in which every member has committed once, so that no parent node is blank. It is
made, not played: nobody waits for N commits. The committer is the leftmost leaf and the receiver the
first of the right half, whose share of a path is what half of all members have.

The floor counts the primitives that RFC 9420 makes an implementation compute, and multiplies them by
their cost in this run: signatures of a join and of a bulk add, and the seals of a bulk add and of a
path over blanks, at all cores' throughput, everything else on one core. Bytes moved, decoding, memory,
disk and policy are not in it.

With X.509 every member has a device certificate and an end entity of its own under one issuing CA, which
is known; the floor counts a signature for each certificate at its first sight, so none in a commit.

parallel_build, parallel_join and parallel_sparse_commit say how much of all cores' throughput was reached:
x_floor is what their signatures and seals take at that throughput, by the time less the rest of the floor.

hostile_tree_* are trees from a stranger in an otherwise honest Welcome, hostile_commit_* commits of 1,000
proposals by a member; each says how it ended, and the run fails where one ends otherwise. \"members\" counts
the tree's places for leaves.

Peers: mls-rs 0.57 on the same primitives as Folkmoot by an adapter (its own aws-lc provider pins another
version of aws-lc-rs than the product's), OpenMLS 0.9.2 on RustCrypto. Both store into memory, so that
their store and load say nothing about a disk. Nothing is begun whose estimate from smaller groups is over
the bound; it is reported as \"over bound\", in JSON with null.";

const INSTRUCTIONS: &str = "\
Counts, by valgrind's callgrind, the instructions in which a member of a steady group decodes, verifies and
enters a commit, and fails where the largest group's takes more than 1.25 times the smallest's. Groups,
keys and randomness follow from a seed, all work is on one thread, and other work on the machine changes
nothing.

The first figure is of loading the group and entering one commit, which reads what it needs of the
records; the second, which is compared, the average of 8 commits after 9 more. Reading the file of records
into memory is in neither, looking a record up there is in both.";

const INSTRUCTIONS_EXAMPLES: &str = "\
Check:
  folkmoot-bench instructions

See what took them:
  folkmoot-bench instructions --keep /tmp/counted
  callgrind_annotate --inclusive=yes /tmp/counted/50000/counted_steady.callgrind";

/// What Folkmoot costs
#[derive(Debug, Parser)]
#[command(name = "folkmoot-bench", version, long_about = ABOUT, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Measure the MLS engine
    #[command(long_about = ABOUT, after_long_help = OPERATIONS)]
    Engine(Options),
    /// Check that a receiver's commit takes hardly more instructions in a large group
    #[command(long_about = INSTRUCTIONS, after_long_help = INSTRUCTIONS_EXAMPLES)]
    Instructions(Instructions),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Instructions {
    /// Sizes of groups; the largest is compared with the smallest
    #[arg(long, value_delimiter = ',', default_value = "1000,50000", value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    pub(crate) members: Vec<u32>,
    /// Keep groups and callgrind's files in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) phase: Option<Phase>,
}

/// What the check consists of.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Phase {
    /// Make a steady group, and write the receiver's records and the commits that it will get
    Prepare {
        /// Size of the group
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
        members: u32,
        /// Where to
        #[arg(long, value_name = "DIR")]
        into: PathBuf,
    },
    /// Load the receiver's group and enter the commits; what callgrind runs
    Process {
        /// What was prepared
        #[arg(long, value_name = "DIR")]
        from: PathBuf,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// Sizes of groups, from the smallest
    #[arg(long, value_delimiter = ',', default_value = "2,100,1000", value_name = "N",
          value_parser = clap::value_parser!(u32).range(2..=1 << 20))]
    pub(crate) members: Vec<u32>,
    /// Measure the other engines too
    #[arg(long)]
    pub(crate) peers: bool,
    /// Seconds that one operation of a peer may take
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pub(crate) bound: u64,
    /// Credentials of the members; other engines are measured with basic ones
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "basic",
        value_name = "KIND"
    )]
    pub(crate) credential: Vec<CredentialKind>,
    /// Cipher suite, by its code point in RFC 9420
    #[arg(long, default_value_t = 1, value_name = "SUITE")]
    pub(crate) suite: u16,
    /// Seconds to repeat one operation of one size for; each is done once at least
    #[arg(long, default_value_t = 8, value_name = "SECONDS")]
    pub(crate) patience: u64,
    /// Write the tables between the markers of this Markdown file, and a plot into the folder beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// One JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}
