//! The client without I/O: what to ask the provider next, and what its answers change.
//!
//! Everything that decides the next request lies in the store, so the core can be dropped between any
//! two steps and a new one goes on. [`Core::next_request`] looks at that state and gives one request;
//! [`Core::handle`] takes the answer in one transaction. A request whose answer is lost is simply asked
//! again: each one is idempotent.

mod account;
mod group;
mod inbox;
mod log;
mod message;
mod policy;
mod state;
mod submit;
mod task;

#[cfg(not(target_family = "wasm"))]
pub(crate) use group::hex;
#[cfg(not(target_family = "wasm"))]
pub(crate) use log::stored;
pub use message::MAX_TEXT;
pub use submit::{Outcome, Submitted};

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use folkmoot_identity::Timestamp;
use folkmoot_mls::Group;
use folkmoot_protocol::{
    AckInbox, Action, Append, Appended, Challenge, ClaimKeyPackages, CreateGroup, GroupId,
    InboxCursor, InboxPage, JoinerWelcome, KeyPackagesAvailable, KeyPackagesClaimed, LogPage,
    OpenSession, PostPointer, Problem, ProviderInfo, Receipt, Redeem, Register, Registered,
    Session, SessionToken, SlotRequest, StreamRequest, UploadKeyPackages,
    bounds::FOLLOWED_PER_STREAM,
};
use folkmoot_store::client::{ClientChanges, ClientStore, GroupState};
use rand_core::CryptoRng;

use crate::error::Error;
use crate::event::Event;
use account::Identity;
use inbox::Unjoinable;

/// Something to ask the provider. What needs a session carries its token.
#[derive(Clone, Debug)]
pub enum Request {
    /// `GET /v1/provider`.
    Provider,
    /// `POST /v1/devices`.
    Register(Register),
    /// `POST /v1/session/challenge`.
    Challenge,
    /// `POST /v1/session`.
    OpenSession(OpenSession),
    /// `GET /v1/key-packages`.
    CountKeyPackages(SessionToken),
    /// `PUT /v1/key-packages`.
    UploadKeyPackages(SessionToken, UploadKeyPackages),
    /// `POST /v1/key-packages/claim`.
    ClaimKeyPackages(SessionToken, ClaimKeyPackages),
    /// `GET /v1/inbox`.
    ReadInbox(SessionToken, InboxCursor),
    /// `POST /v1/inbox/ack`.
    AckInbox(SessionToken, AckInbox),
    /// `POST /v1/inbox`.
    Post(SessionToken, Box<PostPointer>),
    /// `POST /v1/groups`.
    CreateGroup(SessionToken, CreateGroup),
    /// `POST /v1/slot` with an append.
    Append(Box<SlotRequest>),
    /// `POST /v1/slot` with a read.
    Read(Box<SlotRequest>),
    /// `POST /v1/slot` for a Welcome.
    Welcome(Box<SlotRequest>),
    /// `POST /v1/slot/redeem`.
    Redeem(Box<Redeem>),
}

/// The provider's answer to the request of the same name.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "the request of the same name says what it answers"
)]
pub enum Response {
    Provider(ProviderInfo),
    Registered(Registered),
    Challenge(Challenge),
    Session(Session),
    KeyPackages(KeyPackagesAvailable),
    Claimed(KeyPackagesClaimed),
    Inbox(InboxPage),
    Acknowledged,
    Posted,
    Created(Receipt),
    Appended(Appended),
    Page(LogPage),
    Welcome(JoinerWelcome),
    Redeemed,
}

/// What the request under way is for.
#[derive(Clone, Debug)]
enum Step {
    Provider,
    Register,
    Challenge,
    OpenSession,
    Count,
    Upload(Vec<Vec<u8>>),
    Claim(u64),
    ReadInbox,
    AckInbox(u64),
    Post(u64),
    Create(GroupId),
    Append(GroupId),
    Read(GroupId),
    Redeem(Vec<u8>),
    Welcome(Vec<u8>),
}

