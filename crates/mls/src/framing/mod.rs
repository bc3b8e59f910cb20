//! How content is framed, signed and sealed (RFC 9420 §6).

mod authenticated;
mod content;
mod message;
mod padding;
mod private;
mod public;
mod targeted;

pub(crate) use authenticated::{AuthenticatedContent, ContentAuth, Unauthenticated};
pub use content::{Content, ContentType, FramedContent, Sender, WireFormat};
pub use message::{MAX_EXPANSION, MAX_MESSAGE_LENGTH, MessageBody, MlsMessage};
pub use padding::Padding;
pub use private::PrivateMessage;
#[cfg(test)]
pub(crate) use private::sender_data_key;
pub(crate) use private::{SealKey, SenderData};
pub use public::PublicMessage;
pub(crate) use targeted::TargetedSeal;
pub use targeted::{Target, TargetedMessage};
