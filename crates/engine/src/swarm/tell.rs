//! Saying what is here to those who want it, and hearing what is there.

use std::collections::BTreeMap;

use super::{HAVE_EVERY, Swarm, source};
use crate::id::{ContentId, DeviceId, Scope};
use crate::limits::WANT_CONTENTS_MAX;
use crate::message::{HaveItem, Message, Part};
use crate::turn::Turn;

impl Swarm {
    /// Somebody wants contents; `has` says what this disk has of each.
    pub(crate) fn asked(
        &mut self,
        from: DeviceId,
        scope: Scope,
        contents: Vec<ContentId>,
        has: &dyn Fn(ContentId) -> Part,
        turn: &mut Turn<'_>,
    ) {
        let Some(giver) = self.givers.get_mut(&from) else { return };
        let items: Vec<HaveItem> = contents
            .iter()
            .take(WANT_CONTENTS_MAX)
            .map(|content| HaveItem { content: *content, part: has(*content) })
            .collect();
        for item in items.iter().filter(|item| item.part != Part::All) {
            giver.subscribe(item.content);
        }
        send_have(from, scope, items, turn);
    }

    /// Somebody wants contents no more.
    pub(crate) fn enough(&mut self, from: DeviceId, contents: &[ContentId]) {
        if let Some(giver) = self.givers.get_mut(&from) {
            contents.iter().for_each(|content| giver.unsubscribe(*content));
        }
    }

    /// A content is whole on this disk: those who wait for it hear so.
    pub(crate) fn arrived(&mut self, content: ContentId) {
        if self.givers.values().any(|giver| giver.is_subscribed(content)) {
            self.arrived.insert(content);
        }
    }

    /// Somebody says what it has.
    pub(crate) fn told(&mut self, from: DeviceId, items: Vec<HaveItem>) {
        if !self.givers.contains_key(&from) {
            // It takes no part any more.
            return;
        }
        for item in items {
            let has_some = item.part != Part::Nothing;
            if let Some(wanted) = self.wanted.get_mut(&item.content) {
                wanted.sources.insert(from, item.part);
                if has_some {
                    self.bring_back(item.content);
                }
            }
        }
    }

    /// Tells what is not wanted any more, gathered into few messages.
    pub(super) fn tell_enough(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        let unwanted: Vec<ContentId> = std::mem::take(&mut self.unwanted)
            .into_iter()
            .filter(|content| !self.active.contains(content) && !self.stuck.contains(content))
            .collect();
        for batch in unwanted.chunks(WANT_CONTENTS_MAX) {
            for device in self.givers.keys() {
                turn.send(*device, &Message::Enough { scope, contents: batch.to_vec() });
            }
        }
    }

    /// Tells subscribers what newly arrived, gathered over a short while.
    pub(super) fn tell_due(&mut self, scope: Scope, turn: &mut Turn<'_>) {
        if planted!(ArrivalsUntold)
            || self.untold.is_empty() && self.arrived.is_empty()
            || turn.now.since(self.told_at) < HAVE_EVERY
        {
            return;
        }
        self.told_at = turn.now;
        let untold = std::mem::take(&mut self.untold);
        let mut parts: BTreeMap<ContentId, Part> =
            untold.into_iter().map(|content| (content, self.part(content))).collect();
        parts.extend(std::mem::take(&mut self.arrived).into_iter().map(|content| (content, Part::All)));
        for (device, giver) in &mut self.givers {
            let items: Vec<HaveItem> = parts
                .iter()
                .filter(|(content, part)| **part != Part::Nothing && giver.is_subscribed(**content))
                .map(|(content, part)| HaveItem { content: *content, part: part.clone() })
                .collect();
            for item in items.iter().filter(|item| item.part == Part::All) {
                giver.unsubscribe(item.content);
            }
            if !items.is_empty() {
                send_have(*device, scope, items, turn);
            }
        }
    }
}

/// Sends what we have, in messages of bounded size.
fn send_have(to: DeviceId, scope: Scope, items: Vec<HaveItem>, turn: &mut Turn<'_>) {
    for batch in items.chunks(source::HAVE_ITEMS_MAX) {
        turn.send(to, &Message::Have { scope, items: batch.to_vec() });
    }
}
