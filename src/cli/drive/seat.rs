//! The screen's settings, from flags and the environment; and whether there is a terminal to draw on.

use std::io::{IsTerminal as _, stdin, stdout};
use std::path::PathBuf;

use clap::Args;

use crate::cli::Stop;
use crate::domain::Failure;
use crate::tui::Options;
use crate::tui::keymap::Keymap;
use crate::tui::theme::Theme;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Look {
    /// The colours of the screen: dark, light or high-contrast; none where NO_COLOR is set.
    #[arg(long, value_name = "NAME", default_value = "dark", env = "CUTOVER_THEME")]
    theme: String,
    /// Letters instead of symbols, for terminals that have no others.
    #[arg(long, env = "CUTOVER_ASCII")]
    ascii: bool,
    /// Take clicks and the wheel: they choose panels, tabs and steps, and scroll; they confirm nothing. The terminal
    /// selects text with shift then.
    #[arg(long, env = "CUTOVER_MOUSE")]
    mouse: bool,
    /// Plain lines, also on a terminal.
    #[arg(long)]
    plain: bool,
}

impl Look {
    /// How the screen is opened; nothing where lines are to be printed instead.
    ///
    /// # Errors
    /// No such theme; a keymap with faults.
    pub(in crate::cli) fn options(&self, watch: bool, name: &str, copies: PathBuf) -> Result<Option<Options>, Stop> {
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let letters_only = letters_only(|name| std::env::var(name).ok());
        let theme = Theme::named(&self.theme, colour, self.ascii || letters_only).ok_or_else(|| {
            Failure::refused(format!("there is no theme `{}`", self.theme))
                .next(format!("one of {}", Theme::NAMES.join(", ")))
        })?;
        let keymap = match own_keymap() {
            Some(path) => Keymap::with_own(&path)?,
            None => Keymap::standard(),
        };
        let letters = |name: &str| name.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect::<String>();
        // A watcher's own machine keeps nothing of the run.
        let seen = (!watch).then(|| copies.join(format!("seen-{}", letters(name))));
        Ok(self.is_drawn().then_some(Options {
            watch,
            keymap,
            theme,
            mouse: self.mouse,
            copies,
            seen,
            warnings: vec![],
        }))
    }

    /// Whether there is a terminal to draw on, and lines are not wanted instead.
    pub(in crate::cli) fn is_drawn(&self) -> bool {
        !self.plain && stdin().is_terminal() && stdout().is_terminal()
    }
}

/// Whether the terminal shows no more than letters: by its name, or by a locale that says it is not UTF-8. No locale at
/// all says nothing, as in a container or over SSH.
fn letters_only(variable: impl Fn(&str) -> Option<String>) -> bool {
    if variable("TERM").is_some_and(|term| term == "linux" || term == "dumb") {
        return true;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(variable).find(|value| !value.is_empty());
    locale.is_some_and(|locale| !["utf-8", "utf8"].iter().any(|utf8| locale.to_lowercase().ends_with(utf8)))
}

/// Where a user's own keys are.
fn own_keymap() -> Option<PathBuf> {
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".config"));
    let configuration = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    Some(configuration.or_else(home)?.join("cutover/keymap.toml"))
}

#[cfg(test)]
mod tests {
    use super::letters_only;

    #[test]
    fn a_poor_terminal_is_known_by_its_name_and_by_its_locale() {
        let of = |set: &[(&str, &str)]| {
            letters_only(|name| set.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
        };
        assert!(of(&[("TERM", "linux"), ("LANG", "en_US.UTF-8")]));
        assert!(of(&[("TERM", "xterm"), ("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(of(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(!of(&[("TERM", "xterm"), ("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!of(&[("TERM", "xterm-256color")]), "a container names none");
    }
}
