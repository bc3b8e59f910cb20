//! Text that others wrote, made safe to print: a terminal obeys control characters, and a person
//! believes what direction overrides make of a line.

use std::borrow::Cow;
use std::fmt::Write;

/// A text of several lines, without anything that a terminal obeys but line breaks; a tab becomes
/// four spaces.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n')
}

/// The same in one line: line breaks show as `\n`.
pub(crate) fn visible_line(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// JSON has escaped the control characters of ASCII; this escapes the others, in JSON's own way.
pub(crate) fn visible_json(json: &str) -> String {
    let mut visible = String::with_capacity(json.len());
    for c in json.chars() {
        if obeyed(c) {
            write!(visible, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
        } else {
            visible.push(c);
        }
    }
    visible
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.chars().any(|c| obeyed(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut visible = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if !obeyed(c) || keep(c) => visible.push(c),
            '\t' => visible.push_str("    "),
            c => visible.extend(c.escape_default()),
        }
    }
    Cow::Owned(visible)
}

/// Control characters, line and paragraph separators, and what changes the direction of writing.
/// All are in the basic plane, so that four digits name them.
fn obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}'..='\u{202e}'
        )
        || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a\x1b[2Jb\r\u{9b}31mc\u{202e}d\x07\ne\tf";

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        let text = visible(HOSTILE);
        assert_eq!(text, "a\\u{1b}[2Jb\\r\\u{9b}31mc\\u{202e}d\\u{7}\ne    f");
        assert!(!visible_line(HOSTILE).contains('\n'));
        assert!(visible_line(HOSTILE).contains("\\n"));
    }

    #[test]
    fn plain_text_of_any_language_stays_as_it_is() {
        for text in ["The gate is open.", "Grüße, 你好, שלום, 👩‍👧", ""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn json_means_the_same_afterwards() {
        let json = serde_json::to_string(HOSTILE).unwrap();
        let safe = visible_json(&json);
        assert!(!safe.chars().any(obeyed));
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), HOSTILE);
    }
}
