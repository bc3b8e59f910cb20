//! The engine's operations, measured.

mod catch_up;
mod floor;
mod history;
mod op;
mod session;
mod shape;
mod subject;
mod thinned;

pub(crate) use floor::Floor;
pub(crate) use history::micros;
pub(crate) use op::Op;
pub use subject::Failure;
pub(crate) use subject::{Change, Engine, Implementation, Sample, Seat, Sent, Tree, Watch};

use crate::arguments::Options;
use crate::credentials::CredentialKind;
use crate::hostile::{self, Attack};
use crate::made::{self, Pool};
use crate::primitives::{self, Costs};
use folkmoot_crypto::Crypto;
use history::History;
use session::Session;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sizes at which peers are tried before a first size above them, so that it can be estimated.
const PROBES: [u32; 2] = [100, 400];

/// Everything that one run measured, by size.
pub(crate) struct Measured {
    pub(crate) suite: u16,
    pub(crate) sizes: Vec<Size>,
    pub(crate) attacks: Vec<Attack>,
}

/// Everything that was measured of groups of one size.
pub(crate) struct Size {
    pub(crate) members: u32,
    pub(crate) credential: CredentialKind,
    pub(crate) costs: Costs,
    pub(crate) series: BTreeMap<(Op, Implementation), Series>,
    /// What RFC 9420 forces on each operation here.
    pub(crate) floors: BTreeMap<Op, Floor>,
}

/// One operation, by one implementation, at one size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Series {
    pub(crate) samples: Vec<Sample>,
    /// It was not begun, because of its estimate.
    pub(crate) over_bound: bool,
}

impl Series {
    /// The sample in the middle by time.
    pub(crate) fn median(&self) -> Option<&Sample> {
        let mut samples: Vec<_> = self.samples.iter().collect();
        samples.sort_by_key(|sample| sample.time());
        samples.get(samples.len() / 2).copied()
    }

    /// The middle of the samples' second figures that are there.
    pub(crate) fn beside(&self) -> Option<usize> {
        let mut figures: Vec<_> = self.samples.iter().filter_map(|one| one.beside).collect();
        figures.sort_unstable();
        figures.get(figures.len() / 2).copied()
    }
}

/// Measures what the options ask for.
pub(crate) fn run(options: &Options) -> Result<Measured, Failure> {
    let crypto = primitives::suite(options.suite)
        .ok_or_else(|| Failure::new(format!("there is no cipher suite {}", options.suite)))?;
    let mut sizes = options.members.clone();
    sizes.sort_unstable();
    sizes.dedup();
    if let Some(size) = sizes
        .iter()
        .find(|size| **size > 3 && !made::is_possible(**size))
    {
        let why = "one member would be alone in the right half: take another number";
        return Err(Failure::new(format!("{size} members: {why}")));
    }
    let mut history = History::new(Duration::from_secs(options.bound));
    let mut measured = Measured {
        suite: options.suite,
        sizes: Vec::new(),
        attacks: Vec::new(),
    };
    for kind in &options.credential {
        let mut pool = Pool::new(crypto, *kind)?;
        let mut engines = vec![crate::folkmoot::engine(crypto, pool.credentials.clone())?];
        if options.peers && *kind == CredentialKind::Basic {
            let mut peers = peers(crypto)?;
            if sizes[0] > PROBES[1] {
                for members in PROBES {
                    let session = Session::new(members, &pool, options, &mut history);
                    session.run(&mut pool, &mut peers)?;
                }
            }
            engines.append(&mut peers);
        }
        if *kind == CredentialKind::Basic {
            measured.attacks = hostile::run(&mut pool, Duration::from_secs(options.patience))?;
        }
        for members in &sizes {
            let session = Session::new(*members, &pool, options, &mut history);
            measured.sizes.push(session.run(&mut pool, &mut engines)?);
        }
    }
    Ok(measured)
}

fn peers(crypto: &'static dyn Crypto) -> Result<Vec<Box<dyn Engine>>, Failure> {
    Ok(vec![
        crate::mls_rs::engine(crypto),
        crate::openmls::engine(crypto.suite())?,
    ])
}
