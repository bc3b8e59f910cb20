//! One command on its way through a transaction.

use folkmoot_protocol::Timestamp;
use rusqlite::Connection;

use super::error::sql_error;
use super::{authentication, delivery};
use crate::provider::missing::{claimed_user, explain};
use crate::provider::{AuthenticationAnswer, Cores, DeliveryAnswer, OnAnswer, StoreError};

/// A command that waits for its turn.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) now: Timestamp,
}

/// Whose command it is.
pub(super) enum Task {
    Authenticate(
        folkmoot_authentication::Command,
        OnAnswer<AuthenticationAnswer>,
    ),
    Deliver(Box<folkmoot_delivery::Command>, OnAnswer<DeliveryAnswer>),
}

/// A command that was decided and whose answer waits for the commit.
pub(super) struct Held {
    failure: Option<StoreError>,
    answer: Box<dyn FnOnce(Result<(), StoreError>)>,
}

impl Job {
    pub(super) fn only_reads(&self) -> bool {
        match &self.task {
            Task::Authenticate(..) => false,
            Task::Deliver(command, _) => command.only_reads(),
        }
    }

    /// Loads, decides and applies. Where that fails, nothing of it stays in the transaction.
    pub(super) fn perform(self, connection: &Connection, cores: &Cores) -> Held {
        match self.task {
            Task::Authenticate(command, on_answer) => Held::new(
                authenticate(connection, cores, command, self.now),
                on_answer,
            ),
            Task::Deliver(command, on_answer) => {
                Held::new(deliver(connection, cores, *command, self.now), on_answer)
            }
        }
    }

    /// Answers that it was not done.
    pub(super) fn refuse(self, error: StoreError) {
        match self.task {
            Task::Authenticate(_, on_answer) => on_answer(Err(error)),
            Task::Deliver(_, on_answer) => on_answer(Err(error)),
        }
    }
}

impl Held {
    fn new<A: 'static>(answer: rusqlite::Result<A>, on_answer: OnAnswer<A>) -> Self {
        let answer = answer.map_err(|error| sql_error(&error));
        Self {
            failure: answer.as_ref().err().cloned(),
            answer: Box::new(move |committed| on_answer(committed.and(answer))),
        }
    }

    /// Why the command failed by itself, if it did.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.failure.clone()
    }

    /// Lets the answer go, or the reason why its commit failed.
    pub(super) fn release(self, committed: Result<(), StoreError>) {
        (self.answer)(committed);
    }
}

fn deliver(
    connection: &Connection,
    cores: &Cores,
    command: folkmoot_delivery::Command,
    now: Timestamp,
) -> rusqlite::Result<DeliveryAnswer> {
    let claimed = claimed_user(&command);
    let facts = delivery::load(connection, &command.need(now))?;
    let mut decision = cores.delivery.decide(command, facts, now);
    explain(&mut decision, claimed.as_ref(), |need| {
        authentication::load(connection, need)
    })?;
    if !decision.writes.is_empty() {
        in_savepoint(connection, || delivery::apply(connection, &decision.writes))?;
    }
    Ok(DeliveryAnswer {
        reply: decision.reply,
        wakes: decision.wakes,
    })
}

fn authenticate(
    connection: &Connection,
    cores: &Cores,
    command: folkmoot_authentication::Command,
    now: Timestamp,
) -> rusqlite::Result<AuthenticationAnswer> {
    let facts = authentication::load(connection, &command.need(now))?;
    let decision = cores.authentication.decide(command, facts, now);
    if !decision.writes.is_empty() {
        in_savepoint(connection, || {
            authentication::apply(connection, &decision.writes)
        })?;
    }
    Ok(decision.reply)
}

fn in_savepoint(
    connection: &Connection,
    write: impl FnOnce() -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT command")?;
    match write() {
        Ok(()) => connection.execute_batch("RELEASE command"),
        Err(error) => {
            // A grave error has ended the whole transaction, which the batch notices by itself.
            if !connection.is_autocommit() {
                connection.execute_batch("ROLLBACK TO command; RELEASE command")?;
            }
            Err(error)
        }
    }
}
