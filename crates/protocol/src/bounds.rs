//! How much of anything one side accepts from the other.

/// Largest body of a request or answer, in bytes of JSON.
pub const MAX_BODY: usize = 24 << 20;
/// Largest MLS message in a group's log, in bytes.
pub const MAX_MESSAGE: usize = 1 << 20;
/// Largest encrypted shared part of a Welcome that travels with a commit, in bytes.
pub const MAX_WELCOME: usize = 12 << 20;
/// Largest encrypted part of a Welcome for one joiner, in bytes: room for the KEM of any suite,
/// post-quantum hybrids included.
pub const MAX_WELCOME_PART: usize = 4 << 10;
/// Smallest encrypted part of a Welcome for one joiner, in bytes. Longer ones double this.
pub const MIN_WELCOME_PART: usize = 256;
/// Largest `KeyPackage`, as an encoded `MLSMessage`, in bytes.
pub const MAX_KEY_PACKAGE: usize = 16 << 10;
/// Longest `KeyPackageRef`, in bytes: the longest hash of any suite of RFC 9420 §17.1.
pub const MAX_KEY_PACKAGE_REF: usize = 64;
/// Longest DER encoding of one certificate, in bytes.
pub const MAX_CERTIFICATE: usize = 8 << 10;
/// Longest DER encoding of a PKCS#10 certification request, in bytes.
pub const MAX_CERTIFICATE_REQUEST: usize = 4 << 10;
/// Most issuing certificates that a provider presents at once.
pub const MAX_ISSUING: usize = 8;
/// Longest invite code, in characters.
pub const MAX_INVITE: usize = 64;
/// Longest challenge of a session, in bytes.
pub const MAX_CHALLENGE: usize = 128;
/// Longest session token, in characters.
pub const MAX_TOKEN: usize = 1024;
/// Longest detail of a problem, in bytes; longer ones are cut.
pub const MAX_DETAIL: usize = 512;

/// Most devices of one user.
pub const DEVICES_PER_USER: usize = 64;
/// Most key packages in one upload.
pub const KEY_PACKAGES_PER_UPLOAD: usize = 100;
/// Most unclaimed key packages that are kept for one device.
pub const KEY_PACKAGES_KEPT: u64 = 1000;
/// Longest remaining lifetime of a key package that is accepted, in seconds (RFC 9420 §7.2 asks
/// for a limit).
pub const KEY_PACKAGE_LIFETIME: u64 = 100 * 24 * 3600;

/// Most unread items in one inbox.
pub const INBOX_KEPT: u64 = 10_000;
/// How long an inbox remembers what was posted to it, so that a retry is not a second item, in
/// seconds.
pub const POST_MEMORY: u64 = 30 * 24 * 3600;
/// Most items in one answer from an inbox.
pub const INBOX_READ_LIMIT: usize = 256;

/// Most slots that one append opens. Their parts of the Welcome, each of the largest size, fit into a
/// body beside the largest shared part and the largest message.
pub const MAX_OPENS: usize = 1000;
/// Most slots that one append closes.
pub const MAX_CLOSES: usize = 1000;
/// Most log entries in one answer.
pub const READ_LIMIT: usize = 256;
/// Most bytes of messages in one answer, unless its first entry alone is larger.
pub const READ_BYTES: usize = 4 << 20;
/// How far the time of a slot request may be from the provider's, in seconds.
pub const SLOT_TIME_WINDOW: u64 = 300;

/// Most groups that one stream follows at a time.
pub const FOLLOWED_PER_STREAM: usize = 1024;
/// Largest frame that a client sends on a stream, in bytes.
pub const MAX_STREAM_REQUEST: usize = 4 << 10;
