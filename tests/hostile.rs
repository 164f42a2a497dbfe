//! Hostile input: what services and people say draws nothing but itself on a terminal.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/attached.rs"]
mod attached;
#[path = "support/told.rs"]
mod told;

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::time::Duration;

use attached::Bench;
use crossterm::event::{Event, KeyCode, KeyEvent};
use cutover::domain::check::Check;
use cutover::domain::condition::{Condition, Stands};
use cutover::domain::preview::{Preview, Verb};
use cutover::domain::{Recorded, RunState, StepId};
use cutover::loader;
use cutover::protocol::client::Me;
use cutover::protocol::derive::{self, Facts, History};
use cutover::protocol::live::{Asking, Companion, Live, Meter};
use cutover::protocol::log::{Level, Line, Page};
use cutover::protocol::order::Previewed;
use cutover::protocol::view::{Freeze, View};
use cutover::tui::dialog::{Dialog, Field, Kind};
use cutover::tui::draw::draw;
use cutover::tui::keymap::Keymap;
use cutover::tui::model::{Model, Overlay, Tab};
use cutover::tui::theme::Theme;
use cutover::tui::update::{Answer, Input, update};
use jiff::Timestamp;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use told::{HOSTILE, STEPS};

/// Wide letters, a letter of two characters, a joined one, and marks that hang on nothing.
const WIDE: &str = "中文字\u{ff21} e\u{301}tude n\u{303} \u{301}\u{301} ｆｕｌｌ \u{ac00}";

// What reaches the terminal.

/// That text at the end of every string that may be any string.
fn said_everywhere<T: Serialize + DeserializeOwned>(from: &T, text: &str) -> (T, usize) {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::String(_) => found.push(at.to_owned()),
            Value::Array(all) => (0..).zip(all).for_each(|(n, inner)| pointers(inner, &format!("{at}/{n}"), found)),
            Value::Object(all) => {
                let name = |name: &String| name.replace('~', "~0").replace('/', "~1");
                all.iter().for_each(|(key, inner)| pointers(inner, &format!("{at}/{}", name(key)), found));
            }
            _ => {}
        }
    }
    let (mut value, mut found) = (serde_json::to_value(from).unwrap(), Vec::new());
    pointers(&value, "", &mut found);
    let mut put = 0;
    for pointer in found {
        let place = value.pointer_mut(&pointer).unwrap();
        let before = place.clone();
        *place = Value::String(format!("{} {text}", before.as_str().unwrap()));
        if serde_json::from_value::<T>(value.clone()).is_ok() {
            put += 1;
        } else {
            *value.pointer_mut(&pointer).unwrap() = before;
        }
    }
    (serde_json::from_value(value).unwrap(), put)
}

/// A view with something in every place.
fn view() -> (View, Vec<Recorded>) {
    let directory = tempfile::tempdir().unwrap();
    let head = "name = \"bench\"\nenvironment = \"lab\"\ndeadline = \"2026-11-24T06:00:00Z\"\n[service]\nname = \"shop\"\n\
        host = \"shop.example\"\n";
    let file = directory.path().join("runbook.toml");
    fs::write(&file, format!("{head}{STEPS}")).unwrap();
    let plan = loader::load_with(&file, &[]).unwrap();
    let events = told::events("plain");
    let state = RunState::of(&events);
    let now: Timestamp = "2026-11-24T00:10:00Z".parse().unwrap();
    let text = || "plain".to_owned();
    let meter = Meter {
        label: text(),
        done: 3,
        total: Some(9),
        unit: text(),
        rate: 1.0,
        eta_s: Some(6.0),
        samples: vec![1.0; 60],
        moved: now,
    };
    let live = Live {
        meters: [(StepId::from("second"), vec![meter.clone()])].into(),
        companions: [(StepId::from("first"), Companion { healthy: true, detail: text(), at: now })].into(),
        asking: Some(Asking { by: text(), why: text(), at: now, offered: false }),
        ..Live::default()
    };
    let history = History::default();
    let facts = Facts { state: &state, plan: &plan, live: &live, history: &history, now, alive: true, past: false };
    let mut view = derive::view(&facts);
    view.identities = vec![("source MySQL".to_owned(), text()), ("kube context".to_owned(), text())];
    let step = StepId::from("second");
    let (since, budget_s, rehearsed_s) = (now, 10.0, Some(1.0));
    view.freeze = Some(Freeze { step, since, ended: None, budget_s, rehearsed_s, switched: false });
    view.steps[1].meters = vec![meter];
    view.steps[1].checks = vec![Check::passed("plain", "plain"), Check::failed("plain", "plain")];
    (view, events)
}

