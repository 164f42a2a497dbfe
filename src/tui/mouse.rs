//! The mouse, for those who want it: it points at panels, tabs and steps, and scrolls. It decides nothing: whatever
//! asks for something is deaf to it.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::draw::{Spot, spot};
use super::model::Model;
use super::places::{scroll, to_tab};
use crate::domain::StepId;

/// So many lines at a turn of the wheel.
const TURN: isize = 3;

/// Takes a click or a turn of the wheel.
pub(super) fn take(model: &mut Model, event: MouseEvent) {
    if model.dialog.is_some() || model.overlay.is_some() {
        return;
    }
    let Some(spot) = spot(model, (event.column, event.row)) else { return };
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => point(model, spot),
        MouseEventKind::ScrollUp => turn(model, &spot, -1),
        MouseEventKind::ScrollDown => turn(model, &spot, 1),
        _ => {}
    }
}

fn point(model: &mut Model, spot: Spot) {
    match spot {
        Spot::Main => model.in_week = false,
        Spot::Tab(tab) => to_tab(model, tab),
        Spot::Week(step) => {
            model.in_week = true;
            if let Some(step) = step {
                select(model, step);
            }
        }
    }
}

/// On the current step the selection follows the run again.
fn select(model: &mut Model, step: StepId) {
    let follows = model.view.current.as_ref() == Some(&step) && model.past.is_none();
    model.selected = (!follows).then_some(step);
    model.scroll = 0;
}

fn turn(model: &mut Model, spot: &Spot, way: isize) {
    match spot {
        Spot::Week(_) => {
            model.in_week = true;
            scroll(model, way);
        }
        Spot::Main => {
            model.in_week = false;
            scroll(model, way * TURN);
        }
        Spot::Tab(_) => {}
    }
}
