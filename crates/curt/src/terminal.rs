//! What the terminal can show, and the way everything is said.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};

use indicatif::MultiProgress;

/// What standard output and standard error can show, found once at the start.
#[derive(Clone, Debug)]
pub struct Terminal {
    /// Colours and bold letters on standard output.
    pub color: bool,
    /// Letters beyond ASCII.
    pub unicode: bool,
    /// Whether standard output is read by a terminal, which obeys control characters.
    pub interactive: bool,
    /// Bars that move, on standard error.
    pub bars: bool,
    /// Where bars are drawn; text goes above them.
    pub progress: MultiProgress,
    /// The first failure to print something.
    lost: Arc<Mutex<Option<io::Error>>>,
}

impl Terminal {
    /// What the environment says: `NO_COLOR`, `CLICOLOR`, `TERM`, the locale, and whether the streams are terminals.
    pub fn detect() -> Self {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colorless = set("NO_COLOR") || dumb || env::var_os("CLICOLOR").is_some_and(|value| value == "0");
        Self {
            color: !colorless && std::io::stdout().is_terminal(),
            interactive: std::io::stdout().is_terminal(),
            unicode: !dumb && locale_is_unicode(&|name| env::var(name).ok()),
            bars: !dumb && std::io::stderr().is_terminal(),
            progress: MultiProgress::new(),
            lost: Arc::default(),
        }
    }

    /// Prints a line, or several, on standard output, above the bars.
    ///
    /// What cannot be written must not end a run in its middle: [`Terminal::lost`] tells of it at the end.
    pub fn say(&self, text: &str) {
        let said = self.progress.suspend(|| {
            let mut out = io::stdout().lock();
            writeln!(out, "{text}").and_then(|()| out.flush())
        });
        if let (Err(error), Ok(mut lost)) = (said, self.lost.lock()) {
            lost.get_or_insert(error);
        }
    }

    /// Why something that was said could not be written, if so. A reader that has gone away (`curt train | head`) has what it
    /// wanted.
    pub fn lost(&self) -> Option<io::Error> {
        self.lost.lock().ok()?.take().filter(|error| error.kind() != io::ErrorKind::BrokenPipe)
    }

    /// Text that a model wrote: what would steer a terminal is shown and not obeyed.
    pub fn harmless(&self, text: &str) -> String {
        let steers = |c: char| self.interactive && c.is_control() && c != '\n' && c != '\t';
        let shown = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
        text.chars().map(shown).collect()
    }

    /// `text` in bold letters.
    pub fn bold(&self, text: &str) -> String {
        self.styled("1", text)
    }

    /// `text` in faint letters.
    pub fn dim(&self, text: &str) -> String {
        self.styled("2", text)
    }

    /// `text` in green.
    pub fn green(&self, text: &str) -> String {
        self.styled("32", text)
    }

    /// `text` in red.
    pub fn red(&self, text: &str) -> String {
        self.styled("31", text)
    }

    fn styled(&self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// `unicode` where it can be shown, else `ascii`.
    pub fn either<'a>(&self, unicode: &'a str, ascii: &'a str) -> &'a str {
        if self.unicode { unicode } else { ascii }
    }
}

/// Whether the locale, by the first of its variables that says anything, writes UTF-8.
fn locale_is_unicode(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    match locale {
        Some(locale) => {
            let locale = locale.to_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        }
        // Windows has no such variables; its terminals show Unicode
        None => cfg!(windows),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A terminal without colours.
    pub(crate) fn plain(unicode: bool) -> Terminal {
        Terminal { color: false, unicode, interactive: true, bars: false, progress: MultiProgress::new(), lost: Arc::default() }
    }

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let cases: [(&[(&str, &str)], bool); 6] = [
            (&[], cfg!(windows)),
            (&[("LANG", "en_US.UTF-8")], true),
            (&[("LANG", "C.utf8")], true),
            (&[("LANG", "C")], false),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], false),
            (&[("LC_ALL", ""), ("LC_CTYPE", "de_DE.UTF-8"), ("LANG", "C")], true),
        ];
        for (variables, expected) in cases {
            let variable = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(locale_is_unicode(&variable), expected, "{variables:?}");
        }
    }

    #[test]
    fn text_of_a_model_cannot_steer_the_terminal() {
        let text = "a\tb\nc\x1b[2J\u{9b}2J\r";
        assert_eq!(plain(true).harmless(text), "a\tb\nc\\u{1b}[2J\\u{9b}2J\\r");
        assert_eq!(Terminal { interactive: false, ..plain(true) }.harmless(text), text);
    }

    #[test]
    fn styles_are_there_only_with_colours() {
        let colored = Terminal { color: true, ..plain(true) };
        assert_eq!(colored.bold("x"), "\x1b[1mx\x1b[0m");
        assert_eq!(plain(true).bold("x"), "x");
    }
}
