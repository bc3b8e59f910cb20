//! The threads: one that writes in batches, some that read.

use std::fs::File;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use rusqlite::Connection;

use super::error::sql_error;
use super::job::{Held, Job};
use super::open::Opened;
use super::{MAX_BATCH, QUEUE_LENGTH};
use crate::provider::{Cores, StoreError};

/// The running threads and the queues to them.
#[derive(Debug)]
pub(super) struct Threads {
    /// Gone once the store is being dropped, which ends the threads.
    queues: Option<Queues>,
    handles: Vec<JoinHandle<()>>,
    /// Held until all threads have ended.
    _lock: File,
}

#[derive(Debug)]
struct Queues {
    writes: SyncSender<Job>,
    reads: SyncSender<Job>,
}

impl Threads {
    pub(super) fn start(opened: Opened, cores: Cores) -> Result<Self, StoreError> {
        let (writes, to_write) = sync_channel(QUEUE_LENGTH);
        let (reads, to_read) = sync_channel(QUEUE_LENGTH);
        let mut threads = Self {
            queues: Some(Queues { writes, reads }),
            handles: Vec::new(),
            _lock: opened.lock,
        };
        let cores = Arc::new(cores);
        let to_read = Arc::new(Mutex::new(to_read));
        for connection in opened.readers {
            let (cores, jobs) = (Arc::clone(&cores), Arc::clone(&to_read));
            threads.spawn("store-reader", move || read(&connection, &cores, &jobs))?;
        }
        let writer = opened.writer;
        threads.spawn("store-writer", move || write(&writer, &cores, &to_write))?;
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let spawned = Builder::new().name(name.to_owned()).spawn(run);
        let handle = spawned.map_err(|error| StoreError::Failed(error.to_string()))?;
        self.handles.push(handle);
        Ok(())
    }

    /// Puts a job into its queue, or refuses it.
    pub(super) fn submit(&self, job: Job) {
        let Some(queues) = &self.queues else {
            return job.refuse(StoreError::Stopped);
        };
        let queue = if job.only_reads() {
            &queues.reads
        } else {
            &queues.writes
        };
        match queue.try_send(job) {
            Ok(()) => {}
            Err(TrySendError::Full(job)) => job.refuse(StoreError::Busy),
            Err(TrySendError::Disconnected(job)) => job.refuse(StoreError::Stopped),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.queues = None;
        for handle in self.handles.drain(..) {
            // A thread that panicked has dropped its jobs, and with them told who waits.
            let _ = handle.join();
        }
    }
}

fn read(connection: &Connection, cores: &Cores, jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = {
            let jobs = jobs.lock().unwrap_or_else(PoisonError::into_inner);
            jobs.recv()
        };
        let Ok(job) = next else {
            return;
        };
        in_transaction(connection, "BEGIN", vec![job], cores);
    }
}

fn write(connection: &Connection, cores: &Cores, jobs: &Receiver<Job>) {
    while let Ok(first) = jobs.recv() {
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(MAX_BATCH - 1));
        in_transaction(connection, "BEGIN IMMEDIATE", batch, cores);
    }
}

/// Performs all jobs, commits once, then answers all. If the commit fails, or an error ends the
/// transaction before, none of them was done, and every answer says so.
fn in_transaction(connection: &Connection, begin: &str, batch: Vec<Job>, cores: &Cores) {
    let mut jobs = batch.into_iter();
    let mut held: Vec<Held> = Vec::new();
    let mut outcome = connection
        .execute_batch(begin)
        .map_err(|error| sql_error(&error));
    while outcome.is_ok() {
        let Some(job) = jobs.next() else {
            outcome = commit(connection);
            break;
        };
        let answer = job.perform(connection, cores);
        if connection.is_autocommit() {
            outcome = Err(answer.failure().unwrap_or(StoreError::Stopped));
        }
        held.push(answer);
    }
    for answer in held {
        answer.release(outcome.clone());
    }
    if let Err(error) = outcome {
        jobs.for_each(|job| job.refuse(error.clone()));
    }
}

fn commit(connection: &Connection) -> Result<(), StoreError> {
    let Err(error) = connection.execute_batch("COMMIT") else {
        return Ok(());
    };
    if !connection.is_autocommit() {
        // What cannot be rolled back either stays uncommitted; the next BEGIN fails and says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
    Err(sql_error(&error))
}
