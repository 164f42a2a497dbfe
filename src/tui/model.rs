//! What a screen is drawn from: the last view, how the engine is reached, and where the driver looks.

use std::time::Duration;

use crossterm::event::KeyCode;

use crate::domain::{Failure, StepId};
use crate::protocol::client::Me;
use crate::protocol::order::Previewed;
use crate::protocol::view::{Step, View};

use super::Left;
use super::changed::Changed;
use super::dialog::{Dialog, Guard};
use super::keymap::Keymap;
pub use super::link::{Link, STALE};
use super::logs::LogPanel;
use super::overlay::{self, Reading};
use super::theme::Theme;
use super::timeline::Timeline;

/// A word from the screen itself is shown for so long.
pub const MOMENT: Duration = Duration::from_secs(6);

/// After so long without a key, the next one only wakes the screen.
pub const AWAY: Duration = Duration::from_mins(5);

/// What the main panel shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "`title` has the words that people read")]
pub enum Tab {
    Step,
    Logs,
    Risks,
    Timeline,
    People,
    Switch,
}

impl Tab {
    /// All of them, as they are numbered from 2.
    pub const ALL: [Self; 6] = [Self::Step, Self::Logs, Self::Risks, Self::Timeline, Self::People, Self::Switch];

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Logs => "log",
            Self::Risks => "risks",
            Self::Timeline => "timeline",
            Self::People => "people",
            Self::Switch => "switch",
        }
    }
}

/// What lies over the panels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// The keys.
    Help,
    /// Actions by their words: what was typed, and which is selected.
    Palette(String, usize),
    /// Identities in full.
    Identities,
    /// What has to be known before anything else.
    Warnings(Vec<String>),
    /// What happened after that place of the journal, while nobody looked.
    Since(u64),
}

/// A look at the world that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    /// For which step.
    pub step: StepId,
    /// What it is for.
    pub at: LookingAt,
}

/// What a look at the world is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookingAt {
    /// What the step would change.
    Changes,
    /// The same, and its gate opens with it.
    Gate,
    /// What taking it back would change: its gate opens with it.
    WayBack,
}

/// Everything that a screen is drawn from.
#[derive(Debug, Clone)]
pub struct Model {
    /// Where the run stands.
    pub view: View,
    /// The earlier moment that is looked at, instead of now.
    pub past: Option<View>,
    pub(super) link: Link,
    pub(super) changed: Changed,
    /// Whose screen it is.
    pub me: Me,
    /// Looks on only.
    pub watch: bool,
    /// Columns and rows of the terminal, as it last said.
    pub size: (u16, u16),
    /// The screen's clock: since it was opened.
    pub now: Duration,
    /// Whether keys move in the week; else in the main panel.
    pub in_week: bool,
    /// What the main panel shows.
    pub tab: Tab,
    /// The selected step; nothing follows the current one.
    pub selected: Option<StepId>,
    /// How far the main panel is scrolled.
    pub scroll: usize,
    /// What a step would change, as it was last looked at, or why it could not be.
    pub previewed: Option<(StepId, Result<Previewed, Failure>)>,
    /// The look at the world that was asked for.
    pub looking: Option<Looking>,
    pub(super) logs: LogPanel,
    pub(super) timeline: Timeline,
    /// The dialog that is open.
    pub dialog: Option<Dialog>,
    /// What lies over the panels.
    pub overlay: Option<Overlay>,
    pub(super) reading: Reading,
    /// Whether its person ended the engine.
    pub(super) ended: bool,
    /// Stands before every key where a freeze has come by itself, until nobody types any more.
    pub(super) coming: Option<Guard>,
    /// What the screen itself has to say: a refusal, a file's path.
    pub said: Option<(String, Duration)>,
    /// When a key was last pressed.
    pub touched: Duration,
    /// That key: a dialog that opens now does so while it may still be held.
    pub(super) pressed: Option<KeyCode>,
    /// The journal's place when a key was last pressed.
    pub touched_at: u64,
    /// Which key does what.
    pub keymap: Keymap,
    /// Colours and symbols.
    pub theme: Theme,
}

