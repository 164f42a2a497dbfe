//! Text from elsewhere, made harmless: what could move a cursor, change a colour, ring a bell or turn the
//! direction of writing reaches no terminal and no page.

use std::fmt::Write as _;

/// The text on one line, without escape sequences, control characters and marks of direction; a tab or a line's
/// end becomes a space.
pub fn line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => match letters.peek() {
                // CSI: parameters, then one final letter.
                Some('[') => {
                    letters.next();
                    while letters.next_if(|next| !('@'..='~').contains(next)).is_some() {}
                    letters.next();
                }
                // OSC, DCS, SOS, PM, APC: a string up to BEL or ST.
                Some(']' | 'P' | 'X' | '^' | '_') => {
                    while let Some(next) = letters.next() {
                        if next == '\u{7}' || next == '\u{1b}' && letters.next_if_eq(&'\\').is_some() {
                            break;
                        }
                    }
                }
                Some(_) => {
                    letters.next();
                }
                None => {}
            },
            '\t' | '\n' => plain.push(' '),
            letter if letter.is_control() || turns(letter) => {}
            letter => plain.push(letter),
        }
    }
    plain
}

/// The same for a text of several lines, each by itself.
pub fn lines(text: &str) -> String {
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// JSON whose strings mean what they meant, without a letter in it that turns the direction of writing: control
/// characters are escaped in JSON anyway.
pub fn json(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars() {
        if turns(letter) || letter.is_control() {
            // All of them are of the first plane, so one escape is enough.
            let _ = write!(plain, "\\u{:04x}", u32::from(letter));
        } else {
            plain.push(letter);
        }
    }
    plain
}

/// Marks that turn the direction of writing, or part lines in places that no terminal expects.
const fn turns(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::{json, line, lines};

    #[test]
    fn lines_stay_lines_and_json_means_the_same() {
        assert_eq!(lines("a\u{1b}[2J\n\n b\u{202e}\r\n"), "a\n\n b\n");
        let value = serde_json::json!({ "text": "a\u{202e}b\u{9b}c\u{1b}d\n中" });
        let made = json(&value.to_string());
        assert!(made.is_ascii() || !made.contains('\u{202e}') && !made.contains('\u{9b}') && !made.contains('\u{1b}'));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&made).unwrap(), value);
    }

    #[test]
    fn nothing_that_draws_is_left() {
        for (from, to) in [
            ("load\torders\nnow", "load orders now"),
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]52;c;ZXZpbA==\u{1b}\\after", "after"),
            ("\u{1b}Pq#0\u{1b}\\x", "x"),
            ("a\u{202e}b\u{2066}c\u{200f}", "abc"),
            ("bell\u{7}\u{9b}31m", "bell31m"),
            ("ends in \u{1b}", "ends in "),
            ("ends in \u{1b}[3", "ends in "),
            ("中文 é", "中文 é"),
        ] {
            assert_eq!(line(from), to, "{from:?}");
        }
    }
}
