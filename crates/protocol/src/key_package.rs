//! Key packages: upload, count, claim.

use folkmoot_identity::{DeviceName, UserName};
use serde::{Deserialize, Serialize};

use crate::Bytes;
use crate::List;
use crate::bounds::{
    DEVICES_PER_USER, KEY_PACKAGES_PER_UPLOAD, MAX_KEY_PACKAGE, MAX_KEY_PACKAGE_REF,
};

/// An encoded `MLSMessage` that holds a `KeyPackage`.
pub type KeyPackageBytes = Bytes<MAX_KEY_PACKAGE>;

/// A `KeyPackageRef` (RFC 9420 §5.2).
pub type KeyPackageRefBytes = Bytes<MAX_KEY_PACKAGE_REF>;

/// Body of `PUT /v1/key-packages`. A package that was uploaded before, even one that was claimed
/// since, is not stored again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UploadKeyPackages {
    /// Each serves one joining.
    pub packages: List<KeyPackageBytes, KEY_PACKAGES_PER_UPLOAD>,
}

/// Answer to [`UploadKeyPackages`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPackagesUploaded {
    /// How many of the upload are new.
    pub stored: u64,
    /// How many of the device are there to be claimed.
    pub available: u64,
}

/// Answer of `GET /v1/key-packages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPackagesAvailable {
    /// How many of the device are there to be claimed.
    pub available: u64,
}

/// Body of `POST /v1/key-packages/claim`: one key package of each device of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimKeyPackages {
    /// Whose.
    pub user: UserName,
}

/// Answer to [`ClaimKeyPackages`]. Nobody else gets these packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPackagesClaimed {
    /// At most one per device; a device without a fresh one is missing.
    pub packages: List<ClaimedKeyPackage, DEVICES_PER_USER>,
}

/// One claimed key package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimedKeyPackage {
    /// Whose it is said to be; its credential has to agree.
    pub device: DeviceName,
    /// The package.
    pub package: KeyPackageBytes,
}