impl Model {
    /// A screen that was just opened.
    pub fn new(view: View, me: Me, watch: bool, (keymap, theme): (Keymap, Theme)) -> Self {
        let touched_at = view.seq;
        let (frozen, clock) = (freezes(&view), view.at);
        let tab = if frozen { Tab::Switch } else { Tab::Step };
        Self {
            view,
            past: None,
            link: Link::heard(Duration::ZERO, clock),
            changed: Changed::default(),
            me,
            watch,
            size: (0, 0),
            now: Duration::ZERO,
            in_week: !frozen,
            tab,
            selected: None,
            scroll: 0,
            previewed: None,
            looking: None,
            logs: LogPanel::default(),
            timeline: Timeline::default(),
            dialog: None,
            overlay: None,
            reading: Reading::default(),
            ended: false,
            coming: None,
            said: None,
            touched: Duration::ZERO,
            pressed: None,
            touched_at,
            keymap,
            theme,
        }
    }

    /// Its person was here before, and read up to that place of the journal: what happened since is shown first.
    pub(super) fn came_back(&mut self, place: u64) {
        if place < self.view.seq && !self.freezes() {
            overlay::comes(self, Overlay::Since(place));
        }
    }

    /// What has to be known comes before what happened meanwhile, which is shown after it.
    pub(super) fn warned(&mut self, warnings: Vec<String>) {
        if !warnings.is_empty() && !self.freezes() {
            overlay::comes(self, Overlay::Warnings(warnings));
        }
    }

    /// Whether tenants' writes wait: then no key is dropped and nothing covers the screen.
    pub(super) fn freezes(&self) -> bool {
        freezes(&self.view)
    }

    /// What is drawn: now, or the earlier moment that is looked at.
    pub fn shown(&self) -> &View {
        self.past.as_ref().unwrap_or(&self.view)
    }

    /// The selected step; the current one where none is, or the last where nothing is left.
    pub fn step(&self) -> Option<&Step> {
        let view = self.shown();
        let wanted = self.selected.as_ref().or(view.current.as_ref());
        wanted.and_then(|id| view.step(id)).or_else(|| view.steps.last())
    }

    /// The one sentence, as it is told to whoever sits here; of now, also while the past is looked at. Of an engine
    /// that is not heard of it says only that: what it said last may be long over.
    pub fn sentence(&self) -> String {
        if let Some(unheard) = self.unheard() {
            return unheard.in_full();
        }
        let sentence = &self.view.sentence;
        let drives_another = self.view.driver.as_ref().is_some_and(|driver| driver.name != self.me.name);
        let driver = self.view.driver.as_ref();
        if self.watch || drives_another { sentence.to_others(driver) } else { sentence.text.clone() }
    }

    /// The step that something is to be done about.
    pub fn current(&self) -> Option<&Step> {
        self.view.current.as_ref().and_then(|id| self.view.step(id))
    }

    /// What is known when its person leaves.
    pub(super) fn left(self) -> Left {
        let silent = self
            .stale()
            .map(|silent| Failure::transient(format!("the engine was not heard of for {} s", silent.as_secs())));
        Left { lost: self.link.lost.or(silent), ended: self.ended, view: self.view }
    }

    /// Whether this screen's person drives.
    pub fn drives(&self) -> bool {
        !self.watch && self.view.driver.as_ref().is_some_and(|driver| driver.name == self.me.name)
    }

    /// Why nothing can be commanded from here now, if so.
    pub fn why_not(&self) -> Option<String> {
        if self.watch {
            return Some("you look on".to_owned());
        }
        if self.past.is_some() {
            let key = self.keymap.name(super::action::Action::Bottom);
            return Some(format!("this is the past: {key} returns"));
        }
        if let Some(why) = self.why_stale() {
            return Some(why);
        }
        match &self.view.driver {
            Some(driver) if driver.name != self.me.name => Some(format!("{} drives", driver.name)),
            None => Some("nobody drives: take the wheel first".to_owned()),
            Some(_) => None,
        }
    }

    /// Says something at the foot of the screen.
    pub(super) fn say(&mut self, text: impl Into<String>) {
        self.said = Some((text.into(), self.now));
    }
}

/// Whether tenants' writes wait.
pub(super) fn freezes(view: &View) -> bool {
    view.freeze.as_ref().is_some_and(|freeze| freeze.ended.is_none())
}
