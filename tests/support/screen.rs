//! A screen in a test: the real update and the real drawing, on a terminal of memory.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use cutover::protocol::client::{Me, Update};
use cutover::protocol::view::View;
use cutover::tui::draw::draw;
use cutover::tui::keymap::Keymap;
use cutover::tui::model::Model;
use cutover::tui::theme::Theme;
use cutover::tui::update::{Answer, Effect, Input, update};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Style;

/// A client's screen.
pub struct Screen {
    pub model: Model,
    pub now: Duration,
    /// What the last input asked for.
    pub effects: Vec<Effect>,
}

impl Screen {
    pub fn of(view: View, me: &str) -> Self {
        Self::themed(view, me, Theme::named("dark", true, false).unwrap())
    }

    pub fn themed(view: View, me: &str, theme: Theme) -> Self {
        let watch = me == "watcher";
        let model = Model::new(view, Me::new(me), watch, (Keymap::standard(), theme));
        Self { model, now: Duration::from_secs(1), effects: Vec::new() }.fed()
    }

    /// The engine tells the same again: it lives.
    fn fed(mut self) -> Self {
        let view = Box::new(self.model.view.clone());
        self.input(Input::Engine(Update::View(view)));
        self
    }

    pub fn input(&mut self, input: Input) -> &mut Self {
        self.effects = update(&mut self.model, input, self.now);
        self
    }

    pub fn view(&mut self, view: View) -> &mut Self {
        self.input(Input::Engine(Update::View(Box::new(view))))
    }

    pub fn answer(&mut self, answer: Answer) -> &mut Self {
        self.input(Input::Answer(answer))
    }

    /// Time passes, and the engine is heard of.
    pub fn wait(&mut self, seconds: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(seconds);
        let view = Box::new(self.model.view.clone());
        self.input(Input::Engine(Update::View(view)))
    }

    /// Time passes, and the engine says nothing.
    pub fn silence(&mut self, seconds: f64) -> &mut Self {
        self.now += Duration::from_secs_f64(seconds);
        self.input(Input::Tick)
    }

    /// Presses keys: letters, and names in angle brackets (`<enter>`, `<ctrl-l>`).
    pub fn press(&mut self, keys: &str) -> &mut Self {
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let named = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
            let (code, modifiers) = if let Some((name, after)) = named {
                rest = after;
                self::named(name)
            } else {
                rest = &rest[first.len_utf8()..];
                (KeyCode::Char(first), KeyModifiers::NONE)
            };
            self.input(Input::Terminal(Event::Key(KeyEvent::new(code, modifiers))));
        }
        self
    }

    pub fn paste(&mut self, text: &str) -> &mut Self {
        self.input(Input::Terminal(Event::Paste(text.to_owned())))
    }

    /// What is on a terminal of that size.
    pub fn drawn(&self, (columns, rows): (u16, u16)) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        terminal.draw(|frame| draw(&self.model, frame)).unwrap();
        terminal.backend().buffer().clone()
    }
}

fn named(name: &str) -> (KeyCode, KeyModifiers) {
    if let Some(letter) = name.strip_prefix("ctrl-") {
        return (KeyCode::Char(letter.chars().next().unwrap()), KeyModifiers::CONTROL);
    }
    let code = match name {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        "tab" => KeyCode::Tab,
        "backtab" => KeyCode::BackTab,
        "up" => KeyCode::Up,
        "down" => KeyCode::Down,
        "end" => KeyCode::End,
        "pgdn" => KeyCode::PageDown,
        "backspace" => KeyCode::Backspace,
        other => panic!("no key <{other}>"),
    };
    (code, KeyModifiers::NONE)
}

/// The lines of a screen, without what is blank at their ends.
pub fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let rows = buffer.content.chunks(width).map(|row| {
        let mut line = String::new();
        let mut covered = 0;
        for cell in row {
            if covered == 0 {
                line.push_str(cell.symbol());
                covered = unicode_width::UnicodeWidthStr::width(cell.symbol()).max(1);
            }
            covered -= 1;
        }
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// Where which style is: a letter for each, and what each letter means. The terminal's own style is blank.
pub fn styles(buffer: &Buffer) -> String {
    let mut letters: BTreeMap<String, char> = BTreeMap::new();
    let mut free = 'a'..='z';
    let mut map = String::new();
    for row in buffer.content.chunks(usize::from(buffer.area.width).max(1)) {
        let line: String = row
            .iter()
            .map(|cell| match name_of(cell.style()) {
                name if name.is_empty() => ' ',
                name => *letters.entry(name).or_insert_with(|| free.next().unwrap()),
            })
            .collect();
        map.push_str(line.trim_end());
        map.push('\n');
    }
    let mut legend: Vec<_> = letters.into_iter().map(|(name, letter)| (letter, name)).collect();
    legend.sort_unstable();
    for (letter, name) in legend {
        let _ = writeln!(map, "{letter} = {name}");
    }
    map
}

/// A style in words; a blank for the terminal's own.
fn name_of(style: Style) -> String {
    let mut words = Vec::new();
    let colour =
        |colour: Option<ratatui::style::Color>| colour.filter(|colour| *colour != ratatui::style::Color::Reset);
    words.extend(colour(style.fg).map(|fg| fg.to_string()));
    words.extend(colour(style.bg).map(|bg| format!("on {bg}")));
    words.extend((!style.add_modifier.is_empty()).then(|| format!("{:?}", style.add_modifier)));
    words.join(" ").to_lowercase()
}

/// Both, one under the other.
pub fn both(buffer: &Buffer) -> String {
    format!("{}\n{}\n{}", text(buffer), "-".repeat(usize::from(buffer.area.width)), styles(buffer))
}
