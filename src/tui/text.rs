//! Text on a screen: harmless, measured in columns and not in bytes, cut where it tells least.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

use crate::domain::plain;

/// A piece of text in a style; whatever it came from, it draws nothing but itself.
pub fn span(text: impl AsRef<str>, style: Style) -> Span<'static> {
    Span::styled(plain::line(text.as_ref()), style)
}

/// A line of one piece.
pub fn line(text: impl AsRef<str>, style: Style) -> Line<'static> {
    Line::from(span(text, style))
}

/// How many columns a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The beginning of a text, at most so many columns, with a mark where something was cut.
pub fn start(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    taken(text.graphemes(true), columns.saturating_sub(1)) + if columns > 0 { "…" } else { "" }
}

/// The end of a text, at most so many columns, with a mark where something was cut.
pub fn end(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let tail = taken(text.graphemes(true).rev(), columns.saturating_sub(1));
    let mark = if columns > 0 { "…" } else { "" };
    std::iter::once(mark).chain(tail.graphemes(true).rev()).collect()
}

/// A text cut in its middle: what tells two names apart is at their ends.
pub fn middle(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let left = columns.saturating_sub(1);
    let head = taken(text.graphemes(true), left / 2);
    let tail = taken(text.graphemes(true).rev(), left.saturating_sub(width(&head)));
    let tail: String = tail.graphemes(true).rev().collect();
    head + if columns > 0 { "…" } else { "" } + &tail
}

/// A text filled up with spaces on its right, or cut, to exactly so many columns.
pub fn left(text: &str, columns: usize) -> String {
    let cut = start(text, columns);
    let missing = columns.saturating_sub(width(&cut));
    cut + &" ".repeat(missing)
}

/// The same on its left: digits stand under digits.
pub fn right(text: &str, columns: usize) -> String {
    let cut = start(text, columns);
    " ".repeat(columns.saturating_sub(width(&cut))) + &cut
}

/// A text in lines of at most so many columns, parted between words where that can be.
pub fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_word_bounds() {
        let wide = width(word);
        if used + wide > columns && used > 0 {
            lines.push(String::new());
            used = 0;
            if word.trim().is_empty() {
                continue;
            }
        }
        for grapheme in word.graphemes(true) {
            let wide = width(grapheme);
            if used + wide > columns && used > 0 {
                lines.push(String::new());
                used = 0;
            }
            if let Some(last) = lines.last_mut() {
                last.push_str(grapheme);
            }
            used += wide;
        }
    }
    lines
}

fn taken<'a>(graphemes: impl Iterator<Item = &'a str>, columns: usize) -> String {
    let mut used = 0;
    let fits = |grapheme: &&str| {
        used += width(grapheme);
        used <= columns
    };
    graphemes.take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_measured_in_columns_and_cut_where_it_tells_least() {
        assert_eq!(start("restore", 4), "res…");
        assert_eq!(middle("arn:aws:eks:eu-west-1:111:cluster/blue", 15), "arn:aws…er/blue");
        assert_eq!((end("restore", 4), end("中文中", 4), end("abc", 0)), ("…ore".into(), "…中".into(), String::new()));
        assert_eq!(middle("abc", 0), "");
        assert_eq!(left("中文", 3), "中…");
        assert_eq!((left("ab", 4), right("ab", 4)), ("ab  ".to_owned(), "  ab".to_owned()));
        assert_eq!(width(&middle("中文中文中文", 7)), 7);
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(start("e\u{301}tude", 3), "e\u{301}t…");
        assert_eq!(span("a\u{1b}[31mb\u{202e}c", Style::new()).content, "abc");
    }
}
