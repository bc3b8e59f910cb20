//! A receiver in a steady group and the commits that it will get, in two files. Of the same number of
//! members always the same.

use crate::engine::Failure;
use crate::memory::Memory;
use crate::steady::Steady;
use folkmoot_crypto::Secret;
use std::fs;
use std::path::Path;

/// Commits after the first that a receiver enters before it is counted: as many as past epochs and their
/// keys are kept, from which on each commit erases as much as it adds.
pub(super) const WARM: usize = 9;
/// Commits over which the count is averaged.
pub(super) const STEADY: usize = 8;

const RECORDS: &str = "records";
const COMMITS: &str = "commits";

/// What [`prepare`] left.
pub(super) struct Prepared {
    pub(super) records: Memory,
    pub(super) commits: Vec<Vec<u8>>,
}

/// Makes a steady group, lets committer and receiver join, and writes the receiver's records and the
/// commits that follow.
pub(super) fn prepare(members: u32, into: &Path) -> Result<(), Failure> {
    let mut group = Steady::new(members)?;
    let commits = (0..1 + WARM + STEADY).map(|_| group.commit());
    let commits = commits.collect::<Result<Vec<_>, _>>()?;
    let mut records = Memory::default();
    records.apply(group.joined().clone());
    write(into, &records, &commits)
}

fn write(into: &Path, records: &Memory, commits: &[Vec<u8>]) -> Result<(), Failure> {
    let failed = |error| Failure::new(error).during(into.display());
    fs::create_dir_all(into).map_err(failed)?;
    let fields = records
        .iter()
        .flat_map(|(key, value)| [key, value.expose()]);
    fs::write(into.join(RECORDS), joined(fields)?).map_err(failed)?;
    let commits = joined(commits.iter().map(Vec::as_slice))?;
    fs::write(into.join(COMMITS), commits).map_err(failed)
}

/// Reads what [`prepare`] wrote.
pub(super) fn read(from: &Path) -> Result<Prepared, Failure> {
    let fields = |name| {
        let path = from.join(name);
        let read = fs::read(&path).map_err(Failure::new);
        read.and_then(|bytes| split(&bytes))
            .map_err(|why| why.during(path.display()))
    };
    let mut records = Memory::default();
    let mut recorded = fields(RECORDS)?.into_iter();
    while let (Some(key), Some(value)) = (recorded.next(), recorded.next()) {
        records.put(key, Secret::from(value));
    }
    let commits = fields(COMMITS)?;
    Ok(Prepared { records, commits })
}

/// Fields one after the other, each behind its length in four bytes.
fn joined<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    for field in fields {
        let length = u32::try_from(field.len()).map_err(Failure::new)?;
        bytes.extend(length.to_be_bytes());
        bytes.extend(field);
    }
    Ok(bytes)
}

fn split(mut bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut fields = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = u32::from_be_bytes(*length) as usize;
        let field = rest.split_at_checked(length);
        let (field, rest) = field.ok_or_else(|| Failure::new("the file is cut off"))?;
        fields.push(field.to_vec());
        bytes = rest;
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let fields: [&[u8]; 3] = [b"", b"a", b"bc"];
        let bytes = joined(fields.into_iter()).expect("short fields");
        assert_eq!(split(&bytes).expect("whole"), fields);
        assert!(split(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn the_same_is_made_each_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        for place in [&one, &other] {
            prepare(7, place).expect("a group");
        }
        for name in [RECORDS, COMMITS] {
            let [one, other] = [&one, &other].map(|place| fs::read(place.join(name)));
            assert_eq!(one.expect("read"), other.expect("read"), "{name}");
        }
    }
}
