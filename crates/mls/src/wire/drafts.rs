//! Code points of drafts, all in one place: they may move until the drafts are RFCs.
//!
//! draft-ietf-mls-extensions-10 §7, all of them suggested ones.

/// Extension `app_data_dictionary`.
pub(super) const APP_DATA_DICTIONARY: u16 = 6;

/// Proposal `app_data_update`.
pub(super) const APP_DATA_UPDATE: u16 = 8;
/// Proposal `app_ephemeral`.
pub(super) const APP_EPHEMERAL: u16 = 9;
/// Proposal `self_remove`.
pub(super) const SELF_REMOVE: u16 = 10;

/// Type of a pre-shared key, `application`.
pub(super) const APPLICATION_PSK: u8 = 3;

/// Wire format `mls_targeted_message` (draft-ietf-mls-targeted-messages-01).
pub(crate) const TARGETED_MESSAGE: u16 = 6;

/// Component `app_components`.
pub(super) const APP_COMPONENTS: u16 = 1;
/// Component `safe_aad`.
pub(super) const SAFE_AAD: u16 = 2;
/// Component `content_media_types`.
pub(super) const CONTENT_MEDIA_TYPES: u16 = 3;
/// Component `last_resort_key_package`.
pub(super) const LAST_RESORT_KEY_PACKAGE: u16 = 4;
/// Component `app_ack`.
pub(super) const APP_ACK: u16 = 5;
