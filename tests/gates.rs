//! Every dialog on the real update loop: what is typed for something else, a key that is held, Enter alone and a
//! paste consent to nothing; what is typed by hand does, once.

#![expect(clippy::unwrap_used, reason = "a test says by a panic that it failed")]

#[path = "support/screen.rs"]
mod screen;
#[path = "support/story.rs"]
mod story;
#[path = "support/week.rs"]
mod week;

use std::sync::LazyLock;
use std::time::Duration;

use crossterm::event::{Event, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use cutover::domain::runbook::Window;
use cutover::domain::{Failure, StepId};
use cutover::protocol::order::Previewed;
use cutover::protocol::view::{Step, View};
use cutover::tui::model::Tab;
use cutover::tui::update::{Answer, Effect, Input};
use screen::Screen;

/// A dialog, by the keys that open it; the last of them is the one that may be held.
struct Case {
    name: &'static str,
    view: View,
    me: &'static str,
    keys: (&'static str, &'static str),
}

/// The switch's gate, with another condition in it.
fn gate(name: &'static str, keys: (&'static str, &'static str), change: impl Fn(&mut Step)) -> Case {
    let mut view = week::ready().view();
    change(view.steps.iter_mut().find(|step| step.id == StepId::from("dns")).unwrap());
    Case { name, view, me: "mara", keys }
}

fn dialog(name: &'static str, me: &'static str, keys: (&'static str, &'static str), view: View) -> Case {
    Case { name, view, me, keys }
}

fn window() -> Window {
    Window { from: "2099-01-01T03:00:00Z".parse().unwrap(), to: "2099-01-01T05:00:00Z".parse().unwrap() }
}

fn cases() -> Vec<Case> {
    let mut in_doubt = week::loading().view();
    let current = in_doubt.current.clone();
    let step = in_doubt.steps.iter_mut().find(|step| Some(&step.id) == current.as_ref()).unwrap();
    step.choices.iter_mut().for_each(|choice| choice.verb = "resume".into());
    let loading = || week::loading().view();
    vec![
        gate("confirm", ("", "s"), |step| step.gate.phrase = None),
        gate("phrase", ("", "s"), |_| {}),
        gate("phrase, by enter", ("", "<enter>"), |_| {}),
        gate("phrase, by the palette", (":start", "<enter>"), |_| {}),
        gate("evidence", ("", "s"), |step| step.action = "manual".into()),
        gate("approval", ("", "s"), |step| step.gate.approval = Some("dba".to_owned())),
        gate("window", ("", "s"), |step| step.gate.window = Some(window())),
        dialog("way back", "mara", ("k", "b"), week::switched().view()),
        dialog("resume", "mara", ("", "s"), in_doubt),
        dialog("adopt", "mara", ("", "d"), week::refused().view()),
        dialog("stop", "mara", ("", "S"), loading()),
        dialog("hand over", "mara", ("", "w"), week::asked().view()),
        dialog("take over from another terminal", "mara", ("", "w"), loading()),
        dialog("take", "mara", ("", "w"), View { driver: None, ..loading() }),
        dialog("take at the end", "mara", ("", "w"), View { driver: None, ..week::over().view() }),
        dialog("ask", "tom", ("", "w"), loading()),
        dialog("note", "mara", ("", "a"), loading()),
        dialog("hand", "tom", ("", "H"), loading()),
        dialog("answer", "mara", ("", "H"), week::refused().view()),
    ]
}

/// What every look at the world gives.
static PREVIEW: LazyLock<Previewed> = LazyLock::new(|| week::switch_preview(&week::ready(), None));

/// Presses keys, gives what they ask to see, and counts the orders and messages that go out.
fn press(screen: &mut Screen, keys: &str) -> usize {
    screen.press(keys);
    let mut sent = 0;
    for effect in std::mem::take(&mut screen.effects) {
        match effect {
            Effect::Preview(step) => {
                screen.answer(Answer::Previewed(step, Ok(PREVIEW.clone())));
            }
            Effect::WayBack(step) => {
                screen.answer(Answer::WayBack(step, Ok(PREVIEW.clone())));
            }
            Effect::Send(..) => sent += 1,
            _ => {}
        }
    }
    sent
}

/// A key as a terminal sends it while it is held: again and again, with frames drawn between.
fn hold(screen: &mut Screen, key: &str) -> usize {
    let mut sent = 0;
    for _ in 0..30 {
        screen.wait(0.033);
        sent += press(screen, key);
    }
    sent
}

fn open(case: &Case) -> Screen {
    let mut screen = Screen::of(case.view.clone(), case.me);
    screen.press(case.keys.0);
    assert_eq!(press(&mut screen, case.keys.1), 0);
    assert!(screen.model.dialog.is_some(), "{}: no dialog", case.name);
    screen
}

fn typed(screen: &Screen) -> String {
    screen.model.dialog.as_ref().unwrap().fields.iter().map(|field| field.text.as_str()).collect()
}

#[test]
fn what_is_typed_ahead_or_held_goes_into_no_dialog() {
    for case in cases() {
        // At once, and after the half second in which a keyboard waits before it repeats.
        for before_it_repeats in [0.0, 0.6] {
            let mut screen = open(&case);
            screen.wait(before_it_repeats);
            let sent = hold(&mut screen, case.keys.1);
            assert_eq!((sent, typed(&screen)), (0, String::new()), "{} holds {}", case.name, case.keys.1);
        }
        let mut screen = open(&case);
        let wanted: String =
            screen.model.dialog.as_ref().unwrap().fields.first().unwrap().wanted.clone().unwrap_or("x".to_owned());
        // All of it at once, when the terminal comes back after a stall.
        screen.now += Duration::from_secs(1);
        assert_eq!(
            (press(&mut screen, &format!("{wanted}<enter>")), typed(&screen)),
            (0, String::new()),
            "{}",
            case.name
        );
    }
}

#[test]
fn enter_alone_and_a_paste_confirm_nothing() {
    for case in cases() {
        let mut screen = open(&case);
        screen.wait(0.5);
        assert_eq!(hold(&mut screen, "<enter>"), 0, "{}", case.name);
        let fields = screen.model.dialog.as_ref().unwrap().fields.clone();
        screen.wait(0.5);
        for field in fields.iter().filter_map(|field| field.wanted.as_ref()) {
            screen.paste(field).paste(&format!("{field}\r"));
            assert_eq!((hold(&mut screen, "<enter>"), typed(&screen)), (0, String::new()), "{}", case.name);
            screen.wait(0.5);
        }
    }
    // The words that a way back asks for consent too, though the engine alone knows them.
    let cases = cases();
    let mut screen = open(cases.iter().find(|case| case.name == "way back").unwrap());
    screen.wait(0.5);
    let last = screen.model.dialog.as_ref().unwrap().fields.len() - 1;
    screen.press(&"<tab>".repeat(last)).paste("dns=12");
    assert_eq!((screen.model.dialog.as_ref().unwrap().at, typed(&screen)), (last, String::new()));
    press(&mut screen, "dns=12");
    assert_eq!(typed(&screen), "dns=12");
}

#[test]
fn what_is_typed_by_hand_is_sent_once() {
    for case in cases() {
        let mut screen = open(&case);
        screen.wait(0.5);
        let fields = screen.model.dialog.as_ref().unwrap().fields.clone();
        let mut sent = 0;
        for field in fields.iter().filter(|field| !field.optional) {
            for letter in field.wanted.as_deref().unwrap_or("words").chars() {
                screen.wait(0.15);
                sent += press(&mut screen, &letter.to_string());
            }
            sent += press(&mut screen, "<enter>");
        }
        assert_eq!(sent, 1, "{}", case.name);
        // Refused, with the Enter that sent it still held: it is typed again, or nothing goes out.
        let id = screen.model.dialog.as_ref().unwrap().sent.clone().unwrap();
        screen.answer(Answer::Sent(id, Err(Failure::refused("the world changed"))));
        if fields.iter().any(|field| field.wanted.is_some()) {
            assert_eq!(hold(&mut screen, "<enter>"), 0, "{}", case.name);
            screen.wait(0.5);
            assert_eq!(hold(&mut screen, "<enter>"), 0, "{}", case.name);
        }
    }
}

#[test]
fn a_held_key_asks_for_one_look_and_its_answer_sweeps_no_other_dialog_away() {
    let mut screen = Screen::of(week::ready().view(), "mara");
    let mut asked = 0;
    for _ in 0..30 {
        screen.press("s");
        asked += screen.effects.iter().filter(|effect| matches!(effect, Effect::Preview(_))).count();
    }
    assert_eq!(asked, 1);
    screen.press("a").wait(0.5).press("mind the backlog");
    screen.answer(Answer::Previewed("dns".into(), Ok(week::switch_preview(&week::ready(), None))));
    assert_eq!(typed(&screen), "mind the backlog");

    let mut screen = Screen::of(week::switched().view(), "mara");
    screen.press("k").press("b");
    assert!(matches!(screen.effects.as_slice(), [Effect::WayBack(_)]), "{:?}", screen.effects);
    let back = || Answer::WayBack("dns".into(), Ok(week::switch_preview(&week::ready(), None)));
    screen.press("b").answer(back()).wait(0.5).press("back");
    screen.answer(back());
    assert_eq!(typed(&screen), "back", "a second answer does not open it anew");
}

#[test]
fn the_mouse_chooses_and_scrolls_and_no_dialog_hears_it() {
    let at = |kind, column, row| {
        let modifiers = KeyModifiers::NONE;
        Input::Terminal(Event::Mouse(MouseEvent { kind, column, row, modifiers }))
    };
    let click = |column, row| at(MouseEventKind::Down(MouseButton::Left), column, row);
    let size = (130, 38);
    let mut screen = Screen::of(week::loading().view(), "mara");
    screen.input(Input::Terminal(Event::Resize(size.0, size.1)));
    // Where a text is on the screen.
    let find = |screen: &Screen, text: &str| {
        let drawn = screen::text(&screen.drawn(size));
        let found =
            drawn.lines().enumerate().find_map(|(row, line)| Some((line.split_once(text)?.0.chars().count(), row)));
        let (column, row) = found.unwrap_or_else(|| panic!("no {text} in {drawn}"));
        (u16::try_from(column).unwrap(), u16::try_from(row).unwrap())
    };
    for step in ["cluster", "deploy", "settle"] {
        let (column, row) = find(&screen, &format!("{step} "));
        screen.input(click(column, row));
        assert_eq!(screen.model.step().unwrap().id, StepId::from(step));
    }
    for (name, tab) in [("3 log", Tab::Logs), ("6 people", Tab::People), ("5 timeline", Tab::Timeline)] {
        let (column, row) = find(&screen, name);
        screen.input(click(column + 2, row));
        assert!(screen.model.tab == tab && !screen.model.in_week, "{name}");
    }
    // The wheel moves what it is over.
    let (column, row) = find(&screen, "cluster ");
    let before = screen.model.step().unwrap().id.clone();
    screen.input(at(MouseEventKind::ScrollUp, column, row));
    assert!(screen.model.in_week && screen.model.step().unwrap().id != before);

    for case in cases() {
        let mut screen = open(&case);
        screen.input(Input::Terminal(Event::Resize(size.0, size.1))).wait(0.5);
        let before = (screen.model.dialog.clone(), screen.model.tab, screen.model.selected.clone());
        for (column, row) in (0..size.0).step_by(7).flat_map(|column| (0..size.1).map(move |row| (column, row))) {
            screen.input(click(column, row));
            assert!(screen.effects.is_empty(), "{}: {:?}", case.name, screen.effects);
        }
        let after = (screen.model.dialog.clone(), screen.model.tab, screen.model.selected.clone());
        assert_eq!(after, before, "{}", case.name);
    }
}
