//! The step: before it starts what it would change; while it runs how far it is; afterwards what it did, with
//! its evidence; where it failed, what now.

use ratatui::style::Style;
use ratatui::text::Line;

use super::fit::{Item, spans, squeeze};
use super::preview::{self, indented};
use super::{changes, gate};
use crate::domain::check::Verdict;
use crate::domain::figure;
use crate::domain::state::{Direction, Status};
use crate::protocol::live::Meter;
use crate::protocol::view::{Choice, PartState, Step, View};
use crate::tui::action::Action;
use crate::tui::changed::Figure;
use crate::tui::model::Model;
use crate::tui::text::{self, line, span};
use crate::tui::theme::Theme;

pub(super) fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let (view, theme) = (model.shown(), &model.theme);
    let Some(step) = model.step() else { return vec![line(" the runbook has no steps", theme.dim)] };
    let mut lines = Vec::new();
    if let Some(past) = &model.past {
        // The sentence on top is of now.
        let said = past.sentence.to_others(past.driver.as_ref());
        lines.extend(indented(&format!("at {}: {said}", past.at.strftime("%a %H:%MZ")), 1, width, theme.title));
    }
    lines.push(heading(step, model, width));
    if matches!(step.status, Status::Pending | Status::RolledBack) {
        lines.extend(gate::lines(view, step, width, theme));
    }
    lines.extend(what_now(model, step, width));
    if matches!(step.status, Status::Pending | Status::RolledBack | Status::Failed) && !view.past {
        lines.extend(previewed(model, step, width));
    }
    if view.past && step.status == Status::Running && view.figures_since.is_some_and(|since| view.at < since) {
        lines.push(line(" what was counted then is not kept any more", theme.title));
    }
    lines.extend(step.meters.iter().flat_map(|meter| meter_lines(model, meter, step, width)));
    lines.extend(changes::lines(step, view.at, width, theme));
    lines.extend(section("checks", theme, &step.checks, |check| {
        let (sign, style) = match check.verdict {
            Verdict::Passed => (theme.symbols.of("✓", "+"), theme.good),
            Verdict::Failed => (theme.symbols.of("✗", "x"), theme.bad),
            Verdict::Noted => (theme.symbols.of("⋅", "."), theme.dim),
        };
        let mut lines = vec![Line::from(vec![
            span(format!(" {sign} "), style),
            span(text::start(&check.fact, width.saturating_sub(3)), Style::new()),
        ])];
        if !check.evidence.is_empty() {
            lines.extend(indented(&check.evidence, 5, width, theme.dim));
        }
        lines
    }));
    if let Some(companion) = &step.companion {
        let style = if companion.healthy { theme.good } else { theme.bad };
        lines.push(line("", theme.dim));
        lines.extend(indented(&format!("left running: {}", companion.detail), 1, width, style));
    }
    lines.extend(section("outputs", theme, &step.outputs, |(name, value)| {
        vec![Line::from(vec![
            span(format!("   {} ", text::left(name, 20)), theme.dim),
            span(text::middle(value, width.saturating_sub(24)), Style::new()),
        ])]
    }));
    lines
}

/// Its id, and as much of the rest as there is room for: what the week says as well goes first.
fn heading(step: &Step, model: &Model, width: usize) -> Line<'static> {
    let theme = &model.theme;
    let (symbol, style) = theme.status(step.status, step.direction);
    let status = match (step.status, step.direction) {
        (Status::Pending, _) => "not started",
        (Status::Running, Direction::Back) => "being taken back",
        (Status::Running, _) => "running",
        (Status::Done, _) => "done",
        (Status::Adopted, _) => "adopted",
        (Status::Failed, Direction::Back) => "half taken back",
        (Status::Failed, _) => "failed",
        (Status::RolledBack, _) => "taken back",
        (Status::InDoubt, _) => "in doubt: its engine went away in the middle",
    };
    let attempt = if step.attempt > 1 { format!(", attempt {}", step.attempt) } else { String::new() };
    let took = step.took_s.map(|took| format!(", {}", figure::seconds(took))).unwrap_or_default();
    let short = status.split(": ").next().unwrap_or(status);
    let mut items = [
        Item::new([format!("  {}", step.action)], Style::new()),
        Item::new([status, short].map(|status| format!("  {status}{attempt}{took}")), Style::new()),
        Item::new([format!("  {}, day {}", step.owner, step.day), format!("  day {}", step.day)], theme.dim),
    ];
    let room = width.saturating_sub(3 + text::width(step.id.as_str()));
    squeeze(&mut items, &[2, 1], room, true);
    squeeze(&mut items, &[2, 0], room, false);
    let head = [span(format!(" {symbol} "), style), span(step.id.as_str(), theme.title)];
    Line::from(head.into_iter().chain(spans(items.into())).collect::<Vec<_>>())
}

/// Where it failed: what, why, what the world looks like now; and what can be done with it.
pub(super) fn what_now(model: &Model, step: &Step, width: usize) -> Vec<Line<'static>> {
    let failed = (step.status == Status::Failed).then(|| failure(model.shown(), step, width, &model.theme));
    failed.into_iter().flatten().chain(choices(model, step, width)).collect()
}