fn previewed() -> Previewed {
    let mut preview = Preview::undone_by("plain");
    preview.change(Verb::Change, "plain", vec!["plain".to_owned()]);
    preview.identities = vec![("plain".to_owned(), "plain".to_owned())];
    preview.settings.clone_from(&preview.identities);
    preview.figures.clone_from(&preview.identities);
    preview.warnings = vec!["plain".to_owned()];
    let (what, value, limit, fix) = ("plain".to_owned(), "plain".to_owned(), Some("plain".to_owned()), None);
    preview.conditions = vec![Condition { what, value, limit, stands: Stands::Waits, at: Timestamp::UNIX_EPOCH, fix }];
    Previewed { preview, digest: "0".repeat(64), seq: 17 }
}

/// A screen whose every text ends in that one: the view, the log, the timeline, a preview, the person's own name.
fn model(text: &str) -> Model {
    let (view, events) = view();
    let (view, put) = said_everywhere(&view, text);
    assert!(put > 60, "only {put} places");
    let me = Me::new(format!("anna {text}"));
    let look = (Keymap::standard(), Theme::named("dark", true, false).unwrap());
    let mut model = Model::new(view, me, false, look);
    let line = |n| Line { n, at: Timestamp::UNIX_EPOCH, step: None, level: Level::Warn, text: format!("line {n}") };
    let page = Page { lines: (1..=200).map(line).collect(), kept: (1, 200), ..Page::default() };
    let events: Vec<Recorded> = events.iter().map(|recorded| said_everywhere(recorded, text).0).collect();
    let now = Duration::from_secs(1);
    update(&mut model, Input::Answer(Answer::Logs(Ok(said_everywhere(&page, text).0))), now);
    update(&mut model, Input::Answer(Answer::Journal(Ok(events))), now);
    model.previewed = Some((StepId::from("second"), Ok(said_everywhere(&previewed(), text).0)));
    model
}

/// A screen that is different from another one.
fn with(from: &Model, change: impl FnOnce(&mut Model)) -> Model {
    let mut model = from.clone();
    change(&mut model);
    model
}

/// Every panel and everything that lies over them.
fn screens(text: &str) -> Vec<Model> {
    let first = model(text);
    let mut all = Vec::new();
    for (tab, in_week) in Tab::ALL.into_iter().flat_map(|tab| [(tab, true), (tab, false)]) {
        all.push(with(&first, |model| (model.tab, model.in_week) = (tab, in_week)));
        all.push(with(&first, |model| {
            (model.tab, model.in_week, model.watch) = (tab, in_week, true);
            update(model, Input::Terminal(Event::Key(KeyEvent::from(KeyCode::Char('z')))), first.now);
        }));
    }
    for step in &first.view.steps {
        all.push(with(&first, |model| (model.selected, model.in_week) = (Some(step.id.clone()), false)));
    }
    for overlay in [Overlay::Help, Overlay::Palette(text.to_owned(), 0), Overlay::Identities, Overlay::Since(0)] {
        all.push(with(&first, |model| model.overlay = Some(overlay)));
    }
    let (step, attempt) = (first.view.steps[1].id.clone(), 1);
    let seen = said_everywhere(&previewed(), text).0;
    let kinds = [
        Kind::Start { step: step.clone(), attempt, seen: seen.clone() },
        Kind::Back { step: step.clone(), attempt, seen },
        Kind::Resume { step: step.clone(), attempt, seq: 1 },
        Kind::Stop { step: step.clone(), attempt, effect: text.to_owned() },
        Kind::Offer { to: text.to_owned() },
        Kind::Take { current: text.to_owned() },
        Kind::Answer { hand: 13 },
        Kind::Note,
    ];
    for kind in kinds {
        let typed = Field { text: text.to_owned(), ..Field::words(text, false) };
        let mut dialog = Dialog::open(kind, vec![Field::exactly(text, text), typed], Duration::ZERO);
        dialog.refused = Some(cutover::domain::Failure::refused(text).because(text).next(text));
        all.push(with(&first, |model| {
            model.dialog = Some(dialog);
            model.said = Some((text.to_owned(), model.now));
        }));
    }
    all.push(with(&first, |model| model.past = Some(View { past: true, ..first.view.clone() })));
    all
}

