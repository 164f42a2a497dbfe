//! Every screen as people see it: the real update and the real drawing over the real view of a journal, kept as
//! text with a map of its styles. A change of any of them is read before it is taken (`cargo insta review`).

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test says by a panic that it failed")]

#[path = "support/picture.rs"]
mod picture;
#[path = "support/screen.rs"]
mod screen;
#[path = "support/story.rs"]
mod story;
#[path = "support/week.rs"]
mod week;

use std::time::Duration;

use cutover::domain::{Failure, Preview, StepId};
use cutover::protocol::client::Update;
use cutover::protocol::log::{Level, Line, Page};
use cutover::protocol::order::Previewed;
use cutover::protocol::view::View;
use cutover::tui::model::{Overlay, Tab};
use cutover::tui::theme::Theme;
use cutover::tui::update::{Answer, Copied, Effect, Input};
use screen::{Screen, both, styles, text};
use story::Story;

const SMALL: (u16, u16) = (60, 15);
const COMMON: (u16, u16) = (80, 24);
const WIDE: (u16, u16) = (130, 38);
const LARGE: (u16, u16) = (200, 60);

fn see(name: &str, screen: &Screen, size: (u16, u16)) {
    let seen = both(&screen.drawn(size));
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("screens");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, seen));
}

/// The key screens: in all sizes, and in all themes at the common one.
fn see_in_all(name: &str, screen: &Screen) {
    for (size, of) in [(SMALL, "60x15"), (COMMON, "80x24"), (WIDE, "130x38"), (LARGE, "200x60")] {
        see(&format!("{name}_{of}"), screen, size);
    }
    let plain = text(&screen.drawn(COMMON));
    for theme in ["light", "high-contrast"] {
        let mut other = Screen { model: screen.model.clone(), now: screen.now, effects: vec![] };
        other.model.theme = Theme::named(theme, true, false).unwrap();
        assert_eq!(text(&other.drawn(COMMON)), plain, "a theme changes no word");
        see(&format!("{name}_{theme}"), &other, COMMON);
    }
    let mut poor = Screen { model: screen.model.clone(), now: screen.now, effects: vec![] };
    poor.model.theme = Theme::named("dark", false, true).unwrap();
    let drawn = poor.drawn(COMMON);
    let letters = |text: &str| text.chars().filter(|letter| !letter.is_ascii()).collect::<String>();
    let story = "…·–";
    assert!(letters(&text(&drawn)).chars().all(|letter| story.contains(letter)), "{}", letters(&text(&drawn)));
    assert!(!styles(&drawn).contains("red"), "NO_COLOR");
    see(&format!("{name}_ascii"), &poor, COMMON);
}

fn mara(story: &Story) -> Screen {
    Screen::of(story.view(), "mara")
}

/// The gate of the switch, with its preview.
fn gate(story: &Story, lag: Option<&str>) -> Screen {
    let mut screen = mara(story);
    screen.press("s");
    assert_eq!(screen.effects, [Effect::Preview("dns".into())]);
    let seen = week::switch_preview(story, lag);
    screen.answer(Answer::Previewed("dns".into(), Ok(seen)));
    screen
}

#[test]
fn a_week_that_begins() {
    see_in_all("begins", &mara(&week::monday()));
}

#[test]
fn a_step_that_runs() {
    see_in_all("runs", &mara(&week::loading()));
    let mut screen = mara(&week::snapshotting());
    see("runs_first", &screen, COMMON);
    let mut later = screen.model.view.clone();
    later.steps[0].meters[0].done += 58_000;
    see("runs_counting", screen.wait(0.8).view(later), COMMON);
    see("runs_step_alone", screen.press("2"), SMALL);
    let mut story = week::snapshotting();
    for meter in story.live.meters.values_mut().flatten() {
        (meter.total, meter.eta_s) = (None, None);
    }
    see("runs_without_a_total", &mara(&story), COMMON);
}

#[test]
fn a_failure_with_its_choices() {
    let mut screen = mara(&week::refused());
    see_in_all("failed", &screen);
    screen.press("2");
    see("failed_alone", &screen, SMALL);
}

