//! The loop: the one task that owns the engine. Events in, effects out, views now and then.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use shoal_engine::effect::Effect;
use shoal_engine::engine::Engine;
use shoal_engine::event::Event;
use shoal_engine::request::Request;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::perform::{Hands, Turn};
use crate::publish;
use crate::view::{ErrorCode, Trouble, View};
use crate::worker::CROWD_JOBS_MAX;

/// Most answers of our own threads that wait; a thread that finds no room waits with them, which bounds them all.
pub(crate) const TURNS_WAITING_MAX: usize = 1024;

/// Most events from outside that wait: the network and the watchers stop reading when we are behind.
pub(crate) const OUTSIDE_WAITING_MAX: usize = 256;

/// Most wishes of people that wait: they come one by one.
pub(crate) const ASKS_WAITING_MAX: usize = 64;

/// Shortest time between two views: ten a second is all an eye can follow.
const PUBLISH_EVERY_MIN: Duration = Duration::from_millis(100);

/// How often a view is made anew only because bytes are moving.
const PUBLISH_RATES_EVERY: Duration = Duration::from_secs(1);

/// A view may take this part of our time: one that takes long to draw is drawn less often.
const PUBLISH_SHARE: u32 = 10;

/// Longest wait when the engine wants no time: a clock that jumped is noticed by then.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// What people want of the loop.
pub(crate) enum Ask {
    /// A wish for the engine; answered when its effects have begun and the view shows it.
    Request(Box<Request>, oneshot::Sender<()>),
    /// A look at the engine. Bounded work only: everything else waits meanwhile.
    Look(Box<dyn FnOnce(&Engine) + Send>),
}

/// What comes into the loop.
pub(crate) struct Inputs {
    pub(crate) turns: mpsc::Receiver<Turn>,
    pub(crate) outside: mpsc::Receiver<Event>,
    pub(crate) asks: mpsc::Receiver<Ask>,
    pub(crate) stop: CancellationToken,
}

/// The engine and what belongs to its task.
pub(crate) struct Desk {
    engine: Engine,
    hands: Arc<Hands>,
    view: watch::Sender<Arc<View>>,
    /// Effects that wait until something is durable.
    later: VecDeque<Effect>,
    is_waiting: bool,
    /// The engine found a wrong assumption of ours: it is not asked any more and files stay as they are.
    is_broken: bool,
    publish_at: Option<Instant>,
    published: Instant,
    spacing: Duration,
}

impl Desk {
    pub(crate) fn new(engine: Engine, hands: Arc<Hands>, view: watch::Sender<Arc<View>>) -> Self {
        let now = Instant::now();
        Desk {
            engine,
            hands,
            view,
            later: VecDeque::new(),
            is_waiting: false,
            is_broken: false,
            publish_at: Some(now),
            published: now,
            spacing: PUBLISH_EVERY_MIN,
        }
    }

    /// Runs until told to stop.
    pub(crate) async fn run(mut self, mut inputs: Inputs) {
        self.handle(Event::Tick);
        loop {
            self.tick_if_due();
            self.publish_if_due();
            let wake = self.wake_at();
            let has_room = self.later.len() < CROWD_JOBS_MAX && !self.hands.crowd.is_full();
            tokio::select! {
                biased;
                () = inputs.stop.cancelled() => break,
                Some(turn) = inputs.turns.recv() => self.take(turn),
                Some(ask) = inputs.asks.recv() => self.answer(ask),
                () = self.hands.changes.notified() => self.is_changed(),
                Some(event) = inputs.outside.recv(), if has_room => self.handle(event),
                () = sleep_until(wake) => {}
            }
        }
    }

    fn take(&mut self, turn: Turn) {
        match turn {
            Turn::Event(event) => self.handle(event),
            Turn::Durable => {
                self.is_waiting = false;
                self.perform(Vec::new());
            }
        }
    }

    fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Request(request, done) => {
                self.handle(Event::User(*request));
                // Whoever asks next, such as the next line of a script, builds on what this did.
                self.publish_at = Some(Instant::now());
                self.publish_if_due();
                // Whoever asked may have gone.
                let _ = done.send(());
            }
            Ask::Look(look) => {
                if catch_unwind(AssertUnwindSafe(|| look(&self.engine))).is_err() {
                    tracing::error!("a question made the engine panic");
                }
            }
        }
    }

    fn handle(&mut self, event: Event) {
        if self.is_broken {
            return;
        }
        let now = self.hands.clock.now();
        tracing::trace!(?event, "in");
        match catch_unwind(AssertUnwindSafe(|| self.engine.handle(now, event))) {
            Ok(effects) => self.perform(effects),
            Err(_) => self.give_up(),
        }
        self.is_changed();
    }

    /// Begins effects in order, as far as nothing has to be durable first.
    fn perform(&mut self, effects: Vec<Effect>) {
        self.later.extend(effects);
        while !self.is_waiting {
            let Some(effect) = self.later.pop_front() else { return };
            tracing::trace!(?effect, "out");
            self.is_waiting = self.hands.perform(effect);
        }
    }

    fn give_up(&mut self) {
        tracing::error!("the engine stopped: an assumption of ours was wrong; files are left as they are");
        self.is_broken = true;
        self.later.clear();
        self.hands.trouble(Trouble::plain(ErrorCode::EngineStopped));
    }

    fn tick_if_due(&mut self) {
        if self.engine.next_deadline().is_some_and(|deadline| deadline <= self.hands.clock.now()) {
            self.handle(Event::Tick);
        }
    }

    fn wake_at(&self) -> Instant {
        let idle = Instant::now() + IDLE_MAX;
        let deadline = self.engine.next_deadline().filter(|_| !self.is_broken);
        // The engine's time has whole milliseconds: one more, so that the deadline is past when we wake.
        let deadline = deadline.map(|at| Instant::from_std(self.hands.clock.instant(at)) + Duration::from_millis(1));
        [deadline, self.publish_at].into_iter().flatten().fold(idle, Instant::min)
    }

    fn is_changed(&mut self) {
        let soonest = self.published + self.spacing;
        self.publish_at = Some(self.publish_at.map_or(soonest, |at| at.min(soonest)));
    }

    fn publish_if_due(&mut self) {
        let begun = Instant::now();
        if self.publish_at.is_none_or(|at| at > begun) {
            return;
        }
        if self.hands.crowd.take_panic() {
            // Its folder waits for an answer that never comes; a restart helps, and the log says where.
            self.hands.trouble(Trouble::plain(ErrorCode::EngineStopped));
        }
        let drawn = catch_unwind(AssertUnwindSafe(|| {
            let snapshot = crate::survey::snapshot(&self.engine, &self.hands);
            let is_moving = snapshot.rates != (0, 0);
            (publish::view(&snapshot), is_moving)
        }));
        self.published = Instant::now();
        self.spacing = PUBLISH_EVERY_MIN.max((self.published - begun) * PUBLISH_SHARE);
        self.publish_at = None;
        match drawn {
            Ok((view, is_moving)) => {
                self.view.send_replace(Arc::new(view));
                self.publish_at = is_moving.then(|| self.published + PUBLISH_RATES_EVERY);
            }
            Err(_) => tracing::error!("a view could not be drawn"),
        }
    }
}