fn failure(view: &View, step: &Step, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(failure) = &step.failure else { return Vec::new() };
    let mut lines = preview::failure(failure, 1, width, theme);
    let count = |state| step.parts.iter().filter(|part| part.state == state).count();
    let (done, doubt) = (count(PartState::Done), count(PartState::Doing));
    let fences =
        view.fences.iter().map(|(service, _)| format!("the {service} is fenced")).collect::<Vec<_>>().join(", ");
    let fences = if fences.is_empty() { "no fence is shut: tenants are served as before".to_owned() } else { fences };
    let doubt = if doubt > 0 { format!(", {doubt} in doubt") } else { String::new() };
    lines.extend(indented(&format!("now: {done} of its changes stand{doubt}; {fences}"), 1, width, Style::new()));
    lines
}

fn choices(model: &Model, step: &Step, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    let key = |choice: &Choice| {
        model.keymap.key(match choice.verb.as_str() {
            "stop" => Action::Stop,
            "roll_back" => Action::RollBack,
            "adopt" => Action::Adopt,
            "preview" => Action::Preview,
            _ => Action::Go,
        })
    };
    step.choices
        .iter()
        .flat_map(|choice| {
            let verb = choice.verb.replace('_', " ");
            // Its consequence is read whole.
            let mut effect = text::wrapped(&choice.effect, width.saturating_sub(13)).into_iter();
            let mut lines = vec![Line::from(vec![
                span(format!(" {} ", key(choice)), theme.accent),
                span(text::left(&verb, 10), theme.title),
                span(effect.next().unwrap_or_default(), Style::new()),
            ])];
            lines.extend(effect.map(|more| line(format!("{}{more}", " ".repeat(13)), Style::new())));
            if let Some(why) = &choice.recommended {
                lines.extend(indented(&format!("recommended: {why}"), 13, width, theme.you));
            }
            if let Some(back) = choice.way_back.as_ref().filter(|_| step.status == Status::Failed) {
                lines.extend(indented(&format!("way back: {back}"), 13, width, theme.dim));
            }
            lines
        })
        .collect()
}

fn previewed(model: &Model, step: &Step, width: usize) -> Vec<Line<'static>> {
    let theme = &model.theme;
    if model.looking.as_ref().is_some_and(|looking| looking.step == step.id) {
        return vec![line(format!(" {} looking at the world", theme.symbols.of("▸", ">")), theme.accent)];
    }
    match &model.previewed {
        Some((of, Ok(seen))) if *of == step.id => {
            let mut lines = vec![line(" what it would change, as the world is", theme.title)];
            lines.extend(preview::lines(&seen.preview, model.shown().at, width, theme));
            lines
        }
        Some((of, Err(failure))) if *of == step.id => preview::failure(failure, 1, width, theme),
        // It is among the choices.
        _ if step.choices.iter().any(|choice| choice.verb == "preview") => Vec::new(),
        _ => vec![line(
            format!(" {} looks at the world and shows what it would change", model.keymap.key(Action::Preview)),
            theme.dim,
        )],
    }
}

fn meter_lines(model: &Model, meter: &Meter, step: &Step, width: usize) -> Vec<Line<'static>> {
    if step.status != Status::Running {
        return Vec::new();
    }
    let (theme, amount) = (&model.theme, |value| figure::amount(value, &meter.unit));
    let counted = Figure::Counted(step.id.clone(), meter.label.clone());
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "drawn")]
    let (bar, rate) = (
        meter.total.filter(|total| *total > 0).map(|total| theme.symbols.bar(meter.done as f64 / total as f64, 24)),
        amount(meter.rate.round() as u64),
    );
    let of = meter.total.map(|total| format!(" of {}", amount(total))).unwrap_or_default();
    let left = meter.eta_s.map(|left| format!("{} left", figure::seconds(left)));
    let done = amount(meter.done);
    // A figure that does not fit stands on a line of its own.
    let used = 2 + text::width(&meter.label) + text::width(&done) + text::width(&of);
    let fits = |left: &String| used + 2 + text::width(left) <= width;
    let (beside, under) = if left.as_ref().is_some_and(fits) { (left, None) } else { (None, left) };
    let beside = beside.map(|left| format!(", {left}")).unwrap_or_default();
    let mut lines = vec![Line::from(vec![
        span(format!(" {} ", meter.label), theme.title),
        span(done, model.changed.style(&counted, Style::new(), model.now)),
        span(format!("{of}{beside}"), Style::new()),
    ])];
    // Without a total there is no bar and no end, but how fast it goes all the same.
    let room = width.saturating_sub(3 + 24 + 2 + text::width(&rate) + 4);
    let samples = theme.symbols.sparkline(&meter.samples, room.min(24));
    let bar = bar.map(|bar| span(format!("   {bar}"), theme.accent));
    let rate = [span(format!("  {rate}/s  "), theme.dim), span(samples, theme.dim)];
    lines.push(Line::from(bar.into_iter().chain(rate).collect::<Vec<_>>()));
    lines.extend(under.map(|left| line(format!("   {left}"), Style::new())));
    lines
}

fn section<T>(title: &str, theme: &Theme, items: &[T], lines: impl Fn(&T) -> Vec<Line<'static>>) -> Vec<Line<'static>> {
    if items.is_empty() {
        return Vec::new();
    }
    let head = [line("", theme.dim), line(format!(" {title}"), theme.title)];
    head.into_iter().chain(items.iter().flat_map(lines)).collect()
}