#[test]
fn what_has_to_be_known_first() {
    let mut screen = mara(&week::monday());
    let first = "SSH_AUTH_SOCK=/tmp/ssh-9/agent is forwarded and ends with this login: commands by ssh need a key of this machine";
    let second = "credentials come from aws, vault: whatever prompts, or keeps its login in this session, gives none after logout";
    screen.model.overlay = Some(Overlay::Warnings(vec![first.to_owned(), second.to_owned()]));
    see("warned", &screen, COMMON);
    screen.press("s");
    assert!(screen.model.overlay.is_none() && screen.effects.is_empty(), "the key that closes it does nothing else");
}

#[test]
fn an_engine_that_is_gone() {
    let mut screen = Screen::of(week::loading().dead(), "mara");
    see("engine_gone", &screen, COMMON);
    screen.silence(7.0);
    see("stale", &screen, COMMON);
    let lost = Failure::transient("reach the engine at /run/user/1000/cutover/5f.sock").because("connection refused");
    screen.input(Input::Engine(Update::Lost(lost)));
    see("lost", screen.press("s"), COMMON);
}

#[test]
fn an_engine_that_goes_away_while_a_step_runs_is_said_instead_of_what_it_said_last() {
    let mut screen = mara(&week::loading());
    let said = screen.model.view.sentence.text.clone();
    assert!(said.ends_with("nothing waits for you") && screen.model.sentence() == said);
    screen.silence(1.9);
    assert_eq!(screen.model.sentence(), said, "not yet");
    screen.silence(5.1);
    see("live_stale", &screen, COMMON);
    let why = "error sending request: client error (Connect): Connection refused (os error 111)";
    screen.input(Input::Engine(Update::Lost(Failure::transient("no engine answers").because(why))));
    for (size, of) in [(SMALL, "60x15"), (COMMON, "80x24"), (WIDE, "130x38")] {
        see(&format!("live_lost_{of}"), &screen, size);
    }
    let whole = screen.model.sentence();
    let cause = "no engine answers: Connection refused (os error 111)";
    assert_eq!(whole, format!("ENGINE NOT HEARD OF for 7 s: {cause}; q, then cutover drive starts it again"));
    assert_eq!(screen.wait(0.1).model.sentence(), said, "it is heard of again");
    let mut frozen = mara(&week::frozen());
    see("frozen_lost", frozen.silence(7.0), COMMON);
    let mut watcher = Screen::of(week::loading().view(), "watcher");
    assert!(!watcher.silence(7.0).model.sentence().contains("q, then"));
}

#[test]
fn the_switch_before_it_begins() {
    let story = week::ready();
    let mut screen = mara(&story);
    see("switch_unseen", screen.press("7"), COMMON);
    // Its board can be looked at on any day, and stays in sight.
    let mut early = mara(&week::loading());
    assert_eq!(early.press("7p").effects, [Effect::Preview("dns".into())]);
    assert_eq!(early.model.tab, Tab::Switch);
    let mut screen = gate(&story, None);
    screen.press("<esc>7");
    see("switch_go", &screen, COMMON);
    see("switch_go_130x38", &screen, WIDE);
    let mut screen = gate(&story, Some("41 s behind"));
    see("switch_no_go_gate", &screen, COMMON);
    screen.press("<esc>7");
    see("switch_no_go", &screen, COMMON);
}

#[test]
fn the_gate_of_the_switch() {
    let story = week::ready();
    let mut screen = gate(&story, None);
    see("gate_unarmed", &screen, COMMON);
    screen.wait(0.5).press("switch shop");
    see_in_all("gate", &screen);
    screen.press(".example.com");
    see("gate_met", &screen, COMMON);
    screen.press("<enter>");
    assert!(matches!(screen.effects.as_slice(), [Effect::Send(..)]), "{:?}", screen.effects);
    let Some(id) = screen.model.dialog.as_ref().and_then(|dialog| dialog.sent.clone()) else {
        panic!("nothing was sent")
    };
    let refused = Failure::refused("the record changed since this was drawn")
        .because("A 203.0.113.10 is now A 203.0.113.11")
        .next("look at the preview again");
    see("gate_refused", screen.answer(Answer::Sent(id, Err(refused))), COMMON);
    // It is looked at again by itself: what moved is named, and the phrase is to be typed anew.
    assert_eq!(screen.effects, [Effect::Preview("dns".into())]);
    let mut seen = week::switch_preview(&story, None);
    let record = seen.preview.changes.iter_mut().find(|change| change.object.starts_with("record")).unwrap();
    for line in &mut record.detail {
        *line = line.replace("203.0.113.10", "203.0.113.11");
    }
    seen.digest = seen.preview.digest();
    see("gate_moved", screen.answer(Answer::Previewed("dns".into(), Ok(seen))), COMMON);
    assert!(!screen.model.dialog.as_ref().unwrap().is_met(), "the word was for what was shown before");
}

