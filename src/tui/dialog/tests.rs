//! What a dialog takes, and what it never does.

#![allow(clippy::indexing_slicing, reason = "a test says by a panic that it failed")]

use super::*;

/// Longer than the repeats of a held key are apart.
const HELD: Duration = Duration::from_millis(1_100);

fn press(code: KeyCode) -> KeyEvent {
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn gate() -> Dialog {
    Dialog::open(Kind::Note, vec![Field::exactly("type", "shop")], Duration::ZERO)
}

/// A gate that was opened with that key, and takes keys.
fn armed(opener: char) -> (Dialog, Duration) {
    let mut dialog = gate().opened_by(Some(KeyCode::Char(opener)), Duration::ZERO);
    dialog.silence(ARMS_AFTER);
    assert!(dialog.is_armed());
    (dialog, ARMS_AFTER)
}

fn types(dialog: &mut Dialog, letters: &str, mut now: Duration) {
    for letter in letters.chars() {
        now += Duration::from_millis(30);
        dialog.key(&press(KeyCode::Char(letter)), now, false);
    }
}

#[test]
fn a_held_key_never_arms_it_and_enter_alone_confirms_nothing() {
    let mut dialog = gate();
    let mut now = Duration::ZERO;
    for _ in 0..30 {
        now += Duration::from_millis(30);
        assert_eq!(dialog.key(&press(KeyCode::Char('y')), now, false), Took::Key);
        dialog.silence(now + Duration::from_millis(20));
    }
    assert_eq!(dialog.fields[0].text, "");
    now += ARMS_AFTER;
    dialog.silence(now);
    for _ in 0..30 {
        assert_eq!(dialog.key(&press(KeyCode::Enter), now, false), Took::Key);
    }
    types(&mut dialog, "shop", now);
    assert_eq!(dialog.key(&press(KeyCode::Enter), now, false), Took::Submit);
}

#[test]
fn keys_that_piled_up_while_the_terminal_was_slow_are_dropped() {
    let mut dialog = gate();
    let late = ARMS_AFTER * 9;
    for letter in "shop".chars() {
        dialog.key(&press(KeyCode::Char(letter)), late, false);
    }
    dialog.silence(late + Duration::from_millis(100));
    assert!(!dialog.is_armed() && dialog.fields[0].text.is_empty());
    dialog.silence(late + ARMS_AFTER);
    assert!(dialog.is_armed());
}

#[test]
fn the_opening_key_types_nothing_while_it_is_held_and_a_letter_once_it_is_not() {
    // The first repeat comes half a second after the press, when the dialog is armed.
    let (mut dialog, now) = armed('s');
    types(&mut dialog, &"s".repeat(30), now);
    assert!(dialog.fields[0].text.is_empty() && !dialog.is_armed());
    // A phrase may begin with the letter that opens its gate.
    let (mut dialog, now) = armed('s');
    types(&mut dialog, "shop", now);
    assert!(dialog.is_met());
    // Or with two of them, typed one at a time.
    let (mut dialog, now) = armed('s');
    types(&mut dialog, "s", now);
    types(&mut dialog, "ssh", now + HELD);
    assert_eq!(dialog.fields[0].text, "", "the second and third are too close");
    let (mut dialog, now) = armed('s');
    types(&mut dialog, "s", now);
    types(&mut dialog, "sh", now + HELD);
    assert_eq!(dialog.fields[0].text, "ssh");
}

#[test]
fn a_refused_order_is_not_sent_again_by_an_enter_that_is_held() {
    let (mut dialog, now) = armed('s');
    types(&mut dialog, "shop", now);
    assert_eq!(dialog.key(&press(KeyCode::Enter), now, false), Took::Submit);
    dialog.refuse(Failure::refused("the world changed"), now);
    let mut later = now;
    for _ in 0..100 {
        later += Duration::from_millis(30);
        dialog.silence(later);
        assert_eq!(dialog.key(&press(KeyCode::Enter), later, false), Took::Key);
    }
    dialog.silence(later + ARMS_AFTER);
    assert_eq!(dialog.key(&press(KeyCode::Enter), later + HELD, false), Took::Key, "it is typed again first");
}

#[test]
fn a_paste_fills_words_and_never_a_phrase() {
    let (mut dialog, now) = armed('s');
    assert!(!dialog.paste("shop", now) && dialog.fields[0].text.is_empty());
    let mut note = Dialog::open(Kind::Note, vec![Field::words("what", false)], Duration::ZERO);
    assert!(!note.paste("x", ARMS_AFTER * 2), "not before it takes keys");
    note.silence(ARMS_AFTER * 3);
    assert!(note.paste("two\nlines\u{1b}[31m", ARMS_AFTER * 3));
    assert_eq!(note.fields[0].text, "two lines");
}

#[test]
fn nothing_is_typed_while_it_is_blocked_and_leaving_is_always_possible() {
    assert_eq!(gate().key(&press(KeyCode::Esc), Duration::ZERO, false), Took::Leave);
    let (mut dialog, now) = armed('s');
    dialog.key(&press(KeyCode::Char('s')), now, true);
    assert_eq!(dialog.fields[0].text, "");
}
