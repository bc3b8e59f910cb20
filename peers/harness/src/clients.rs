//! What the server holds, by the ids that it gave out.

use crate::client::{Offer, Psks};
use crate::failure::Failure;
use crate::outside::Signer;
use crate::proto::{FreeRequest, FreeResponse, StorePskRequest, StorePskResponse};
use crate::state::State;
use std::collections::BTreeMap;

/// States, transactions and signers at once. A runner that enters its groups anew leaves its old states
/// behind, so that a long session needs room.
const MAX_ENTRIES: usize = 1 << 16;

#[derive(Default)]
pub(crate) struct Clients {
    /// One range of ids for all, because `StorePSK` takes a state's or a transaction's.
    entries: BTreeMap<u32, Entry>,
    last: u32,
}

enum Entry {
    State(Box<State>),
    Transaction(Box<Transaction>),
    Signer(Box<Signer>),
}

/// A KeyPackage that waits for its Welcome.
pub(crate) struct Transaction {
    pub(crate) offer: Offer,
    pub(crate) psks: Psks,
}

impl Clients {
    pub(crate) fn state(&mut self, id: u32) -> Result<&mut State, Failure> {
        match self.entries.get_mut(&id) {
            Some(Entry::State(state)) => Ok(state),
            _ => Err(Failure::Unknown { kind: "state", id }),
        }
    }

    pub(crate) fn transaction(&self, id: u32) -> Result<&Transaction, Failure> {
        match self.entries.get(&id) {
            Some(Entry::Transaction(transaction)) => Ok(transaction),
            _ => Err(unknown_transaction(id)),
        }
    }

    /// A group's member, and the KeyPackage that it offers for a branch.
    pub(crate) fn state_and_transaction(
        &self,
        state: u32,
        transaction: u32,
    ) -> Result<(&State, &Transaction), Failure> {
        match self.entries.get(&state) {
            Some(Entry::State(found)) => Ok((found, self.transaction(transaction)?)),
            _ => Err(Failure::Unknown {
                kind: "state",
                id: state,
            }),
        }
    }

    pub(crate) fn signer(&self, id: u32) -> Result<&Signer, Failure> {
        match self.entries.get(&id) {
            Some(Entry::Signer(signer)) => Ok(signer),
            _ => Err(Failure::Unknown { kind: "signer", id }),
        }
    }

    pub(crate) fn begin_state(&mut self, state: State) -> Result<u32, Failure> {
        self.insert(Entry::State(Box::new(state)))
    }

    pub(crate) fn begin_transaction(&mut self, offer: Offer) -> Result<u32, Failure> {
        let psks = Psks::default();
        self.insert(Entry::Transaction(Box::new(Transaction { offer, psks })))
    }

    pub(crate) fn begin_signer(&mut self, signer: Signer) -> Result<u32, Failure> {
        self.insert(Entry::Signer(Box::new(signer)))
    }

    /// The transaction's client is in a group, and its KeyPackage used up (RFC 9420 §10).
    pub(crate) fn complete(&mut self, transaction: u32, state: State) -> Result<u32, Failure> {
        self.entries.remove(&transaction);
        self.begin_state(state)
    }

    fn insert(&mut self, entry: Entry) -> Result<u32, Failure> {
        if self.entries.len() >= MAX_ENTRIES {
            return Err(Failure::Full("states and transactions: free some"));
        }
        let id = self.last.checked_add(1).ok_or(Failure::Full("ids"))?;
        self.last = id;
        self.entries.insert(id, entry);
        Ok(id)
    }
}

fn unknown_transaction(id: u32) -> Failure {
    Failure::Unknown {
        kind: "transaction",
        id,
    }
}

impl Clients {
    pub(crate) fn store_psk(
        &mut self,
        request: &StorePskRequest,
    ) -> Result<StorePskResponse, Failure> {
        let id = request.state_or_transaction_id;
        let psks = match self.entries.get_mut(&id) {
            Some(Entry::State(state)) => &mut state.psks,
            Some(Entry::Transaction(transaction)) => &mut transaction.psks,
            Some(Entry::Signer(_)) | None => {
                let kind = "state or transaction";
                return Err(Failure::Unknown { kind, id });
            }
        };
        psks.store(&request.psk_id, &request.psk_secret)?;
        Ok(StorePskResponse {})
    }

    pub(crate) fn free(&mut self, request: &FreeRequest) -> Result<FreeResponse, Failure> {
        self.state(request.state_id)?;
        self.entries.remove(&request.state_id);
        Ok(FreeResponse {})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use folkmoot_crypto::suite_one;
    use tonic::{Code, Status};

    #[test]
    fn there_is_room_for_so_many() {
        let mut clients = Clients::default();
        let mut begin = || clients.begin_signer(Signer::new(suite_one(), b"ds")?);
        for id in 1..=u32::try_from(MAX_ENTRIES).unwrap() {
            assert_eq!(begin().unwrap(), id);
        }
        let refused = Status::from(begin().unwrap_err());
        assert_eq!(refused.code(), Code::ResourceExhausted);
    }
}