#[test]
fn the_switch_under_way() {
    see_in_all("frozen", &mara(&week::frozen()));
    see("beyond", &mara(&week::beyond()), COMMON);
    see("stuck_beyond", &mara(&week::stuck()), COMMON);
    see_in_all("switched", &mara(&week::switched()).also("7"));
    see("taking_back", &mara(&week::taken_back()), COMMON);
    // A later try begins: nobody waits while it looks whether everything is ready.
    let again = mara(&week::tried_again());
    assert!(again.model.view.freeze.as_ref().unwrap().ended.is_some());
    assert!(!text(&mara(&week::tried_again()).drawn(COMMON)).contains("FREEZE"));
    see("over", &mara(&week::over()), WIDE);
}

#[test]
fn a_budget_runs_between_two_words_of_the_engine_and_stops_with_it() {
    let mut screen = mara(&week::frozen());
    let top = |screen: &Screen| text(&screen.drawn(COMMON)).lines().take(2).collect::<Vec<_>>().join("\n");
    assert_eq!(top(&screen).matches("9.1 s").count(), 2, "{}", top(&screen));
    screen.silence(0.4);
    assert_eq!(top(&screen).matches("8.7 s").count(), 2, "{}", top(&screen));
    let clock = screen.model.view.at.saturating_add(Duration::from_millis(600)).unwrap();
    screen.now += Duration::from_millis(600);
    screen.input(Input::Engine(Update::Beat(clock)));
    assert_eq!(top(&screen).matches("8.1 s").count(), 2, "{}", top(&screen));
    screen.silence(9.0);
    assert!(top(&screen).contains("STALE 9 s") && top(&screen).contains("6.1 s"), "{}", top(&screen));
}

#[test]
fn the_log() {
    let story = week::loading();
    let mut screen = mara(&story);
    screen.press("3");
    assert!(matches!(screen.effects.as_slice(), [Effect::Logs(_)]), "{:?}", screen.effects);
    screen.answer(Answer::Logs(Ok(log(&story, 1, 60))));
    see("log", &screen, COMMON);
    see("log_130x38", &screen, WIDE);
    screen.press("f").wait(1.0).answer(Answer::Logs(Ok(log(&story, 61, 1304))));
    see("log_paused", &screen, COMMON);
    let mut gap = Screen { model: screen.model.clone(), now: screen.now, effects: vec![] };
    let page = Page { kept: (3_004, 3_010), ..log(&story, 3_004, 3_010) };
    see("log_gap", gap.press("f").wait(1.0).answer(Answer::Logs(Ok(page))), COMMON);
    copied_whole(&mut gap);
    screen.press("/tenants<enter>");
    let mut found = log(&story, 1, 1304);
    found.lines.retain(|line| line.text.contains("tenants"));
    // What was asked before the search is answered first, and is not it.
    screen.wait(1.0).answer(Answer::Logs(Ok(log(&story, 1, 9)))).answer(Answer::Logs(Ok(found)));
    see("log_search", &screen, COMMON);
}

#[test]
fn a_log_is_full_at_its_top_and_a_line_higher_than_its_panel_shows_its_end() {
    let story = week::loading();
    let mut screen = mara(&story);
    screen.input(Input::Terminal(crossterm::event::Event::Resize(COMMON.0, COMMON.1)));
    screen.press("3").answer(Answer::Logs(Ok(log(&story, 1, 60))));
    screen.press("g");
    see("log_top", &screen, COMMON);
    let line = Line { text: format!("{}the end", "a long line ".repeat(120)), ..log(&story, 61, 61).lines.remove(0) };
    let page = Page { lines: vec![line], ..log(&story, 61, 61) };
    screen.press("<end>z").wait(1.0).answer(Answer::Logs(Ok(page)));
    let drawn = text(&screen.drawn(COMMON));
    assert!(drawn.contains("the end") && drawn.matches("a long line").count() > 30, "{drawn}");
}

