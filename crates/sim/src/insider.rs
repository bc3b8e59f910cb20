//! A member who keeps to no rule.

use crate::forge::Forgery;
use crate::people::Person;
use folkmoot_mls::hazmat::{self, Knowledge, Seal, Signed};
use folkmoot_mls::{
    Content, FramedContent, LeafIndex, MlsMessage, Proposal, ProtocolVersion, Sender, WireFormat,
    sign_with_label,
};
use tls_codec::VLBytes;

/// A member with full knowledge of its group.
#[derive(Debug)]
pub struct Insider {
    /// The member that it seems to be.
    pub person: Person,
}

impl Insider {
    /// This member, turned.
    pub fn new(person: Person) -> Self {
        Self { person }
    }

    /// All that it knows.
    pub fn knowledge(&self) -> Knowledge {
        Knowledge::of(&self.person.group, &self.person.store).unwrap()
    }

    /// Content of the current epoch.
    pub fn frame(&self, sender: Sender, content: Content) -> FramedContent {
        let group = &self.person.group;
        FramedContent {
            group_id: group.group_id().clone(),
            epoch: group.epoch(),
            sender,
            authenticated_data: Vec::new().into(),
            content,
        }
    }

    /// The insider's own content, properly signed.
    pub fn sign(&self, wire_format: WireFormat, content: Content) -> Signed {
        let sender = Sender::Member(self.person.group.own_index());
        self.sign_framed(wire_format, self.frame(sender, content))
    }

    /// Any content under the insider's signature.
    pub fn sign_framed(&self, wire_format: WireFormat, content: FramedContent) -> Signed {
        let known = self.knowledge();
        let (key, context) = (&known.signature.private, Some(&known.context));
        Signed::sign(known.crypto, wire_format, content, key, context).unwrap()
    }

    /// A PublicMessage, properly tagged.
    pub fn tag(&self, signed: Signed) -> MlsMessage {
        let known = self.knowledge();
        signed.tagged(known.crypto, &known.membership_key, &known.context)
    }

    /// A proposal in a PublicMessage, properly signed and tagged.
    pub fn propose(&self, proposal: Proposal) -> MlsMessage {
        self.tag(self.sign(WireFormat::PublicMessage, Content::Proposal(proposal)))
    }

    /// A PrivateMessage with `generation`'s key, properly sealed with this padding.
    pub fn seal(&self, signed: &Signed, generation: u32, padding: &[u8]) -> MlsMessage {
        let plaintext = [&signed.plaintext()[..], padding].concat();
        let leaf = self.person.group.own_index();
        self.seal_plaintext(&signed.content, &plaintext, leaf, generation)
    }

    /// A PrivateMessage of any plaintext, under the key of the member at `leaf`.
    pub fn seal_plaintext(
        &self,
        content: &FramedContent,
        plaintext: &[u8],
        leaf: LeafIndex,
        generation: u32,
    ) -> MlsMessage {
        let known = self.knowledge();
        let content_type = content.content.content_type();
        let seal = Seal {
            keys: known.message_key(leaf, content_type, generation).unwrap(),
            leaf_index: leaf,
            generation,
            reuse_guard: [1, 2, 3, 4],
            sender_data_secret: &known.sender_data_secret,
        };
        hazmat::seal(known.crypto, content, plaintext, seal).unwrap()
    }

    /// A PrivateMessage whose content is these bytes, of the type of `like`, properly signed; `rest`
    /// follows the signature.
    pub fn seal_raw(&self, like: Content, content: &[u8], rest: &[u8]) -> MlsMessage {
        let known = self.knowledge();
        let framed = self.frame(Sender::Member(known.own), like);
        let mut signed = hazmat::to_bytes(&ProtocolVersion::MLS_10);
        signed.extend(hazmat::to_bytes(&WireFormat::PrivateMessage));
        signed.extend(hazmat::to_bytes(&framed.group_id));
        signed.extend(hazmat::to_bytes(&framed.epoch));
        signed.extend(hazmat::to_bytes(&framed.sender));
        signed.extend(hazmat::to_bytes(&framed.authenticated_data));
        signed.extend(hazmat::to_bytes(&framed.content.content_type()));
        signed.extend(content);
        signed.extend(hazmat::to_bytes(&known.context));
        let private = &known.signature.private;
        let signature = sign_with_label(known.crypto, private, "FramedContentTBS", &signed);
        let signature = VLBytes::from(signature.unwrap());
        let plaintext = [content, &hazmat::to_bytes(&signature), rest].concat();
        self.seal_plaintext(&framed, &plaintext, known.own, 0)
    }

    /// A commit of these proposals by value, to be made as bad as wanted.
    pub fn forge(&self, proposals: Vec<Proposal>) -> Forgery {
        Forgery::new(self.knowledge(), proposals)
    }
}
