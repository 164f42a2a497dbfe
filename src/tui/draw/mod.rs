//! From the model to the screen: two lines on top at every size, panels, one line of keys at the foot.
//!
//! Every panel is a list of lines; where they go is decided here alone. Nothing writes into the buffer by
//! index: whatever does not fit is cut by the widgets.

mod board;
mod changes;
mod dialog;
mod footer;
mod frame;
mod gate;
mod logs;
mod over;
mod people;
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
use frame::Panel;

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
    let foot = u16::from(area.height > 3);
    let rows = [Constraint::Length(2.min(area.height)), Constraint::Fill(1), Constraint::Length(foot)];
    let [head, body, feet] = Layout::vertical(rows).areas(area);
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

/// Where the panels are.
fn panels(model: &Model, frame: &mut Frame, area: Rect) {
    if area.width < SMALL.0 || area.height + 3 < SMALL.1 {
        if model.in_week {
            week(model, frame, area);
        } else {
            main(model, frame, area);
        }
        return;
    }
    if area.width < WIDE {
        let height = week_height(model, area);
        let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
        week(model, frame, above);
        main(model, frame, below);
        return;
    }
    let columns = [Constraint::Percentage(42), Constraint::Length(2), Constraint::Fill(1)];
    let [left, _, right] = Layout::horizontal(columns).areas(area);
    if area.width < LARGE.0 || area.height < LARGE.1 {
        week(model, frame, left);
        main(model, frame, right);
        return;
    }
    let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(left);
    week(model, frame, above);
    panel(model, Tab::Risks, frame, below, false);
    let [above, below] = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]).areas(right);
    main(model, frame, above);
    if model.tab != Tab::Logs {
        panel(model, Tab::Logs, frame, below, false);
    }
}

/// The week above the main panel: at most half of the room, and less where the other needs more, because what
/// failed and what can be done about it is there.
fn week_height(model: &Model, area: Rect) -> u16 {
    let rows = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX).saturating_add(1);
    let week = rows(week::lines(model, area.width).len()).saturating_add(1);
    let follows = matches!(model.tab, Tab::Logs | Tab::Timeline);
    let needed =
        if follows { area.height / 2 } else { rows(contents(model, model.tab, usize::from(area.width), 0).len()) };
    let left = area.height.saturating_sub(needed).max(WEEK_AT_LEAST);
    week.min(area.height / 2).min(left)
}

fn week(model: &Model, frame: &mut Frame, area: Rect) {
    let lines = week::lines(model, area.width);
    let at = week::at(model, &lines);
    let shown = usize::from(area.height.saturating_sub(1));
    let scroll = at.saturating_sub(shown.saturating_sub(2));
    let title = Line::from(vec![text::span("1 ", model.theme.dim), text::span("week", model.theme.title)]);
    let lines = lines.into_iter().map(|(_, line)| line).collect();
    frame::draw(frame, area, Panel { title, lines, scroll, focused: model.in_week, theme: &model.theme });
}

fn main(model: &Model, frame: &mut Frame, area: Rect) {
    panel(model, model.tab, frame, area, true);
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
        Tab::Switch => switch::lines(model, width),
    }
}

/// The main panel as plain text, whole: what `copy` takes.
pub(super) fn as_text(model: &Model) -> String {
    let lines = contents(model, model.tab, 160, 10_000);
    lines.iter().map(|line| line.to_string().trim_end().to_owned() + "\n").collect()
}