#[test]
fn the_first_key_back_from_the_end_of_a_panel_moves_it() {
    let mut screen = mara(&week::ready());
    screen.input(Input::Terminal(crossterm::event::Event::Resize(SMALL.0, SMALL.1)));
    screen.press("4<end>");
    let end = text(&screen.drawn(SMALL));
    assert!(!end.contains("more lines below"), "{end}");
    assert!(text(&screen.press("k").drawn(SMALL)).contains("more lines below"));
    // A page of what lies over the panels is what is seen of it.
    screen.press("?");
    let first = text(&screen.drawn(SMALL));
    let second = text(&screen.press("<pgdn>").drawn(SMALL));
    let words = |text: &str| {
        text.lines().filter_map(|line| line.split_once("│ ")).map(|(_, row)| row.to_owned()).collect::<Vec<_>>()
    };
    let (first, second) = (words(&first), words(&second));
    assert!(first.len() > 5 && second.iter().all(|row| !first.contains(row)), "{first:?} {second:?}");
}

#[test]
fn the_timeline_and_the_past() {
    let story = week::loading();
    let mut screen = mara(&story);
    screen.press("5").answer(Answer::Journal(Ok(story.events.clone())));
    see("timeline", &screen, COMMON);
    see("timeline_130x38", &screen, WIDE);
    let mut cut = Screen { model: screen.model.clone(), now: screen.now, effects: vec![] };
    cut.view(View { figures_since: story.events.iter().rev().nth(4).map(|event| event.at), ..story.view() });
    see("timeline_cut", &cut, COMMON);
    let seq = story.events.iter().find(|event| event.event.step() == Some(&StepId::from("push"))).unwrap().seq + 4;
    screen.answer(Answer::Past(Ok(Box::new(story.past(seq)))));
    see("past", &screen, COMMON);
    let now = &screen.model.view.sentence.text;
    assert!(text(&screen.drawn(COMMON)).contains(now) && screen.model.sentence() == *now, "what waits is of now");
    screen.silence(7.0);
    let top = text(&screen.drawn(COMMON)).lines().next().unwrap().to_owned();
    assert!(top.contains("PAST: Tue") && top.contains("STALE"), "{top}");
    // A freeze that begins is the present, wherever one looks.
    screen.view(week::frozen().view());
    assert!(text(&screen.drawn(COMMON)).contains("FREEZE") && screen.model.past.is_none());
}

#[test]
fn tab_walks_through_every_panel_and_back() {
    let mut screen = mara(&week::loading());
    let place = |screen: &Screen| (screen.model.in_week, screen.model.tab);
    let begun = place(&screen);
    assert!(begun.0, "it begins in the week");
    let mut seen = vec![begun];
    for _ in Tab::ALL {
        seen.push(place(screen.press("<tab>")));
    }
    assert_eq!(seen[1..].iter().map(|(_, tab)| *tab).collect::<Vec<_>>(), Tab::ALL);
    assert!(place(screen.press("<tab>")).0, "and comes round to the week, at every size");
    for wanted in seen[1..].iter().rev() {
        assert_eq!(place(screen.press("<backtab>")), *wanted);
    }
}

#[test]
fn risks_and_people() {
    let mut screen = mara(&week::ready());
    see("risks", screen.press("4"), COMMON);
    let mut screen = mara(&week::refused());
    see("people_with_a_hand", screen.press("6"), COMMON);
    let mut screen = mara(&week::asked());
    see("people_who_ask", screen.press("n"), COMMON);
    see("people_130x38", &screen, WIDE);
}

