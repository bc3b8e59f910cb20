//! The beginning of a log, and of a joiner's access to it.

use folkmoot_crypto::constant_time_eq;
use folkmoot_protocol::{
    CreateGroup, Epoch, LogPosition, Problem, ProblemCode, Redeemed, Sequence, VerifiedRedeem,
};

use crate::command::Reply;
use crate::decide::{Accepted, Delivery};
use crate::need::{GroupFacts, GroupNeed, GroupRecord, SlotRecord, Write};

impl From<&CreateGroup> for GroupNeed {
    fn from(create: &CreateGroup) -> Self {
        Self::new(create.group, create.slot)
    }
}

impl From<&VerifiedRedeem> for GroupNeed {
    fn from(redeem: &VerifiedRedeem) -> Self {
        Self::new(redeem.group, redeem.slot)
    }
}

pub(crate) fn create(
    delivery: &Delivery,
    create: &CreateGroup,
    facts: &GroupFacts,
) -> Result<Accepted, Problem> {
    let position = LogPosition::start(create.group, &create.slot_key);
    let slot = SlotRecord {
        from: Sequence(0),
        ticket_digest: None,
        key: Some(create.slot_key),
        closed_at: None,
    };
    let receipt = delivery.receipt_key.sign(&delivery.domain, &position);
    let reply = Reply::Created(receipt);
    match (&facts.group, &facts.slot) {
        (None, _) => Ok(Accepted {
            writes: vec![
                Write::PutGroup(GroupRecord {
                    epoch: Epoch(0),
                    position,
                }),
                Write::PutSlot {
                    group: create.group,
                    slot: create.slot,
                    record: slot,
                },
            ],
            reply,
            wakes: Vec::new(),
        }),
        (Some(_), Some(existing)) if *existing == slot => Ok(Accepted::reply(reply)),
        (Some(_), _) => Err(Problem::new(
            ProblemCode::Conflict,
            "a group with this id exists; choose another id",
        )),
    }
}

/// A slot that was closed meanwhile can still be redeemed: it reads up to the commit that closed it,
/// which is how a joiner who comes late learns that it was removed.
pub(crate) fn redeem(redeem: &VerifiedRedeem, facts: &GroupFacts) -> Result<Accepted, Problem> {
    let (Some(_), Some(slot)) = (&facts.group, facts.slot) else {
        return Err(Problem::not_found());
    };
    let expected = slot.ticket_digest.ok_or_else(Problem::not_found)?;
    if !constant_time_eq(expected.as_slice(), redeem.ticket_digest.as_slice()) {
        return Err(Problem::not_found());
    }
    let reply = Reply::Redeemed(Redeemed { from: slot.from });
    match slot.key {
        None => Ok(Accepted {
            writes: vec![Write::PutSlot {
                group: redeem.group,
                slot: redeem.slot,
                record: SlotRecord {
                    key: Some(redeem.slot_key),
                    ..slot
                },
            }],
            reply,
            wakes: Vec::new(),
        }),
        Some(key) if key == redeem.slot_key => Ok(Accepted::reply(reply)),
        Some(_) => Err(Problem::new(
            ProblemCode::Conflict,
            "the ticket was redeemed before, with another key",
        )),
    }
}
