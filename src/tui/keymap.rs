//! Which key does what: the table in `assets/keymap.toml`, with what a user's own file lays over it.
//!
//! What is typed into a gate is not in it: those keys are the same for everybody.

use std::collections::BTreeMap;
use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::action::Action;
use crate::domain::Failure;

const DEFAULT: &str = include_str!("../../assets/keymap.toml");

/// A key as it is pressed: shift is part of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

/// Which key does what.
#[derive(Debug, Clone)]
pub struct Keymap(Vec<(Key, String, Action)>);

impl Keymap {
    /// The table as it comes.
    pub fn standard() -> Self {
        // A test reads it: it cannot be wrong in a build that was tested.
        Self::read(DEFAULT, "assets/keymap.toml").unwrap_or_else(|_| Self(Vec::new()))
    }

    /// The table with a user's own laid over it, where there is one.
    ///
    /// # Errors
    /// A file that cannot be read, an action or a key that is not known, a key that would do two things.
    pub fn with_own(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(Self::standard()),
            Err(why) => return Err(Failure::refused(format!("read {}", path.display())).because(why.to_string())),
        };
        let own = Self::read(&text, &path.display().to_string())?;
        let mut all = Self::standard();
        all.0.retain(|(_, _, action)| !own.0.iter().any(|(_, _, changed)| changed == action));
        for (key, name, action) in own.0 {
            if let Some((_, _, other)) = all.0.iter().find(|(known, _, _)| *known == key) {
                let what =
                    format!("{}: `{name}` is to do both `{}` and `{}`", path.display(), action.name(), other.name());
                return Err(Failure::refused(what).next("give one of them another key in the same file"));
            }
            all.0.push((key, name, action));
        }
        Ok(all)
    }

    fn read(text: &str, file: &str) -> Result<Self, Failure> {
        let fault = |what: String| Failure::refused(format!("{file}: {what}"));
        let table: BTreeMap<String, Vec<String>> = toml::from_str(text)
            .map_err(|why| fault(why.message().to_owned()).next("lines are `action = [\"key\"]`"))?;
        let mut keys = Vec::new();
        for (name, wanted) in table {
            let known = || Action::ALL.iter().map(|action| action.name()).collect::<Vec<_>>().join(", ");
            let action = Action::ALL.iter().find(|action| action.name() == name);
            let action = action.ok_or_else(|| fault(format!("there is no action `{name}`")).next(known()))?;
            for key in wanted {
                let read = Key::read(&key).ok_or_else(|| {
                    fault(format!("`{key}` is not a key")).next("write it as in `g`, `G`, `enter`, `pgup` or `ctrl-n`")
                })?;
                keys.push((read, key, *action));
            }
        }
        Ok(Self(keys))
    }

    /// What a key does, if anything.
    pub fn action(&self, event: &KeyEvent) -> Option<Action> {
        let pressed = Key::pressed(event);
        self.0.iter().find(|(key, _, _)| *key == pressed).map(|(_, _, action)| *action)
    }

    /// The keys of an action, as they are written.
    pub fn keys(&self, action: Action) -> String {
        let keys = self.0.iter().filter(|(_, _, known)| *known == action).map(|(_, name, _)| name.as_str());
        keys.collect::<Vec<_>>().join(" ")
    }

    /// The last key of an action: the one with a name, where it has one.
    pub fn name(&self, action: Action) -> &str {
        self.0.iter().rfind(|(_, _, known)| *known == action).map_or("", |(_, name, _)| name)
    }

    /// The first key of an action.
    pub fn key(&self, action: Action) -> &str {
        self.0.iter().find(|(_, _, known)| *known == action).map_or("", |(_, name, _)| name)
    }
}

impl Key {
    fn pressed(event: &KeyEvent) -> Self {
        Self { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }

    fn read(text: &str) -> Option<Self> {
        let (ctrl, name) = text.strip_prefix("ctrl-").map_or((false, text), |name| (true, name));
        let code = match name {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "backtab" => KeyCode::BackTab,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "pgup" => KeyCode::PageUp,
            "pgdn" => KeyCode::PageDown,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "space" => KeyCode::Char(' '),
            _ => {
                let mut letters = name.chars();
                let letter = letters.next().filter(|letter| !letter.is_control())?;
                letters.next().is_none().then_some(KeyCode::Char(letter))?
            }
        };
        Some(Self { code, ctrl })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

    use super::*;

    #[test]
    fn every_action_has_a_key_and_no_key_does_two_things() {
        let standard = Keymap::read(DEFAULT, "").unwrap();
        for action in Action::ALL {
            assert!(!standard.key(*action).is_empty(), "{}", action.name());
        }
        for (at, (key, name, _)) in standard.0.iter().enumerate() {
            assert!(!standard.0[..at].iter().any(|(known, _, _)| known == key), "`{name}` does two things");
        }
    }

    #[test]
    fn a_users_own_table_is_laid_over_it_and_its_faults_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keymap.toml");
        assert_eq!(Keymap::with_own(&path).unwrap().key(Action::Note), "a");
        std::fs::write(&path, "note = [\"N\", \"ctrl-n\"]\n").unwrap();
        let own = Keymap::with_own(&path).unwrap();
        assert_eq!(own.keys(Action::Note), "N ctrl-n");
        assert_eq!(own.action(&KeyEvent::new(KeyCode::Char('n'), KeyModifiers::CONTROL)), Some(Action::Note));
        assert_eq!(own.action(&KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE)), None);
        for (text, says) in [
            ("notes = [\"N\"]", "no action `notes`"),
            ("note = [\"hyper-x\"]", "`hyper-x` is not a key"),
            ("note = [\"S\"]", "both `note` and `stop`"),
        ] {
            std::fs::write(&path, text).unwrap();
            let failure = Keymap::with_own(&path).unwrap_err();
            assert!(failure.what.contains(says) && failure.next.is_some(), "{failure:?}");
        }
    }
}