#[test]
fn what_lies_over_the_panels() {
    let story = week::ready();
    for (keys, name) in [("?", "help"), (":", "palette"), (":wheel", "palette_search"), ("i", "identities")] {
        see(name, mara(&story).also(keys).settle(), COMMON);
    }
    see("help_60x15", &mara(&story).also("?"), SMALL);
    see("help_200x60", &mara(&story).also("?"), LARGE);
}

#[test]
fn what_happened_meanwhile() {
    let mut screen = mara(&week::refused());
    let later = week::loading();
    screen.press("k").view(later.view());
    screen.wait(301.0).press("s");
    assert_ne!(screen.effects, [Effect::Preview("restore".into())], "the key that wakes it does nothing else");
    screen.answer(Answer::Journal(Ok(later.events.clone())));
    screen.settle();
    see("since", &screen, COMMON);
    see("since_130x38", &screen, WIDE);
}

#[test]
fn leaving_suspending_and_redrawing_work_in_a_dialog_and_over_the_help() {
    let control = |letter| {
        crossterm::event::KeyEvent::new(
            crossterm::event::KeyCode::Char(letter),
            crossterm::event::KeyModifiers::CONTROL,
        )
    };
    for (letter, does) in [('c', Effect::Detach), ('z', Effect::Suspend), ('l', Effect::Redraw)] {
        for over in ["a", ":", "?"] {
            let mut screen = mara(&week::loading()).also(over);
            screen.wait(0.5).input(Input::Terminal(crossterm::event::Event::Key(control(letter))));
            assert_eq!(screen.effects, std::slice::from_ref(&does), "ctrl-{letter} in {over}");
        }
    }
}

#[test]
fn the_gate_of_what_people_do() {
    let story = week::by_hand();
    let mut screen = mara(&story);
    screen.press("s");
    assert_eq!(screen.effects, [Effect::Preview("uploads".into())]);
    let mut preview = Preview::undone_by("whoever did it: cutover has changed nothing");
    preview.setting("instructions", "find where the backend writes, and move it to an object store");
    let seen = Previewed { digest: preview.digest(), seq: story.events.len() as u64, preview };
    screen.answer(Answer::Previewed("uploads".into(), Ok(seen))).settle();
    screen.press("uploads<tab>");
    see("gate_by_hand", screen.press("s3://shop-uploads, 48 112 files compared"), COMMON);
}

#[test]
fn a_freeze_that_comes_while_somebody_types_is_not_aborted_by_what_they_type() {
    let mut screen = mara(&week::ready());
    screen.press("3").settle();
    screen.press("/").press("no");
    screen.view(week::frozen().view());
    screen.press("Access");
    assert_eq!(screen.effects, [], "the rest of a word is no order");
    screen.wait(0.5).press("A");
    assert!(matches!(screen.effects.first(), Some(Effect::Send(..))), "{:?}", screen.effects);

    let mut idle = mara(&week::ready());
    idle.wait(2.0).view(week::frozen().view());
    idle.press("A");
    assert!(matches!(idle.effects.first(), Some(Effect::Send(..))), "at once, where nobody typed: {:?}", idle.effects);
}

#[test]
fn leaving_a_gate_whose_order_was_sent_says_that_it_was() {
    let mut screen = gate(&week::ready(), None);
    screen.settle();
    screen.press("switch shop.example.com<enter>");
    assert!(matches!(screen.effects.first(), Some(Effect::Send(..))), "{:?}", screen.effects);
    screen.press("<esc>");
    assert!(text(&screen.drawn(WIDE)).contains("start dns was sent, and the engine decides: S stops what begins"));
}

#[test]
fn a_window_that_has_closed() {
    let mut story = week::ready();
    story.until("2026-03-06T05:12:00Z");
    see("gate_window_closed", gate(&story, None).settle(), COMMON);
}

