//! Key packages: kept for a device, handed out once (RFC 9420 §10; check 36).

use std::collections::BTreeSet;

use folkmoot_identity::{CLOCK_SKEW, DeviceName, named_device};
use folkmoot_mls::{
    KeyPackage, LeafNodeSource, Lifetime, MessageBody, MlsMessage, ProtocolVersion,
};
use folkmoot_protocol::bounds::{KEY_PACKAGE_LIFETIME, KEY_PACKAGES_KEPT};
use folkmoot_protocol::{
    ClaimKeyPackages, ClaimedKeyPackage, KeyPackageBytes, KeyPackageRefBytes, KeyPackagesAvailable,
    KeyPackagesClaimed, KeyPackagesUploaded, Problem, ProblemCode, Timestamp,
};

use crate::command::Reply;
use crate::decide::{Accepted, unexpected_facts};
use crate::need::{StoredKeyPackage, Write};

/// A key package that is well formed, of a suite that is known, current, and in the name of the
/// device that offers it. Its signatures are for those to check who claim it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedKeyPackage {
    reference: KeyPackageRefBytes,
    not_after: Timestamp,
    package: KeyPackageBytes,
}

impl OfferedKeyPackage {
    /// Reads what `device` uploaded.
    pub fn parse(
        package: KeyPackageBytes,
        device: &DeviceName,
        now: Timestamp,
    ) -> Result<Self, Problem> {
        let content = decode(&package)?;
        let crypto = folkmoot_crypto::provider(content.content.cipher_suite)
            .filter(|_| content.content.version == ProtocolVersion::MLS_10)
            .ok_or_else(|| refused("is of a version or cipher suite that is not served here"))?;
        let lifetime = lifetime(&content, now)?;
        match named_device(&content.content.leaf_node.content.credential) {
            Ok(named) if named == *device => {}
            Ok(_) => return Err(refused("is in the name of another device")),
            Err(_) => return Err(refused("has a credential that names no device")),
        }
        let reference = content.reference(crypto);
        Ok(Self {
            reference: KeyPackageRefBytes::try_from(reference.0.as_slice())
                .map_err(|_| refused("has a reference that is too long"))?,
            not_after: lifetime.not_after,
            package,
        })
    }

    /// Its `KeyPackageRef` (RFC 9420 §5.2).
    pub fn reference(&self) -> &KeyPackageRefBytes {
        &self.reference
    }
}

fn decode(package: &KeyPackageBytes) -> Result<KeyPackage, Problem> {
    match MlsMessage::decode(package).map(|message| message.body) {
        Ok(MessageBody::KeyPackage(content)) => Ok(content),
        Ok(_) => Err(refused("is another kind of MLS message")),
        Err(_) => Err(refused("cannot be read")),
    }
}

/// RFC 9420 §7.2: a lifetime that is over, has not begun or is excessive is refused.
fn lifetime(content: &KeyPackage, now: Timestamp) -> Result<Lifetime, Problem> {
    let LeafNodeSource::KeyPackage(lifetime) = content.content.leaf_node.content.source else {
        return Err(refused("has a leaf that is not a key package's"));
    };
    if lifetime.not_after <= now {
        return Err(refused("has expired"));
    }
    if lifetime.not_before.0.saturating_sub(now.0) > CLOCK_SKEW {
        return Err(refused("is not valid yet; is the device's clock right?"));
    }
    if lifetime.not_after.0 - now.0 > KEY_PACKAGE_LIFETIME {
        return Err(refused("is valid for too long"));
    }
    Ok(lifetime)
}

fn refused(why: &str) -> Problem {
    Problem::new(ProblemCode::Malformed, format!("a key package {why}"))
}

pub(crate) fn upload(
    device: &DeviceName,
    packages: Vec<OfferedKeyPackage>,
    known: &BTreeSet<KeyPackageRefBytes>,
    available: u64,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let mut seen = BTreeSet::new();
    let new: Vec<_> = packages
        .into_iter()
        .filter(|p| !known.contains(&p.reference) && seen.insert(p.reference.clone()))
        .collect();
    let stored = new.len() as u64;
    let available = available
        .checked_add(stored)
        .filter(|available| *available <= KEY_PACKAGES_KEPT)
        .ok_or_else(|| {
            Problem::new(
                ProblemCode::TooMany,
                format!("at most {KEY_PACKAGES_KEPT} key packages are kept for a device"),
            )
        })?;
    let mut writes = vec![Write::DropKeyPackages {
        device: device.clone(),
        expired_at: now,
    }];
    writes.extend(new.into_iter().map(|offered| {
        Write::PutKeyPackage(StoredKeyPackage {
            device: device.clone(),
            reference: offered.reference,
            not_after: offered.not_after,
            package: offered.package,
        })
    }));
    Ok(Accepted {
        writes,
        reply: Reply::Uploaded(KeyPackagesUploaded { stored, available }),
        wakes: Vec::new(),
    })
}

pub(crate) fn count(available: u64) -> Accepted {
    Accepted::reply(Reply::Counted(KeyPackagesAvailable { available }))
}

pub(crate) fn claim(
    claim: &ClaimKeyPackages,
    packages: Vec<StoredKeyPackage>,
    now: Timestamp,
) -> Result<Accepted, Problem> {
    let mut devices = BTreeSet::new();
    let (mut writes, mut claimed) = (Vec::new(), Vec::new());
    for stored in packages {
        let fits = *stored.device.user() == claim.user && stored.not_after > now;
        if !fits || !devices.insert(stored.device.clone()) {
            return Err(unexpected_facts());
        }
        writes.push(Write::SpendKeyPackage {
            device: stored.device.clone(),
            reference: stored.reference,
        });
        claimed.push(ClaimedKeyPackage {
            device: stored.device,
            package: stored.package,
        });
    }
    if claimed.is_empty() {
        return Err(Problem::new(
            ProblemCode::NoKeyPackages,
            format!(
                "{} has no key packages left; try again after they sync",
                claim.user
            ),
        ));
    }
    let packages = claimed.try_into().map_err(|_| unexpected_facts())?;
    Ok(Accepted {
        writes,
        reply: Reply::Claimed(KeyPackagesClaimed { packages }),
        wakes: Vec::new(),
    })
}
