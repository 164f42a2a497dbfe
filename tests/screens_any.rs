//! Any moment of the week on a terminal of any size, after any keys: it is drawn, and what one must never have to
//! look for stands where it always stands.

#![expect(clippy::unwrap_used, clippy::string_slice, reason = "a test says by a panic that it failed")]

#[path = "support/screen.rs"]
mod screen;
#[path = "support/story.rs"]
mod story;
#[path = "support/week.rs"]
mod week;

use cutover::protocol::view::View;
use cutover::tui::theme::Theme;
use cutover::tui::update::{Answer, Effect};
use jiff::SignedDuration;
use proptest::prelude::*;
use screen::{Screen, text};
use story::Story;

/// What is always readable is so from this size on.
const READABLE: (u16, u16) = (60, 15);

fn any_story() -> impl Strategy<Value = Story> {
    (0..3_usize, any::<prop::sample::Index>(), 0..200_000_i64).prop_map(|(chapter, cut, later)| {
        let chapters = [week::over, week::taken_back, week::loading];
        let mut story = chapters[chapter]();
        // Any moment: the journal as it was then, and some time after.
        let kept = cut.index(story.events.len()) + 1;
        story.events.truncate(kept);
        story.now = story.events.last().unwrap().at + SignedDuration::from_millis(later);
        story
    })
}

fn any_keys() -> impl Strategy<Value = Vec<&'static str>> {
    let keys = [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "j",
        "k",
        "<tab>",
        "<enter>",
        "<esc>",
        "<end>",
        "s",
        "S",
        "A",
        "b",
        "d",
        "p",
        "n",
        "a",
        "H",
        "w",
        "i",
        "?",
        ":",
        "/",
        "f",
        "o",
        "v",
        "z",
        "c",
        "x",
        "y",
        "界",
        "<ctrl-l>",
        "<backspace>",
    ];
    prop::collection::vec(prop::sample::select(keys.to_vec()), 0..12)
}

fn any_size() -> impl Strategy<Value = (u16, u16)> {
    prop_oneof![(0..220_u16, 0..70_u16), (60..220_u16, 15..70_u16), (0..4_u16, 0..4_u16)]
}

/// Presses keys as a driver would, with answers for what they ask.
fn press(screen: &mut Screen, story: &Story, keys: &[&str]) {
    for key in keys {
        screen.wait(0.5).press(key);
        for effect in std::mem::take(&mut screen.effects) {
            let answer = match effect {
                Effect::Preview(step) => Answer::Previewed(step, Ok(week::switch_preview(story, None))),
                Effect::WayBack(step) => Answer::WayBack(step, Ok(week::switch_preview(story, Some("9 s behind")))),
                Effect::Journal(after) => {
                    Answer::Journal(Ok(story.events.iter().filter(|event| event.seq > after).cloned().collect()))
                }
                Effect::ViewAt(seq) => Answer::Past(Ok(Box::new(story.past(seq)))),
                _ => continue,
            };
            screen.answer(answer);
        }
    }
}

fn readable(screen: &Screen, view: &View, drawn: &str) -> Result<(), TestCaseError> {
    let mut lines = drawn.lines();
    let (first, second) = (lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    prop_assert!(first.starts_with(" PRODUCTION "), "{drawn}");
    for (service, _) in &view.fences {
        prop_assert!(first.contains(&format!("FENCE {service}")), "{drawn}");
    }
    let named = |text: &str| view.current.as_ref().is_none_or(|step| text.contains(step.as_str()));
    let asked = second.contains("WAITING FOR YOU") || second.contains("FREEZE") || second.contains("FENCE SHUT");
    let covered = screen.model.dialog.is_some() || screen.model.overlay.is_some();
    prop_assert!(named(second) || asked || covered || named(drawn), "the current step is nowhere:\n{drawn}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn it_is_drawn_and_the_first_two_lines_say_where_this_is(
        story in any_story(), keys in any_keys(), size in any_size(), theme in 0..3_usize, colour: bool, ascii: bool, alive: bool,
    ) {
        let view = if alive { story.view() } else { story.dead() };
        let theme = Theme::named(Theme::NAMES[theme], colour, ascii).unwrap();
        let mut screen = Screen::themed(view, "mara", theme);
        press(&mut screen, &story, &keys);
        let drawn = text(&screen.drawn(size));
        if size.0 >= READABLE.0 && size.1 >= READABLE.1 && screen.model.past.is_none() {
            readable(&screen, &screen.model.view, &drawn)?;
        }
    }
}
