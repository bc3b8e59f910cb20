//! One command on its way through a transaction.

use folkmoot_delivery::Command;
use folkmoot_protocol::Timestamp;
use rusqlite::Connection;

use super::apply::apply;
use super::error::sql_error;
use super::load::load;
use crate::provider::{Answer, Cores, OnAnswer, StoreError};

/// A command that waits for its turn.
pub(super) enum Job {
    /// For the Delivery Service.
    Deliver {
        command: Command,
        now: Timestamp,
        on_answer: OnAnswer<Answer>,
    },
}

/// A command that was decided and whose answer waits for the commit.
pub(super) struct Held {
    failure: Option<StoreError>,
    answer: Box<dyn FnOnce(Result<(), StoreError>)>,
}

impl Job {
    pub(super) fn only_reads(&self) -> bool {
        match self {
            Self::Deliver { command, .. } => command.only_reads(),
        }
    }

    /// Loads, decides and applies. Where that fails, nothing of it stays in the transaction.
    pub(super) fn perform(self, connection: &Connection, cores: &Cores) -> Held {
        match self {
            Self::Deliver {
                command,
                now,
                on_answer,
            } => {
                let answer = deliver(connection, cores, command, now);
                Held::new(answer.map_err(|error| sql_error(&error)), on_answer)
            }
        }
    }

    /// Answers that it was not done.
    pub(super) fn refuse(self, error: StoreError) {
        match self {
            Self::Deliver { on_answer, .. } => on_answer(Err(error)),
        }
    }
}

impl Held {
    fn new<A: 'static>(answer: Result<A, StoreError>, on_answer: OnAnswer<A>) -> Self {
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
    command: Command,
    now: Timestamp,
) -> rusqlite::Result<Answer> {
    let facts = load(connection, &command.need(now))?;
    let decision = cores.delivery.decide(command, facts, now);
    if !decision.writes.is_empty() {
        in_savepoint(connection, || apply(connection, &decision.writes))?;
    }
    Ok(Answer {
        reply: decision.reply,
        wakes: decision.wakes,
    })
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