const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (130, 40), (200, 60)];

fn drawn(model: &Model, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The bytes that a terminal is sent for it.
fn sent(model: &Model, (width, height): (u16, u16)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, width, height)) };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut bytes), options).unwrap();
    terminal.draw(|frame| draw(model, frame)).unwrap();
    drop(terminal);
    bytes
}

/// A terminal of that size.
fn screen((width, height): (u16, u16)) -> vt100::Parser {
    let columns = |columns: u16| NonZero::new(columns).unwrap();
    vt100::Parser::new(columns(height), columns(width), 0)
}

/// What moves, colours, rings or turns.
fn draws(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[test]
fn no_cell_of_any_screen_draws_anything_but_itself() {
    let mut seen = String::new();
    for model in screens(HOSTILE) {
        for size in SIZES {
            let buffer = drawn(&model, size);
            for cell in &buffer.content {
                assert!(!cell.symbol().chars().any(draws), "{:?} on {:?}", cell.symbol(), model.tab);
                seen.push_str(cell.symbol());
            }
        }
    }
    assert!(seen.contains("<script>"), "the text is on the screens");
}

#[test]
fn the_bytes_for_a_terminal_hold_only_the_sequences_of_drawing() {
    let mut sequences = BTreeSet::new();
    for model in screens(HOSTILE) {
        let text = String::from_utf8(sent(&model, (130, 40))).unwrap();
        let mut parts = text.split('\u{1b}');
        assert!(!parts.next().unwrap().chars().any(draws));
        for part in parts {
            let end = part.find(|letter: char| ('@'..='~').contains(&letter) && letter != '[').unwrap();
            sequences.insert(format!("{}{}", &part[..1], &part[end..=end]));
            assert!(!part[end..].chars().any(draws), "{part:?}");
        }
    }
    // Cursor to a place, colours and styles, cursor shown or hidden: no title, no clipboard, no clearing, no modes else.
    let known: BTreeSet<_> = ["[H", "[m", "[l", "[h"].map(str::to_owned).into();
    assert!(sequences.is_subset(&known), "{sequences:?}");
}

#[test]
fn wide_and_combining_letters_take_the_columns_that_a_terminal_gives_them() {
    let mut wide = 0;
    for model in screens(WIDE) {
        for size in SIZES {
            let (buffer, mut terminal) = (drawn(&model, size), screen(size));
            terminal.process(&sent(&model, size));
            for y in 0..size.1 {
                for x in 0..size.0 {
                    let shown = terminal.screen().cell(y, x).unwrap();
                    let meant = buffer.cell((x, y)).unwrap().symbol();
                    let shown = if shown.has_contents() { shown.contents() } else { " " };
                    wide += usize::from(terminal.screen().cell(y, x).unwrap().is_wide());
                    let covered = x > 0 && terminal.screen().cell(y, x - 1).unwrap().is_wide();
                    assert!(
                        covered || shown == meant,
                        "{shown:?} for {meant:?} at {x},{y} of {size:?}, {:?}",
                        model.tab
                    );
                }
            }
        }
    }
    assert!(wide > 10_000, "only {wide} wide letters were drawn");
}

#[test]
fn plain_lines_for_people_and_programs_are_harmless_too() {
    let bench = Bench::new(STEPS);
    fs::create_dir_all(bench.state()).unwrap();
    {
        let lock = cutover::journal::Lock::take(bench.state(), false).unwrap();
        let mut journal = cutover::journal::Journal::open(bench.state(), &lock).unwrap();
        for recorded in told::events(HOSTILE) {
            journal.append(recorded.at, recorded.event).unwrap();
        }
    }
    let commands =
        [&["status"][..], &["status", "--oneline"], &["status", "--json"], &["journal"], &["report"], &["plan"]];
    for words in commands {
        let output = bench.command(words[0]).args(&words[1..]).output().unwrap();
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            let found = text.chars().find(|letter| draws(*letter) && *letter != '\n');
            assert!(found.is_none(), "{found:?} from {words:?}: {text}");
        }
    }
    let journal = bench.command("journal").output().unwrap();
    let note = String::from_utf8(journal.stdout).unwrap();
    let note =
        note.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).find(|event| event["event"] == "noted");
    assert_eq!(note.unwrap()["text"], format!("note {HOSTILE}"), "programs get what was said");
}
