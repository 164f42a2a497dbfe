//! Items on a line that may be too short for them: the least important one is shortened, or left out, as a whole. A
//! figure is never cut: half of one is another figure.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::tui::text::{self, span};

/// A name is not cut to less than so many columns.
const SHORTEST: usize = 10;

/// So many columns of a name tell it apart at a glance; a second one is told where both have them.
const PLAIN: usize = 12;

/// What stands between two names.
const GAP: &str = "  ";

/// Something that a line says, in its words and in shorter ones.
pub(super) struct Item {
    /// The longest first.
    forms: Vec<String>,
    style: Style,
}

impl Item {
    /// Something that may be said in fewer words.
    pub(super) fn new(forms: impl IntoIterator<Item = String>, style: Style) -> Self {
        Self { forms: forms.into_iter().collect(), style }
    }

    fn width(&self) -> usize {
        self.forms.first().map_or(0, |form| text::width(form))
    }

    /// Says it in its next form; nothing where there is none.
    fn shorten(&mut self) -> Option<()> {
        (!self.forms.is_empty()).then(|| drop(self.forms.remove(0)))
    }
}

fn width(items: &[Item]) -> usize {
    items.iter().map(Item::width).sum()
}

/// Makes room: shortens the items, by their places in the order in which they may go, until they fit. `whole` keeps
/// the last form of each.
pub(super) fn squeeze(items: &mut [Item], order: &[usize], columns: usize, whole: bool) {
    for at in order {
        while width(items) > columns {
            let item = items.get_mut(*at).filter(|item| !whole || item.forms.len() > 1);
            if item.and_then(Item::shorten).is_none() {
                break;
            }
        }
    }
}

/// The items as they are said now.
pub(super) fn spans(items: Vec<Item>) -> Vec<Span<'static>> {
    items.into_iter().filter_map(|item| item.forms.first().map(|form| span(form, item.style))).collect()
}

/// As many names as there is room for, most important first. Each is cut in its middle, because ends tell them apart;
/// what one of them does not need is the next one's.
pub(super) fn names(names: &[(Option<&str>, &str)], columns: usize) -> Vec<String> {
    // With much room a few are told in full with what they are; with little each is only itself.
    let each = if columns >= 2 * (PLAIN * 2 + GAP.len()) { PLAIN * 2 } else { PLAIN } + GAP.len();
    let one = usize::from(columns >= SHORTEST + GAP.len());
    let count = names.len().min((columns / each).max(one));
    let mut left = columns;
    let mut told = Vec::with_capacity(count);
    for (at, (label, name)) in names.iter().take(count).enumerate() {
        let share = (left / (count - at)).saturating_sub(GAP.len());
        let labelled = label.filter(|label| share >= text::width(label) + 1 + PLAIN);
        let room = share.saturating_sub(labelled.map_or(0, |label| text::width(label) + 1));
        let label = labelled.map(|label| format!("{label} ")).unwrap_or_default();
        let name = format!("{GAP}{label}{}", text::middle(name, room));
        left = left.saturating_sub(text::width(&name));
        told.push(name);
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(columns: usize, whole: bool) -> String {
        let item = |forms: &[&str]| Item::new(forms.iter().map(|form| (*form).to_owned()), Style::new());
        let mut items = [item(&[" SHUT"]), item(&[" 9.1 s left", " 9.1 s"]), item(&[" 23 to 26 h left", " 20 h"])];
        squeeze(&mut items, &[2, 1, 0], columns, whole);
        spans(items.into()).into_iter().map(|span| span.content.into_owned()).collect()
    }

    #[test]
    fn what_does_not_fit_is_said_shorter_or_not_at_all_and_never_cut() {
        let fits = |columns| line(columns, false);
        assert_eq!(fits(32), " SHUT 9.1 s left 23 to 26 h left");
        assert_eq!(fits(31), " SHUT 9.1 s left 20 h");
        assert_eq!(fits(20), " SHUT 9.1 s left");
        assert_eq!((fits(11), fits(10), fits(2)), (" SHUT 9.1 s".into(), " SHUT".into(), String::new()));
        assert_eq!(line(2, true), " SHUT 9.1 s 20 h", "nothing is left out where all of it has to stay");
    }

    #[test]
    fn names_are_cut_in_their_middle_and_told_with_what_they_are_where_there_is_room() {
        let known = [(None, "shop.example.com"), (Some("Kubernetes"), "shop-eks a7ce927d-d620-47b2-8fb4-593e258632d4")];
        assert_eq!(names(&known, 11), [] as [&str; 0]);
        assert_eq!(names(&known, 13), ["  shop.…e.com"]);
        assert_eq!(names(&known, 18), ["  shop.example.com"]);
        assert_eq!(names(&known, 34), ["  shop.ex…ple.com", "  shop-ek…58632d4"]);
        assert_eq!(names(&known[1..], 24), ["  shop-eks a…93e258632d4"]);
        assert_eq!(names(&known, 60), ["  shop.example.com", "  Kubernetes shop-eks a7ce9…4-593e258632d4"]);
    }
}
