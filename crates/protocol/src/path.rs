//! Where each request goes.

/// `GET`: [`ProviderInfo`](crate::ProviderInfo).
pub const PROVIDER: &str = "/v1/provider";
/// `POST`: [`Register`](crate::Register).
pub const DEVICES: &str = "/v1/devices";
/// `POST` without a body: [`Challenge`](crate::Challenge).
pub const CHALLENGE: &str = "/v1/session/challenge";
/// `POST`: [`OpenSession`](crate::OpenSession).
pub const SESSION: &str = "/v1/session";
/// `PUT`: [`UploadKeyPackages`](crate::UploadKeyPackages);
/// `GET`: [`KeyPackagesAvailable`](crate::KeyPackagesAvailable).
pub const KEY_PACKAGES: &str = "/v1/key-packages";
/// `POST`: [`ClaimKeyPackages`](crate::ClaimKeyPackages).
pub const KEY_PACKAGES_CLAIM: &str = "/v1/key-packages/claim";
/// `POST`: [`PostPointer`](crate::PostPointer); `GET` with `?after=`:
/// [`InboxPage`](crate::InboxPage).
pub const INBOX: &str = "/v1/inbox";
/// `POST`: [`AckInbox`](crate::AckInbox).
pub const INBOX_ACK: &str = "/v1/inbox/ack";
/// `POST`: [`CreateGroup`](crate::CreateGroup).
pub const GROUPS: &str = "/v1/groups";
/// `POST`: [`SlotRequest`](crate::SlotRequest).
pub const SLOT: &str = "/v1/slot";
/// `POST`: [`Redeem`](crate::Redeem).
pub const SLOT_REDEEM: &str = "/v1/slot/redeem";
/// WebSocket: [`StreamRequest`](crate::StreamRequest), [`StreamEvent`](crate::StreamEvent).
pub const STREAM: &str = "/v1/stream";
