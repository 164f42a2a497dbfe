//! Colours and symbols. Nine tenths of a screen are the terminal's own colour or dim; beside each colour stands a
//! symbol, so that nothing is said by colour alone.

use ratatui::style::{Color, Modifier, Style};

use crate::domain::state::{Direction, Status};

/// A set of styles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theme {
    /// What is beside the point: units, ages, hints.
    pub dim: Style,
    /// Where the focus is.
    pub accent: Style,
    /// What waits for the driver.
    pub you: Style,
    /// A good outcome.
    pub good: Style,
    /// A bad outcome.
    pub bad: Style,
    /// A title.
    pub title: Style,
    /// The line that is selected.
    pub selected: Style,
    /// Production, and tenants who cannot write.
    pub alarm: Style,
    /// The glyphs.
    pub symbols: Symbols,
}

/// A set of glyphs, each one column wide on every terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    ascii: bool,
}

impl Theme {
    /// The themes by name.
    pub const NAMES: [&'static str; 3] = ["dark", "light", "high-contrast"];

    /// A theme by its name; without colours where the terminal's user wants none.
    pub fn named(name: &str, colour: bool, ascii: bool) -> Option<Self> {
        let plain = Style::new();
        let symbols = Symbols { ascii };
        let bold = plain.add_modifier(Modifier::BOLD);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        if !colour {
            let strong = bold.add_modifier(Modifier::UNDERLINED);
            let dim = plain.add_modifier(Modifier::DIM);
            let alarm = reversed.add_modifier(Modifier::BOLD);
            let selected = reversed;
            let (accent, you, good, bad, title) = (bold, strong, plain, bold, bold);
            return Self::NAMES.contains(&name).then_some(Self {
                dim,
                accent,
                you,
                good,
                bad,
                title,
                selected,
                alarm,
                symbols,
            });
        }
        let alarm = Style::new().fg(Color::White).bg(Color::Red).add_modifier(Modifier::BOLD);
        Some(match name {
            "dark" => Self {
                dim: plain.fg(Color::DarkGray),
                accent: plain.fg(Color::Cyan),
                you: bold.fg(Color::Yellow),
                good: plain.fg(Color::Green),
                bad: bold.fg(Color::Red),
                title: bold,
                selected: reversed,
                alarm,
                symbols,
            },
            "light" => Self {
                dim: plain.fg(Color::DarkGray),
                accent: plain.fg(Color::Blue),
                // Yellow is not to be read on white.
                you: bold.fg(Color::Black).bg(Color::Yellow),
                good: plain.fg(Color::Green),
                bad: bold.fg(Color::Red),
                title: bold,
                selected: reversed,
                alarm,
                symbols,
            },
            "high-contrast" => Self {
                dim: plain,
                accent: bold.fg(Color::LightCyan),
                you: bold.fg(Color::Black).bg(Color::LightYellow),
                good: bold.fg(Color::LightGreen),
                bad: bold.fg(Color::White).bg(Color::Red),
                title: bold.add_modifier(Modifier::UNDERLINED),
                selected: reversed.add_modifier(Modifier::BOLD),
                alarm,
                symbols,
            },
            _ => return None,
        })
    }

    /// A step's symbol and its style; nothing of it moves but in the week, see [`Symbols::spinner`].
    pub fn status(&self, status: Status, direction: Direction) -> (&'static str, Style) {
        let symbols = self.symbols;
        match status {
            Status::Pending => (symbols.of("⋅", "."), self.dim),
            Status::Running if direction == Direction::Back => (symbols.of("↶", "<"), self.accent),
            Status::Running => (symbols.of("▸", ">"), self.accent),
            Status::Done => (symbols.of("✓", "+"), self.good),
            Status::Adopted => (symbols.of("≈", "~"), self.good),
            Status::Failed => (symbols.of("✗", "x"), self.bad),
            Status::RolledBack => (symbols.of("↶", "<"), self.dim),
            Status::InDoubt => (symbols.of("?", "?"), self.you),
        }
    }
}

impl Symbols {
    /// A glyph, or its stand-in where the terminal has letters only.
    pub const fn of(self, glyph: &'static str, letter: &'static str) -> &'static str {
        if self.ascii { letter } else { glyph }
    }

    /// The running step's in the week, the one thing on a screen that moves by itself.
    pub fn spinner(self, tick: u64) -> &'static str {
        let frames = if self.ascii { ["|", "/", "-", "\\"] } else { ["⠋", "⠙", "⠸", "⠴"] };
        frames.iter().cycle().nth(usize::try_from(tick % 4).unwrap_or(0)).copied().unwrap_or("*")
    }

    /// A bar of that many columns, filled to a share of 0 to 1.
    pub fn bar(self, share: f64, columns: usize) -> String {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "drawn"
        )]
        let filled = ((share.clamp(0.0, 1.0) * columns as f64).round() as usize).min(columns);
        self.of("█", "#").repeat(filled) + &self.of("░", "-").repeat(columns - filled)
    }

    /// The last of those samples as a line that goes up and down.
    pub fn sparkline(self, samples: &[f64], columns: usize) -> String {
        let levels: Vec<char> = self.of("▁▂▃▄▅▆▇█", "._-=+*#@").chars().collect();
        let last = samples.iter().skip(samples.len().saturating_sub(columns));
        let highest = last.clone().copied().fold(f64::MIN_POSITIVE, f64::max);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "drawn"
        )]
        let level = |sample: &f64| (sample.max(0.0) / highest * (levels.len() - 1) as f64).round() as usize;
        last.filter_map(|sample| levels.get(level(sample))).collect()
    }
}
