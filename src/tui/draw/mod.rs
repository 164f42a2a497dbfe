//! From the model to the screen: two lines on top at every size, panels, one line of keys at the foot.
//!
//! Every panel is a list of lines; where they go is decided here alone. Nothing writes into the buffer by
//! index: whatever does not fit is cut by the widgets.

mod axis;
mod board;
mod changes;
mod dialog;
mod fit;
mod footer;
mod frame;
mod gate;
mod logs;
mod over;
mod people;
mod places;
mod preview;
mod risks;
mod step;
mod switch;
mod timeline;
mod top;
mod week;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::model::{Model, Tab};
use super::text;
use crate::domain::StepId;
use frame::Panel;
pub use places::Spot;
pub(super) use places::spot;

/// From so many columns on, panels stand side by side.
const WIDE: u16 = 120;

/// And from so many columns and rows on, log and risks stand beside them.
const LARGE: (u16, u16) = (180, 45);

/// The week keeps so many rows above a panel that needs the rest.
const WEEK_AT_LEAST: u16 = 6;

/// With fewer columns or rows there is one panel at a time.
const SMALL: (u16, u16) = (70, 20);

/// Whether the log stands beside the main panel on a terminal of that many columns and rows.
pub fn has_log_beside((columns, rows): (u16, u16)) -> bool {
    // The two lines on top and the one at the foot are not the panels'.
    columns >= LARGE.0 && rows >= LARGE.1 + 3
}

/// Draws the screen.
pub fn draw(model: &Model, frame: &mut Frame) {
    let area = frame.area();
    let [head, body, feet] = rows(area);
    top::draw(model, frame, head);
    panels(model, frame, body);
    footer::draw(model, frame, feet);
    if let Some(overlay) = &model.overlay {
        over::draw(model, overlay, frame, body);
    }
    if let Some(open) = &model.dialog {
        dialog::draw(model, open, frame, body);
    }
}

fn panels(model: &Model, frame: &mut Frame, area: Rect) {
    let places = places::places(model, area);
    if let Some(place) = places.week {
        week(model, frame, place);
    }
    if let Some(place) = places.main {
        panel(model, model.tab, frame, place, true);
    }
    for (tab, place) in [(Tab::Risks, places.risks), (Tab::Logs, places.logs)] {
        if let Some(place) = place {
            panel(model, tab, frame, place, false);
        }
    }
}

/// The two lines on top, the panels, and the line of keys.
fn rows(area: Rect) -> [Rect; 3] {
    let foot = u16::from(area.height > 3);
    Layout::vertical([Constraint::Length(2.min(area.height)), Constraint::Fill(1), Constraint::Length(foot)])
        .areas(area)
}

/// How many lines of the week are above the first that is shown: the selected one always is.
fn week_scroll(model: &Model, lines: &[(Option<StepId>, Line<'static>)], area: Rect) -> usize {
    let shown = usize::from(area.height.saturating_sub(1));
    week::at(model, lines).saturating_sub(shown.saturating_sub(2))
}

fn week(model: &Model, frame: &mut Frame, area: Rect) {
    let lines = week::lines(model, area.width);
    let scroll = week_scroll(model, &lines, area);
    let legend = week::legend(model, area.width).map(|legend| format!("  {legend}")).unwrap_or_default();
    let title = Line::from(vec![
        text::span("1 ", model.theme.dim),
        text::span("week", model.theme.title),
        text::span(legend, model.theme.dim),
    ]);
    let lines = lines.into_iter().map(|(_, line)| line).collect();
    frame::draw(frame, area, Panel { title, lines, scroll, focused: model.in_week, theme: &model.theme });
}

fn panel(model: &Model, tab: Tab, frame: &mut Frame, area: Rect, is_main: bool) {
    let (width, height) = (usize::from(area.width), usize::from(area.height.saturating_sub(1)));
    let mut lines = contents(model, tab, width, height);
    let longest = lines.len().saturating_sub(height);
    let scroll = if is_main && !matches!(tab, Tab::Logs | Tab::Timeline) { model.scroll.min(longest) } else { 0 };
    if longest > scroll && is_main && !matches!(tab, Tab::Logs | Tab::Timeline) && height > 1 {
        // The last line that fits says that there are more.
        let more = lines.len() - scroll - height + 1;
        lines.insert(scroll + height - 1, text::line(format!("  {more} more lines below"), model.theme.dim));
    }
    let title = title(model, tab, is_main);
    frame::draw(frame, area, Panel { title, lines, scroll, focused: is_main && !model.in_week, theme: &model.theme });
}

/// The panels' part of the terminal as it last said it is.
fn body_of(model: &Model) -> Rect {
    let (columns, height) = model.size;
    let [_, body, _] = rows(Rect::new(0, 0, columns, height));
    body
}

/// Columns and lines of the main panel; no lines where the terminal never said how large it is.
pub(super) fn main_room(model: &Model) -> (usize, usize) {
    let place = places::places(model, body_of(model)).main.unwrap_or_default();
    (usize::from(place.width), usize::from(place.height.saturating_sub(1)))
}

/// How far the main panel can be scrolled.
pub(super) fn longest_scroll(model: &Model) -> usize {
    let (width, height) = main_room(model);
    contents(model, model.tab, width, height).len().saturating_sub(height)
}

/// How far what lies over the panels can be scrolled, and how much of it is a page.
pub(super) fn overlay_room(model: &Model) -> (usize, usize) {
    model.overlay.as_ref().map_or((0, 1), |overlay| over::room(model, overlay, body_of(model)))
}

/// How far the dialog can be scrolled.
pub(super) fn longest_of_dialog(model: &Model) -> usize {
    model.dialog.as_ref().map_or(0, |open| dialog::longest(model, open, body_of(model)))
}

/// The tabs, the shown one bold; a panel beside them has its own title alone.
fn title(model: &Model, shown: Tab, is_main: bool) -> Line<'static> {
    let theme = &model.theme;
    let tabs = Tab::ALL.iter().zip(2..).filter(|(tab, _)| is_main || **tab == shown);
    let spans = tabs.flat_map(|(tab, number)| {
        let style = if *tab == shown { theme.title } else { theme.dim };
        [text::span(format!("{number} "), theme.dim), text::span(tab.title(), style), text::span("  ", theme.dim)]
    });
    Line::from(spans.collect::<Vec<_>>())
}

fn contents(model: &Model, tab: Tab, width: usize, height: usize) -> Vec<Line<'static>> {
    match tab {
        Tab::Step => step::lines(model, width),
        Tab::Logs => logs::lines(model, width, height),
        Tab::Risks => risks::lines(model, width),
        Tab::Timeline => timeline::lines(model, width, height),
        Tab::People => people::lines(model, width),
        Tab::Switch => switch::lines(model, width, height),
    }
}

/// The main panel as plain text, whole: what `copy` takes. No line of a log is cut in it.
pub(super) fn as_text(model: &Model) -> String {
    // The others set figures and rules at their right edge: they need one.
    let width = if matches!(model.tab, Tab::Logs | Tab::Timeline) { usize::from(u16::MAX) } else { 160 };
    let lines = contents(model, model.tab, width, 100_000);
    lines.iter().map(|line| line.to_string().trim_end().to_owned() + "\n").collect()
}