#[test]
fn other_dialogs() {
    let loading = week::loading();
    for (keys, name) in [("S", "stop"), ("a", "note"), ("H", "hand")] {
        see(&format!("dialog_{name}"), mara(&loading).also(keys).settle(), COMMON);
    }
    see("dialog_answer", mara(&week::refused()).also("H").settle(), COMMON);
    see("dialog_hand_over", mara(&week::asked()).also("w").settle(), COMMON);
    see("dialog_adopt", mara(&week::refused()).also("d").settle(), COMMON);
    see("dialog_ask", Screen::of(loading.view(), "tom").also("w").settle(), COMMON);
    see("dialog_resume", Screen::of(loading.dead(), "mara").also("s").settle(), COMMON);
    see("dialog_release", mara(&loading).also("W").settle(), COMMON);
    see("dialog_end", mara(&week::refused()).also("E").settle(), COMMON);
    let mut silent = week::loading();
    silent.wait(90.0).live.driver_seen = None;
    see("dialog_take", Screen::of(silent.view(), "tom").also("w").settle(), COMMON);
    see("watcher", &Screen::of(loading.view(), "watcher"), COMMON);

    let story = week::switched();
    let mut screen = mara(&story);
    screen.press("kb");
    let Some(Effect::WayBack(step)) = screen.effects.first().cloned() else { panic!("{:?}", screen.effects) };
    let mut seen: Previewed = week::switch_preview(&story, None);
    seen.preview.conditions.clear();
    seen.preview.loses = Some(2);
    screen.answer(Answer::WayBack(step, Ok(seen))).settle();
    see("dialog_back", &screen, COMMON);
}

/// What is copied is not what fits: lines to their ends, from the first that is here to the newest.
fn copied_whole(screen: &mut Screen) {
    let whole = format!("{} the end", "a long line ".repeat(60));
    let at = screen.model.view.at;
    let line = Line { n: 3_011, at, step: None, level: Level::Info, text: whole.clone() };
    screen.wait(1.0).answer(Answer::Logs(Ok(Page { lines: vec![line], kept: (3_004, 3_011), began: at })));
    let Some(Effect::Copy(text)) = screen.press("c").effects.first().cloned() else { panic!("nothing is copied") };
    assert!(text.contains(&whole) && text.contains("orders: chunk 1 of") && text.contains("lines are missing here"));
    for (in_clipboard, says) in [(true, "copied; also in /run/copied.txt"), (false, "/run/copied.txt has it whole")] {
        let path = "/run/copied.txt".to_owned();
        screen.answer(Answer::Copied(Ok(Copied { path, in_clipboard })));
        assert!(self::text(&screen.drawn(COMMON)).contains(says), "{says}");
    }
}

impl Screen {
    fn also(mut self, keys: &str) -> Self {
        self.press(keys);
        self
    }

    /// A dialog that was opened takes keys.
    fn settle(&mut self) -> &Self {
        self.wait(0.5)
    }
}

fn log(story: &Story, first: u64, last: u64) -> Page {
    let line = |n: u64| {
        let (level, text) = match n % 20 {
            7 => (Level::Warn, format!("orders: chunk {n} deadlocked, tried again after 200 ms")),
            13 => (Level::Error, "tenants: lost connection to 10.0.1.12:3306 during a query".to_owned()),
            _ => (Level::Info, format!("orders: chunk {n} of 6 204 loaded, 48 588 rows, digest 5f1c{n:04x}")),
        };
        let at = story.now + jiff::SignedDuration::from_millis(i64::try_from(n).unwrap() * 250);
        Line { n, at, step: Some("restore".into()), level, text }
    };
    Page { lines: (first..=last).map(line).collect(), kept: (1, last), began: story.now }
}

/// The README's pictures are what is drawn today, or this fails; `INSTA_UPDATE=always` makes them anew.
#[test]
fn the_pictures_of_the_readme_are_not_stale() {
    let pictures = [
        ("week", mara(&week::loading()), WIDE, "The week, with the copy being loaded"),
        ("gate", gate(&week::ready(), None).also("<pgdn>"), (110, 34), "The gate of the switch, with its preview"),
        ("switch", mara(&week::frozen()), (110, 30), "The switch under way: budget, phases, abort"),
        ("failure", mara(&week::refused()), (110, 30), "A failure: what, why, the world now, the choices"),
    ];
    for (name, mut screen, size, title) in pictures {
        screen.wait(0.5);
        let svg = picture::svg(&screen.drawn(size), title);
        let path = format!("assets/pictures/{name}.svg");
        if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            std::fs::create_dir_all("assets/pictures").unwrap();
            std::fs::write(&path, &svg).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), svg, "{path} is stale");
    }
}
