//! What the person is looking at: everything on screen that is not the run.
use super::chord::Key;
use super::dialog::Dialog;
use super::keymap::Screen;
use super::palette::Palette;
use super::tenants::{Sort, Tenants};
use super::waive::Accept;
use crate::engine::effect::Event;
use crate::engine::{Command, Phase, Run, Track, status};
use crate::spec::policy::OnExit;
use crate::spec::units::{Dur, Time};

/// Which panel the movement keys go to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Panel {
    #[default]
    Services,
    Gates,
    Events,
}

impl Panel {
    pub fn next(self) -> Panel {
        match self {
            Panel::Services => Panel::Gates,
            Panel::Gates => Panel::Events,
            Panel::Events => Panel::Services,
        }
    }
}

/// What keys mean besides the keymap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Mode {
    /// The keymap.
    #[default]
    Keys,
    /// Typing the filter of the list on screen; `before` is what Esc brings back.
    Filter {
        before: String,
    },
    Palette(Palette),
    Help(Help),
    Dialog(Dialog),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Help {
    pub query: String,
    /// Keys go into the query.
    pub typing: bool,
    pub scroll: usize,
}

/// Everything on screen that is not the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    pub screen: Screen,
    pub panel: Panel,
    pub mode: Mode,
    /// The service a person chose, by name, so that it stays whatever the list does. `None`: the selection follows the
    /// service that matters most.
    pub chosen: Option<String>,
    /// The service followed last: where the verdict is about the whole run the selection stays.
    pub followed: Option<String>,
    pub services_filter: String,
    pub events_filter: String,
    /// Rows scrolled away from the newest event.
    pub events_scroll: usize,
    pub gates_scroll: usize,
    pub detail_scroll: usize,
    /// The tenant a person chose, by its id. `None`: the first of the list.
    pub tenant: Option<String>,
    pub tenants_filter: String,
    pub tenants_sort: Sort,
    /// What is closed, in the place of the timeline.
    pub closings: bool,
    /// Place of the selected finding in the list.
    pub plan_at: usize,
    pub plan_filter: String,
    /// Sorted by service instead of by severity.
    pub plan_by_service: bool,
    /// The order as a tree, in the place of findings and waves.
    pub graph: bool,
    /// The selected finding alone, in the place of all else.
    pub finding: bool,
    /// The file accepted findings stand in; `None` where the plan came without a folder of contracts.
    pub contracts: Option<String>,
    /// Show UTC instead of the reader's zone.
    pub utc: bool,
    /// Of tenants, times in the zone of each.
    pub theirs: bool,
    /// Nothing may be changed from here.
    pub read_only: bool,
    /// The beginning of a sequence of keys.
    pub pending: Vec<Key>,
    /// One line that answers the last key.
    pub hint: Option<String>,
    /// Since when it is shown, by the reader's clock: a run's may be many times as fast.
    pub hint_since: Option<Time>,
    /// Capitals in a row, for the hint about caps lock.
    pub capitals: u8,
    /// The newest event seen, to keep the place of one who reads older ones.
    pub newest: Option<Event>,
    /// Since when each open question is known: the bell rings once for each.
    pub asked: Vec<(String, Time)>,
}

/// What the console wants done outside of itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Intent {
    Command(Command),
    Quit(OnExit),
    /// Put this on the clipboard.
    Copy(String),
    /// Write the frame to a file.
    Dump,
    /// Write what the contracts say to a file.
    Export,
    /// Write this waiver, and read the contracts again.
    Accept(Accept),
    /// Ring once.
    Bell,
}

/// How long an answer hides the keys; looked at each second, so three at most.
const HINT: Dur = Dur::secs(2);

impl Model {
    /// Notes when an answer appeared, and takes it away when it has been read; `now` is the reader's clock.
    pub fn fade_hint(&mut self, now: Time) {
        match (&self.hint, self.hint_since) {
            (None, _) => self.hint_since = None,
            (Some(_), None) => self.hint_since = Some(now),
            (Some(_), Some(since)) if now.since(since) >= HINT => (self.hint, self.hint_since) = (None, None),
            (Some(_), Some(_)) => {}
        }
    }

    /// The event list stands at its newest line.
    pub fn follows(&self) -> bool {
        self.events_scroll == 0
    }

    /// Names of the services the filter lets through, in the order of the plan.
    pub fn visible<'a>(&self, run: &'a Run) -> Vec<&'a str> {
        let query = self.services_filter.to_lowercase();
        run.plan
            .services
            .iter()
            .map(|p| p.service.name.as_str())
            .filter(|name| query.is_empty() || name.to_lowercase().contains(&query) || state_matches(run, name, &query))
            .collect()
    }

    /// The selected service: a person's choice, else the one that asks, else the one the verdict is about, else the one
    /// followed last; of those the first that is visible, or the first that is.
    pub fn selected<'a>(&self, run: &'a Run) -> Option<&'a str> {
        let visible = self.visible(run);
        let matters = if self.chosen.is_none() { status::matters(run) } else { None };
        let wanted = [self.chosen.as_deref(), matters, self.followed.as_deref()];
        let found = wanted.into_iter().flatten().find_map(|w| visible.iter().find(|name| **name == w));
        found.or_else(|| visible.first()).copied()
    }

    /// The selected tenant: a person's choice while the filter lets it through, else the first of the list.
    pub fn selected_tenant(&self, tenants: &Tenants) -> Option<usize> {
        tenants.at(self.tenant_place(tenants))
    }

    /// Its place in the list.
    pub fn tenant_place(&self, tenants: &Tenants) -> usize {
        self.tenant.as_deref().and_then(|id| tenants.place(id)).unwrap_or(0)
    }

    /// From now on the selection is the person's: it stays where it is until they give it back.
    pub fn choose(&mut self, run: &Run) {
        if self.chosen.is_none() {
            self.chosen = self.selected(run).map(String::from);
        }
    }

    /// Takes in a new state of the run: what is followed, place in the event list, the bell for a new question.
    pub fn observe(&mut self, run: &Run) -> Vec<Intent> {
        self.keep_place(run);
        if let Some(service) = status::matters(run) {
            self.followed = Some(service.to_string());
        }
        let since = |t: &Track| {
            let blocked = match &t.phase {
                Phase::RollbackBlocked { since, .. } => Some(*since),
                _ => None,
            };
            blocked.into_iter().chain(t.asks().map(|a| a.since)).collect::<Vec<Time>>()
        };
        let of = |t: &Track| since(t).into_iter().map(|at| (t.service.clone(), at)).collect::<Vec<_>>();
        let asked: Vec<(String, Time)> = run.tracks.values().flat_map(of).collect();
        let ring = asked.iter().any(|a| !self.asked.contains(a));
        self.asked = asked;
        if ring { vec![Intent::Bell] } else { Vec::new() }
    }

    fn keep_place(&mut self, run: &Run) {
        if !self.follows()
            && let Some(newest) = &self.newest
            && let Some(at) = run.events.iter().position(|e| e == newest)
        {
            self.events_scroll += at;
        }
        if self.newest.as_ref() != run.events.front() {
            self.newest = run.events.front().cloned();
        }
    }
}

/// A filter also finds words of state, so that `/held` shows what is held.
fn state_matches(run: &Run, name: &str, query: &str) -> bool {
    run.track(name).is_some_and(|t| status::state_text(run, t, run.now.wall).to_lowercase().contains(query))
}
