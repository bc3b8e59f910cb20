//! What runs under callgrind: a receiver loads its group and enters commits.

use super::prepared::{self, Prepared, WARM};
use crate::credentials::Credentials;
use crate::engine::Failure;
use crate::memory::Memory;
use crate::steady;
use folkmoot_crypto::Crypto;
use folkmoot_mls::{Delta, Group, MlsMessage, Services, Settings};
use std::path::Path;

/// Functions between whose beginning and end callgrind counts; neither calls the other.
pub(super) const COUNTED_FIRST: &str = "counted_first";
pub(super) const COUNTED_STEADY: &str = "counted_steady";

/// Enters all commits that were prepared.
pub(super) fn run(from: &Path) -> Result<(), Failure> {
    // Callgrind counts by thread: what the engine hands to other cores has to stay on this one.
    let alone = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread();
    alone.build_global().map_err(Failure::new)?;
    let Prepared {
        mut records,
        commits,
    } = prepared::read(from)?;
    let crypto = steady::crypto()?;
    let (first, rest) = commits.split_first().ok_or_else(Failure::no_group)?;
    let (mut group, delta) = counted_first(crypto, &records, first)?;
    records.apply(delta);
    let (warm, counted) = rest
        .split_at_checked(WARM)
        .ok_or_else(|| Failure::new("too few commits"))?;
    for commit in warm {
        let delta = enter(&mut group, &records, commit)?;
        records.apply(delta);
    }
    for commit in counted {
        let delta = counted_steady(&mut group, &records, commit)?;
        records.apply(delta);
    }
    println!("epoch {}", group.epoch().0);
    Ok(())
}

#[inline(never)]
fn counted_first(
    crypto: &'static dyn Crypto,
    records: &Memory,
    commit: &[u8],
) -> Result<(Group, Delta), Failure> {
    let mut group = Group::load(crypto, records, Settings::default())?;
    let delta = enter(&mut group, records, commit)?;
    Ok((group, delta))
}

#[inline(never)]
fn counted_steady(group: &mut Group, records: &Memory, commit: &[u8]) -> Result<Delta, Failure> {
    enter(group, records, commit)
}

/// Decodes, verifies and enters.
fn enter(group: &mut Group, records: &Memory, commit: &[u8]) -> Result<Delta, Failure> {
    let message = MlsMessage::decode(commit)?;
    let services = Services::from(Credentials::Basic.authentication()).with_records(records);
    let incoming = group.receive(message, services)?;
    Ok(group.apply(incoming)?)
}