/// How a person's device stands to one provider.
pub struct Core<S> {
    store: S,
    identity: Option<Identity>,
    groups: HashMap<GroupId, Group>,
    session: Option<Session>,
    challenge: Option<Challenge>,
    step: Option<Step>,
    round: Round,
    events: VecDeque<Event>,
    outcomes: BTreeMap<u64, Result<Outcome, Error>>,
}

/// What was asked since the caller last wanted to be up to date.
#[derive(Default)]
struct Round {
    /// The device certificate is the provider's newest.
    renewed: bool,
    counted: bool,
    inbox_read: bool,
    caught_up: BTreeSet<GroupId>,
    /// Groups that took no append, as if they were not there: the log says why.
    shut: BTreeSet<GroupId>,
    /// Groups whose log is not there for this device.
    gone: BTreeSet<GroupId>,
    /// Appends that lost to others' commits.
    lost: BTreeMap<GroupId, u32>,
}

/// Races lost in one round before a task gives up with [`Error::Contended`].
const MAX_LOST_RACES: u32 = 64;

impl<S> core::fmt::Debug for Core<S> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter
            .debug_struct("Core")
            .field("step", &self.step)
            .finish_non_exhaustive()
    }
}

impl<S: ClientStore> Core<S> {
    /// Goes on from what the store holds.
    pub fn new(store: S) -> Result<Self, Error> {
        let mut core = Self {
            store,
            identity: None,
            groups: HashMap::new(),
            session: None,
            challenge: None,
            step: None,
            round: Round::default(),
            events: VecDeque::new(),
            outcomes: BTreeMap::new(),
        };
        core.load_identity()?;
        Ok(core)
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Gives the store back, as a crash would leave it.
    pub fn into_store(self) -> S {
        self.store
    }

    /// Begins anew to ask for everything that may have come.
    pub fn begin_round(&mut self) {
        self.round = Round::default();
        self.step = None;
    }

    /// What to ask next; none once there is nothing left to do in this round.
    pub fn next_request(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<Request>, Error> {
        self.step = None;
        let next = self.choose(now, rng)?;
        Ok(next.map(|(step, request)| {
            self.step = Some(step);
            request
        }))
    }

    fn choose(
        &mut self,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<Option<(Step, Request)>, Error> {
        if let Some(next) = self.account_request(now)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.key_package_request(now, rng)? {
            return Ok(Some(next));
        }
        if let Some(next) = self.inbox_request(now)? {
            return Ok(Some(next));
        }
        for group in self.store.groups()? {
            if let Some(next) = self.group_request(group, now, rng)? {
                return Ok(Some(next));
            }
        }
        Ok(None)
    }

    /// Takes the answer to the request under way.
    pub fn handle(
        &mut self,
        answer: Result<Response, Problem>,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        let Some(step) = self.step.take() else {
            return Err(Error::Internal("an answer to no request".into()));
        };
        match answer {
            Ok(response) => self.succeeded(step, response, now, rng),
            Err(problem) => self.refused(step, problem),
        }
    }

    fn succeeded(
        &mut self,
        step: Step,
        response: Response,
        now: Timestamp,
        rng: &mut dyn CryptoRng,
    ) -> Result<(), Error> {
        match (step, response) {
            (Step::Provider, Response::Provider(info)) => self.learn_provider(info),
            (Step::Register, Response::Registered(answer)) => self.registered(&answer, now),
            (Step::Challenge, Response::Challenge(challenge)) => {
                self.challenge = Some(challenge);
                Ok(())
            }
            (Step::OpenSession, Response::Session(session)) => {
                self.session = Some(session);
                Ok(())
            }
            (Step::Count, Response::KeyPackages(count)) => {
                self.counted_key_packages(count, now, rng)
            }
            (Step::Upload(references), Response::KeyPackages(_)) => self.uploaded(&references),
            (Step::Claim(task), Response::Claimed(claimed)) => self.claimed(task, claimed),
            (Step::ReadInbox, Response::Inbox(page)) => self.inbox_page(page, rng),
            (Step::AckInbox(through), Response::Acknowledged) => self.inbox_acknowledged(through),
            (Step::Post(id), Response::Posted) => self.posted(id),
            (Step::Create(group), Response::Created(receipt)) => self.created(group, receipt),
            (Step::Append(group), Response::Appended(answer)) => {
                self.appended(group, answer.receipt)
            }
            (Step::Read(group), Response::Page(page)) => self.page(group, page, rng),
            (Step::Redeem(reference), Response::Redeemed) => self.redeemed(&reference),
            (Step::Welcome(reference), Response::Welcome(welcome)) => {
                self.welcome(&reference, &welcome)
            }
            _ => Err(Error::Internal(
                "an answer of another kind than the request".into(),
            )),
        }
    }

    fn refused(&mut self, step: Step, problem: Problem) -> Result<(), Error> {
        use folkmoot_protocol::ProblemCode as Code;
        if problem.code == Code::Unauthorized && self.session.take().is_some() {
            // The session ended early: open another one and ask again.
            return Ok(());
        }
        match step {
            Step::Register => Err(self.registration_refused(problem)),
            Step::Claim(task) => self.claim_refused(task, problem),
            Step::Append(group) => self.append_refused(group, problem),
            Step::Read(group) if problem.code == Code::NotFound => self.group_gone(group),
            Step::Welcome(reference) if problem.code == Code::NoWelcome => {
                self.drop_join(&reference, &Unjoinable::NoWelcome)
            }
            Step::Redeem(reference) | Step::Welcome(reference)
                if matches!(
                    problem.code,
                    Code::NotFound | Code::Malformed | Code::Conflict
                ) =>
            {
                self.drop_join(&reference, &Unjoinable::Unknown(problem))
            }
            Step::Post(id) if !matches!(problem.code, Code::Internal | Code::Unavailable) => {
                self.post_refused(id, &problem)
            }
            _ => Err(Error::Refused(problem)),
        }
    }

    /// What happened since the last call.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// How a submitted task ended, once it has.
    pub fn take_outcome(&mut self, task: u64) -> Option<Result<Outcome, Error>> {
        self.outcomes.remove(&task)
    }

    /// Marks messages as read.
    #[cfg_attr(
        target_family = "wasm",
        allow(dead_code, reason = "messages are shown by the driver")
    )]
    pub(crate) fn mark_read(&mut self, changes: ClientChanges) -> Result<(), Error> {
        if changes.is_empty() {
            Ok(())
        } else {
            self.apply(changes)
        }
    }

    /// Frames that ask a stream for the inbox and for the logs of all active groups from here on.
    #[cfg_attr(
        target_family = "wasm",
        allow(dead_code, reason = "streams are the driver's")
    )]
    pub(crate) fn subscriptions(&self, now: Timestamp) -> Result<Vec<Vec<u8>>, Error> {
        let after = InboxCursor(self.store.inbox_mark()?.read);
        let inbox = StreamRequest::Inbox {
            token: self.token()?,
            after,
        };
        let mut frames = vec![folkmoot_protocol::encode(&inbox)];
        let groups = self.store.groups()?.into_iter();
        for row in groups
            .filter(|row| row.state == GroupState::Active)
            .take(FOLLOWED_PER_STREAM)
        {
            let action = Action::Follow { after: row.cursor };
            let request = self.slot_request(&row, action, now)?;
            frames.push(folkmoot_protocol::encode(&StreamRequest::Group(request)));
        }
        Ok(frames)
    }

    /// Writes one step. Memory is never ahead of the store: where it fails, groups are loaded anew.
    fn apply(&mut self, changes: ClientChanges) -> Result<(), Error> {
        self.store.apply(changes).map_err(|error| {
            self.groups.clear();
            Error::Store(error)
        })
    }
}

/// The append inside a slot request that this core made.
fn is_commit(append: &Append) -> bool {
    append.kind == folkmoot_protocol::EntryKind::Commit
}
