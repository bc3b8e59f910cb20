//! The records of an Authentication Service: what a decision must see, and what it changes.

use folkmoot_identity::{DeviceName, UserName};
use folkmoot_protocol::{CertificateDer, Digest, Timestamp};

/// The records that a decision must see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// What a registration depends on; answered by [`Facts::Registration`].
    Registration {
        /// The device to be.
        device: DeviceName,
        /// The digest of the invite code that came with the request.
        invite: Option<Digest>,
    },
    /// How many invites are kept; answered by [`Facts::Invites`].
    Invites {
        /// When: those that expired do not count.
        at: Timestamp,
    },
}

/// What was loaded for a [`Need`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Facts {
    /// For [`Need::Registration`].
    Registration(Box<RegistrationFacts>),
    /// For [`Need::Invites`]: how many have not expired.
    Invites(u64),
}

/// What was loaded for a registration; absent records are absent here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RegistrationFacts {
    /// The device of this very name.
    pub device: Option<DeviceRecord>,
    /// How many devices the device's user has.
    pub devices: u64,
    /// The invite with this digest, expired or not.
    pub invite: Option<InviteRecord>,
}

/// A change of the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Adds the device, or replaces the one of this name.
    PutDevice(DeviceRecord),
    /// Adds an invite.
    PutInvite(InviteRecord),
    /// Drops an invite: it was used.
    SpendInvite(Digest),
    /// Drops all invites whose `not_after` is before this time.
    DropInvites {
        /// When.
        expired_at: Timestamp,
    },
}

/// A registered device: its name is bound to its key for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceRecord {
    /// Its name, which is unique.
    pub device: DeviceName,
    /// Its Ed25519 public key.
    pub public_key: [u8; 32],
    /// The certificate that was issued last.
    pub certificate: CertificateDer,
}

/// An invite that was not used yet. Of its code only the digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteRecord {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// The user to whom it adds a device; none where it lets in a new user.
    pub user: Option<UserName>,
    /// The last second at which it is good.
    pub not_after: Timestamp,
}
