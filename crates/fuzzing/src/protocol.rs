//! Every message between client and provider, join addresses and names: whatever is read is written so
//! that it is read as the same.

use crate::input::Input;
use core::fmt::{Debug, Display};
use core::str::FromStr;
use folkmoot_identity::{DeviceName, ProviderDomain, UserName};
use folkmoot_mls::Timestamp;
use folkmoot_protocol::{
    AckInbox, Action, Append, Appended, Challenge, ClaimKeyPackages, CreateGroup, GroupId,
    InboxPage, JoinAddress, JoinerWelcome, KeyPackagesAvailable, KeyPackagesClaimed,
    KeyPackagesUploaded, LogEntry, LogPage, LogPosition, OpenSession, Pointer, PostPointer, Posted,
    Problem, ProviderInfo, Receipt, ReceiptPublicKey, Redeem, Redeemed, Register, Registered,
    Session, SlotId, SlotPublicKey, SlotRequest, StreamEvent, StreamRequest, UploadKeyPackages,
    WelcomeKey, decode, encode,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What every clock here shows.
const NOW: Timestamp = Timestamp(1_750_000_000);

/// The readers, in an order that the corpus depends on: what is new comes last.
const READERS: &[fn(&[u8]) -> bool] = &[
    body::<ProviderInfo>,
    body::<Register>,
    body::<Registered>,
    body::<Challenge>,
    body::<OpenSession>,
    body::<Session>,
    body::<UploadKeyPackages>,
    body::<KeyPackagesUploaded>,
    body::<KeyPackagesAvailable>,
    body::<ClaimKeyPackages>,
    body::<KeyPackagesClaimed>,
    body::<PostPointer>,
    body::<Posted>,
    body::<InboxPage>,
    body::<AckInbox>,
    body::<CreateGroup>,
    body::<Action>,
    body::<Append>,
    body::<Appended>,
    body::<LogEntry>,
    body::<LogPage>,
    body::<JoinerWelcome>,
    body::<Problem>,
    body::<Receipt>,
    body::<Redeem>,
    body::<Redeemed>,
    body::<SlotRequest>,
    body::<StreamRequest>,
    body::<StreamEvent>,
    name::<ProviderDomain>,
    name::<UserName>,
    name::<DeviceName>,
    name::<JoinAddress>,
    pointer,
    append,
    entry,
    slot_request,
    redeem,
    receipt,
    welcome,
];

/// The first byte says what the others are read as.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let read = READERS[input.below(READERS.len())];
    read(input.rest());
}

/// The inputs by which these bytes are read as something.
pub(crate) fn readings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let readers = (0..).zip(READERS).filter(|(_, read)| read(bytes));
    readers
        .map(|(which, _)| [&[which], bytes].concat())
        .collect()
}

/// JSON has many encodings of one message; ours is the one that is read as itself.
fn body<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) -> bool {
    read(bytes, |message: T| {
        assert_eq!(decode::<T>(&encode(&message)), Ok(message));
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8], then: impl FnOnce(T)) -> bool {
    decode::<T>(bytes).map(then).is_ok()
}

fn name<T: FromStr + Display + PartialEq + Debug>(bytes: &[u8]) -> bool {
    let text = core::str::from_utf8(bytes).ok();
    let name = text.and_then(|text| text.parse::<T>().ok());
    name.is_some_and(|name| {
        assert_eq!(name.to_string().parse::<T>().ok(), Some(name));
        true
    })
}

fn pointer(bytes: &[u8]) -> bool {
    let pointer = Pointer::decode(bytes);
    pointer.is_ok_and(|pointer| {
        assert_eq!(
            pointer.encode().expose(),
            bytes,
            "two encodings of one pointer"
        );
        true
    })
}

/// An append makes the entry that it asks for, at any place of a log.
fn append(bytes: &[u8]) -> bool {
    read(bytes, |append: Append| {
        let _ = append.digest();
        let (entry, _) = append.clone().into_entry();
        if let Ok(entry) = start().extend(entry, Timestamp(1)) {
            assert!(append.is_entry(&entry), "an append that is not its entry");
            assert!(
                start().advance(&entry).is_ok(),
                "an entry that breaks its log"
            );
        }
    })
}

fn entry(bytes: &[u8]) -> bool {
    read(bytes, |entry: LogEntry| {
        let _ = start().advance(&entry);
    })
}

fn start() -> LogPosition {
    LogPosition::start(GroupId([1; 32]), &SlotPublicKey([2; 32]))
}

fn slot_request(bytes: &[u8]) -> bool {
    read(bytes, |request: SlotRequest| {
        drop(request.verify(&SlotPublicKey([2; 32]), &domain(), NOW));
    })
}

fn redeem(bytes: &[u8]) -> bool {
    read(bytes, |redeem: Redeem| drop(redeem.verify(&domain(), NOW)))
}

fn receipt(bytes: &[u8]) -> bool {
    read(bytes, |receipt: Receipt| {
        let verified = receipt.verify(&ReceiptPublicKey([2; 32]), &domain());
        assert!(verified.is_err(), "a receipt that nobody signed");
    })
}

/// The parts of a Welcome, opened by a joiner of any slot.
fn welcome(bytes: &[u8]) -> bool {
    read(bytes, |welcome: JoinerWelcome| {
        let (group, slot) = (GroupId([1; 32]), SlotId([3; 16]));
        let key = WelcomeKey::try_from(&[7; 32][..]).unwrap();
        let opened = key.open_shared(&group, &welcome.shared);
        assert!(opened.is_err(), "a Welcome that nobody sealed");
        let opened = key.open_part(&group, &slot, &welcome.part);
        assert!(opened.is_err(), "a Welcome that nobody sealed");
    })
}

fn domain() -> ProviderDomain {
    "example.org".parse().unwrap()
}
