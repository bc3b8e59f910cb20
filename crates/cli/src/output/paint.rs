//! Colour, where a terminal shows it and nobody objects.

/// Writes in colour, or does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colour: bool,
}

/// What people's names are written in: readable on dark and light, and neither red nor green, which
/// stand for wrong and right.
const NAMES: [&str; 5] = ["36", "35", "34", "33", "96"];

/// Whether to write in colour to something that is a terminal or not (<https://no-color.org>).
pub(crate) fn colour_wanted(terminal: bool) -> bool {
    let objection = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    terminal && !objection && !dumb
}

impl Paint {
    /// In colour or not.
    pub(crate) fn new(colour: bool) -> Self {
        Self { colour }
    }

    /// What matters.
    pub(crate) fn strong(self, text: &str) -> String {
        self.write("1", text)
    }

    /// What is there for whoever looks closer.
    pub(crate) fn faint(self, text: &str) -> String {
        self.write("2", text)
    }

    /// What is right.
    pub(crate) fn good(self, text: &str) -> String {
        self.write("32", text)
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.write("1;31", text)
    }

    /// What to look at.
    pub(crate) fn warning(self, text: &str) -> String {
        self.write("33", text)
    }

    /// A person's name, always in the same colour, padded to a width.
    pub(crate) fn name(self, name: &str, width: usize) -> String {
        // FNV-1a: a few letters spread over a few colours.
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0100_0000_01b3;
        let hash = name.bytes().fold(BASIS, |hash, byte| {
            (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
        });
        let colour = usize::try_from(hash % NAMES.len() as u64).expect("five colours");
        self.write(NAMES[colour], &format!("{name:<width$}"))
    }

    fn write(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_there_is_nothing_but_the_text() {
        let plain = Paint::new(false);
        assert_eq!(plain.name("bob", 5), "bob  ");
        assert_eq!(plain.bad("no"), "no");
        assert_eq!(Paint::new(true).bad("no"), "\x1b[1;31mno\x1b[0m");
        assert_ne!(
            Paint::new(true).name("bob", 0),
            Paint::new(true).name("bot", 0)
        );
        assert!(!colour_wanted(false), "what is no terminal gets no colour");
    }
}
