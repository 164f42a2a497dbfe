//! A panel: a bold title and lines under it, told apart by space; a frame stands only around a dialog.

use ratatui::Frame;
use ratatui::layout::{Constraint, Flex, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Block, BorderType, Clear, Padding, Paragraph};

use crate::tui::text;
use crate::tui::theme::Theme;

/// A panel and what is in it.
pub(super) struct Panel<'a> {
    pub title: Line<'static>,
    pub lines: Vec<Line<'static>>,
    /// So many lines are above the first that is shown.
    pub scroll: usize,
    pub focused: bool,
    pub theme: &'a Theme,
}

pub(super) fn draw(frame: &mut Frame, area: Rect, panel: Panel<'_>) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let mark = if panel.focused { panel.theme.symbols.of("▌", "|") } else { " " };
    let mut title = panel.title;
    title.spans.insert(0, text::span(mark, panel.theme.accent));
    frame.render_widget(Paragraph::new(title), head);
    let height = usize::from(body.height);
    let lines: Vec<_> = panel.lines.into_iter().skip(panel.scroll).take(height).collect();
    frame.render_widget(Paragraph::new(lines), body);
}

/// A frame over the panels, at most so large, and the room inside it.
pub(super) fn over(frame: &mut Frame, area: Rect, (width, height): (u16, u16), title: &str, theme: &Theme) -> Rect {
    let [row] = Layout::vertical([Constraint::Length(height.min(area.height))]).flex(Flex::Center).areas(area);
    let [place] = Layout::horizontal([Constraint::Length(width.min(area.width))]).flex(Flex::Center).areas(row);
    frame.render_widget(Clear, place);
    let kind = if theme.symbols.of("x", "") == "x" { BorderType::Rounded } else { BorderType::Plain };
    let mut block = Block::bordered().border_type(kind).border_style(theme.accent).padding(Padding::horizontal(1));
    if theme.symbols.of("x", "").is_empty() {
        let plain = ratatui::symbols::border::Set {
            top_left: "+",
            top_right: "+",
            bottom_left: "+",
            bottom_right: "+",
            vertical_left: "|",
            vertical_right: "|",
            horizontal_top: "-",
            horizontal_bottom: "-",
        };
        block = block.border_set(plain);
    }
    let block = block.title(Line::from(vec![
        text::span(" ", theme.dim),
        text::span(title, theme.title),
        text::span(" ", theme.dim),
    ]));
    let inside = block.inner(place);
    frame.render_widget(block, place);
    inside
}
