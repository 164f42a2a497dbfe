//! A terminal's screen as an SVG: what the README shows, made by the tests and so never stale.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr as _;

/// A column and a row, in tenths of a pixel.
const COLUMN: usize = 84;
const ROW: usize = 180;

/// Around the text, in tenths of a pixel.
const MARGIN: usize = 140;

const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d8dce4";

/// The screen as a picture, dark as most terminals are.
pub fn svg(buffer: &Buffer, title: &str) -> String {
    let (columns, rows) = (usize::from(buffer.area.width), usize::from(buffer.area.height));
    let (width, height) = (columns * COLUMN + 2 * MARGIN, rows * ROW + 2 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{title}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        tenths(width),
        tenths(height)
    );
    for (y, row) in buffer.content.chunks(columns.max(1)).enumerate() {
        for run in runs(row) {
            draw(&mut svg, y, &run);
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

/// Neighbours of one style.
struct Run<'a> {
    column: usize,
    columns: usize,
    text: String,
    like: &'a Cell,
}

fn runs(row: &[Cell]) -> Vec<Run<'_>> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    let mut covered = 0;
    for (column, cell) in row.iter().enumerate() {
        if covered > 0 {
            covered -= 1;
            continue;
        }
        let columns = cell.symbol().width().max(1);
        covered = columns - 1;
        match runs.last_mut() {
            Some(run) if run.like.style() == cell.style() => {
                run.text.push_str(cell.symbol());
                run.columns += columns;
            }
            _ => runs.push(Run { column, columns, text: cell.symbol().to_owned(), like: cell }),
        }
    }
    runs
}

fn draw(svg: &mut String, y: usize, run: &Run<'_>) {
    let (x, top) = (MARGIN + run.column * COLUMN, MARGIN + y * ROW);
    let modifier = run.like.modifier;
    let reversed = modifier.contains(Modifier::REVERSED);
    let (mut ink, mut paper) = (hex(run.like.fg, FOREGROUND), hex(run.like.bg, BACKGROUND));
    if reversed {
        std::mem::swap(&mut ink, &mut paper);
    }
    if paper != BACKGROUND {
        let (x, y, width, height) = (tenths(x), tenths(top), tenths(run.columns * COLUMN), tenths(ROW));
        let _ = writeln!(svg, "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{paper}\"/>");
    }
    let weight = if modifier.contains(Modifier::BOLD) { " font-weight=\"700\"" } else { "" };
    let line = if modifier.contains(Modifier::UNDERLINED) { " text-decoration=\"underline\"" } else { "" };
    for (column, words) in parts(&run.text) {
        let (x, y, long) = (tenths(x + column * COLUMN), tenths(top + 132), tenths(words.width() * COLUMN));
        let text = words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ =
            writeln!(svg, "<text x=\"{x}\" y=\"{y}\" textLength=\"{long}\" fill=\"{ink}\"{weight}{line}>{text}</text>");
    }
}

/// Words with what is at most one blank between them, each at its column: so they stand where they should in any font.
fn parts(text: &str) -> Vec<(usize, &str)> {
    let mut parts = Vec::new();
    let mut column = 0;
    for part in text.split("  ") {
        let words = part.trim();
        if !words.is_empty() {
            let before = part.len() - part.trim_start().len();
            parts.push((column + before, words));
        }
        column += part.width() + 2;
    }
    parts
}

fn tenths(length: usize) -> String {
    format!("{}.{}", length / 10, length % 10)
}

/// A terminal's sixteen colours.
fn hex(colour: Color, plain: &'static str) -> &'static str {
    match colour {
        Color::Black => "#16181d",
        Color::Red | Color::LightRed => "#e5534b",
        Color::Green | Color::LightGreen => "#57ab5a",
        Color::Yellow | Color::LightYellow => "#e0b341",
        Color::Blue | Color::LightBlue => "#539bf5",
        Color::Magenta | Color::LightMagenta => "#b083f0",
        Color::Cyan | Color::LightCyan => "#39c5cf",
        Color::White => "#ffffff",
        Color::Gray => "#adbac7",
        Color::DarkGray => "#7d8590",
        _ => plain,
    }
}
