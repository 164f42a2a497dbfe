//! Where the panels are on a screen of some size, and what is at one of its places.

use ratatui::layout::{Constraint, Layout, Position, Rect};

use super::{LARGE, SMALL, WEEK_AT_LEAST, WIDE, body_of, contents, week};
use crate::domain::StepId;
use crate::tui::model::{Model, Tab};
use crate::tui::text;

/// The week keeps so many columns beside a panel, and the panel so many beside the week.
const WEEK_AT_LEAST_WIDE: u16 = 56;
const MAIN_AT_LEAST_WIDE: u16 = 56;

/// The panels that have a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Places {
    pub week: Option<Rect>,
    pub main: Option<Rect>,
    pub risks: Option<Rect>,
    pub logs: Option<Rect>,
}

/// What somebody points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spot {
    /// The week, and the step whose line it is.
    Week(Option<StepId>),
    /// The main panel.
    Main,
    /// A tab's name, or a panel beside the main one.
    Tab(Tab),
}

/// Where the panels are.
pub(super) fn places(model: &Model, area: Rect) -> Places {
    if area.width < SMALL.0 || area.height + 3 < SMALL.1 {
        let alone = Some(area);
        let nothing = Places::default();
        return if model.in_week { Places { week: alone, ..nothing } } else { Places { main: alone, ..nothing } };
    }
    if area.width < WIDE {
        let height = week_height(model, area);
        let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Fill(1)]).areas(area);
        return Places { week: Some(above), main: Some(below), ..Places::default() };
    }
    let large = area.width >= LARGE.0 && area.height >= LARGE.1;
    let week = Constraint::Length(week_width(model, area.width, large));
    let [left, _, right] = Layout::horizontal([week, Constraint::Length(2), Constraint::Fill(1)]).areas(area);
    if !large {
        return Places { week: Some(left), main: Some(right), ..Places::default() };
    }
    let parts = [Constraint::Fill(3), Constraint::Fill(2)];
    let [week, risks] = Layout::vertical(parts).areas(left);
    let [main, logs] = Layout::vertical(parts).areas(right);
    let logs = (model.tab != Tab::Logs).then_some(logs);
    Places { week: Some(week), main: Some(main), risks: Some(risks), logs }
}

/// The week beside the main panel: the one where the keys are has the more room. Neither is so narrow that the week
/// loses its planned times, or the other its tabs.
fn week_width(model: &Model, width: u16, large: bool) -> u16 {
    let share: u32 = match (large, model.in_week) {
        (true, _) => 50,
        (false, true) => 55,
        (false, false) => 42,
    };
    let shared = u16::try_from(u32::from(width) * share / 100).unwrap_or(width);
    shared.clamp(WEEK_AT_LEAST_WIDE, width.saturating_sub(2 + MAIN_AT_LEAST_WIDE))
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

/// What is at that column and row of the terminal.
pub(in crate::tui) fn spot(model: &Model, (column, row): (u16, u16)) -> Option<Spot> {
    let places = places(model, body_of(model));
    let at = Position::new(column, row);
    let within = |place: Option<Rect>| place.filter(|place| place.contains(at));
    if let Some(place) = within(places.week) {
        let lines = week::lines(model, place.width);
        let line =
            usize::from(row - place.y).checked_sub(1).map(|line| line + super::week_scroll(model, &lines, place));
        return Some(Spot::Week(line.and_then(|line| lines.get(line)?.0.clone())));
    }
    if let Some(place) = within(places.main) {
        let named = (row == place.y).then(|| tab_at(usize::from(column - place.x))).flatten();
        return Some(named.map_or(Spot::Main, Spot::Tab));
    }
    let beside = within(places.risks).map(|_| Tab::Risks).or_else(|| within(places.logs).map(|_| Tab::Logs));
    beside.map(Spot::Tab)
}

/// The tab whose name is at that column of the main panel's title.
fn tab_at(column: usize) -> Option<Tab> {
    let mut from = 1;
    Tab::ALL.into_iter().find(|tab| {
        let wide = text::width(tab.title()) + 4;
        let here = (from..from + wide).contains(&column);
        from += wide;
        here
    })
}
