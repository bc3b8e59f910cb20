//! Text from stdin, with a bound.

use std::io::{BufRead, Read};

use folkmoot_client::MAX_TEXT;
use tokio::sync::mpsc;

use crate::failure::Failure;

/// Most bytes that are read for one message, or for one line of a chat: the longest text and its
/// line break.
const MAX_READ: usize = MAX_TEXT + 2;
/// Lines that were typed and are not sent yet; reading waits at more.
const LINES_AHEAD: usize = 16;

/// Lines as they are typed, until stdin ends.
pub(crate) type Lines = mpsc::Receiver<Result<String, Failure>>;

/// All of stdin as one text, without its last line break.
pub(crate) fn text(from: impl Read) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(MAX_READ as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    parse(bytes)
}

/// The lines of stdin as they are typed, until it ends.
///
/// A thread of its own reads them: a read of a terminal cannot be given up, and the program must
/// not wait for it when it ends.
pub(crate) fn lines() -> Lines {
    let (sender, receiver) = mpsc::channel(LINES_AHEAD);
    std::thread::spawn(move || {
        let mut stdin = std::io::stdin().lock();
        while let Some(line) = line(&mut stdin) {
            let failed = line.is_err();
            if sender.blocking_send(line).is_err() || failed {
                break;
            }
        }
    });
    receiver
}

/// The next line that is typed; nothing, and never, where nobody types.
pub(crate) async fn next(lines: Option<&mut Lines>) -> Option<Result<String, Failure>> {
    match lines {
        Some(lines) => lines.recv().await,
        None => std::future::pending().await,
    }
}

fn line(from: &mut impl BufRead) -> Option<Result<String, Failure>> {
    let mut bytes = Vec::new();
    match from.take(MAX_READ as u64).read_until(b'\n', &mut bytes) {
        Ok(0) => None,
        Ok(_) => Some(parse(bytes)),
        Err(error) => Some(Err(unreadable(&error))),
    }
}

fn parse(mut bytes: Vec<u8>) -> Result<String, Failure> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    if bytes.len() > MAX_TEXT {
        let why = format!("the text is too large: more than {MAX_TEXT} bytes; send less at once");
        return Err(Failure::too_large(why));
    }
    String::from_utf8(bytes).map_err(|_| Failure::usage("the text on stdin is not UTF-8"))
}

fn unreadable(error: &std::io::Error) -> Failure {
    Failure::usage(format!("stdin cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_loses_its_last_line_break_and_nothing_else() {
        assert_eq!(text(&b"one\ntwo\n"[..]).unwrap(), "one\ntwo");
        assert_eq!(text(&b"one\r\n"[..]).unwrap(), "one");
        assert_eq!(text(&b"\n\n"[..]).unwrap(), "\n");
        assert_eq!(text(&b""[..]).unwrap(), "");
    }

    #[test]
    fn lines_come_one_by_one() {
        let mut from = &b"one\n\nthree"[..];
        let mut next = || line(&mut from).map(Result::unwrap);
        assert_eq!(next().as_deref(), Some("one"));
        assert_eq!(next().as_deref(), Some(""));
        assert_eq!(next().as_deref(), Some("three"));
        assert_eq!(next(), None);
    }

    #[test]
    fn too_long_and_unreadable_texts_are_refused() {
        let longest = [vec![b'a'; MAX_TEXT], b"\r\n".to_vec()].concat();
        assert_eq!(text(&longest[..]).unwrap().len(), MAX_TEXT);
        let too_long = vec![b'a'; MAX_TEXT + 1];
        assert_eq!(text(&too_long[..]).unwrap_err().exit(), Failure::TOO_LARGE);
        let refused = line(&mut &too_long[..]).unwrap().unwrap_err();
        assert_eq!(refused.exit(), Failure::TOO_LARGE);
        assert_eq!(text(&b"\xff"[..]).unwrap_err().exit(), Failure::USAGE);
    }
}
