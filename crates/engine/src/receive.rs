//! What another device says, and what comes of the bytes that were asked for.

use crate::chunk::Manifest;
use crate::codec;
use crate::effect::{Effect, Place, ServeItem};
use crate::engine::Engine;
use crate::event::{FetchEnd, PrepareTrouble, WorkId};
use crate::folder::Counted;
use crate::id::{ContentId, DeviceId, Scope};
use crate::message::{FetchRequest, Message, Part};
use crate::observe::Code;
use crate::swarm::Swarm;
use crate::turn::Turn;

/// Whether only a verified device may say this.
fn is_of_folder(message: &Message) -> bool {
    matches!(
        message,
        Message::Invitation { .. }
            | Message::InvitationAnswer { .. }
            | Message::Heads { .. }
            | Message::Ask { .. }
            | Message::Records { .. }
            | Message::State { .. }
    )
}

impl Engine {
    /// A message came over a device's own link.
    pub(crate) fn receive(&mut self, from: DeviceId, message: Message, turn: &mut Turn<'_>) {
        if self.people.is_blocked(from) {
            return;
        }
        match message {
            Message::Hello { name, platform } => self.greeted(from, &name, &platform, turn),
            // Nothing is done with somebody who has not said hello.
            _ if !self.people.is_here(from) => {}
            _ if is_of_folder(&message) && !self.people.is_verified(from) => self.refuse_stranger(from, turn),
            Message::PairStart { .. }
            | Message::PairCommit { .. }
            | Message::PairReveal { .. }
            | Message::PairMatched
            | Message::PairAllowed
            | Message::PairEnded { .. }
            | Message::PairToken { .. }
            | Message::PairTokenAnswer { .. } => self.pairing_message(from, &message, turn),
            Message::Unpaired => self.unpaired_by(from, turn),
            Message::Offer { offer, page, pages, note, items } => {
                self.offered(from, offer, (page, pages), note, items, turn)
            }
            Message::OfferAnswer { offer, accepted } => {
                self.in_offer(offer, turn, |offer, turn| offer.answered(from, !accepted.is_empty(), turn))
            }
            Message::OfferReady { offer, items } => {
                self.in_offer(offer, turn, |offer, _| offer.items_ready(from, items))
            }
            Message::OfferDone { offer } => self.in_offer(offer, turn, |offer, turn| offer.receiver_done(from, turn)),
            Message::OfferEnded { offer } => self.offer_ended(from, offer, turn),
            Message::Want { scope, contents } => self.wanted(from, scope, contents, turn),
            Message::Have { scope, items } => self.in_swarm(scope, turn, |swarm, _| swarm.told(from, items)),
            Message::Enough { scope, contents } => self.in_swarm(scope, turn, |swarm, _| swarm.enough(from, &contents)),
            Message::Invitation { genesis, memberships, files, bytes, is_counting } => {
                self.invitation(from, &genesis, &memberships, Counted { files, bytes, is_counting }, turn)
            }
            Message::InvitationAnswer { folder, is_accepted } => {
                self.invitation_answered(from, folder, is_accepted, turn)
            }
            Message::Heads { folder, memberships, is_complete, chains } => {
                self.in_folder(folder, turn, |folder, turn| {
                    folder.heard_heads(from, memberships, is_complete, chains, turn)
                });
            }
            Message::Ask { folder, memberships_from, chains } => {
                self.in_folder(folder, turn, |folder, turn| {
                    folder.asked_records(from, memberships_from, &chains, turn)
                });
            }
            Message::Records { folder, records, has_more: _ } => {
                self.in_folder(folder, turn, |folder, turn| folder.received_records(from, records, turn));
            }
            Message::State { folder, digest, files, bytes, problems } => {
                let state = crate::folder::TheirState { digest, files, bytes, problems };
                self.in_folder(folder, turn, |folder, _| folder.heard_state(from, state));
            }
        }
    }

    /// Lets a scope's swarm deal with something, and do what follows.
    pub(crate) fn in_swarm(&mut self, scope: Scope, turn: &mut Turn<'_>, act: impl FnOnce(&mut Swarm, &mut Turn<'_>)) {
        match scope {
            Scope::Folder(id) => self.in_folder(id, turn, |folder, turn| act(&mut folder.swarm, turn)),
            Scope::Offer(id) => self.in_offer(id, turn, |offer, turn| act(&mut offer.swarm, turn)),
        }
    }

    fn wanted(&mut self, from: DeviceId, scope: Scope, contents: Vec<ContentId>, turn: &mut Turn<'_>) {
        match scope {
            Scope::Folder(id) => self.in_folder(id, turn, |folder, turn| folder.wanted_by(from, contents, turn)),
            Scope::Offer(id) => self.in_offer(id, turn, |offer, turn| {
                let parts: std::collections::BTreeMap<ContentId, Part> =
                    contents.iter().map(|content| (*content, offer.part(*content))).collect();
                let scope = Scope::Offer(id);
                offer.swarm.asked(
                    from,
                    scope,
                    contents,
                    &|content| parts.get(&content).cloned().unwrap_or(Part::Nothing),
                    turn,
                );
            }),
        }
    }

    /// Somebody opened a stream and asks for bytes.
    pub(crate) fn bytes_asked(&mut self, from: DeviceId, ask: WorkId, header: &[u8], turn: &mut Turn<'_>) {
        let served = codec::decode_request(header).ok().filter(|_| !self.people.is_blocked(from)).and_then(|request| {
            let items = self.serve(from, &request)?;
            Some((request.scope, items))
        });
        match served {
            Some((scope, items)) => turn.push(Effect::Serve { ask, scope, items }),
            None => turn.push(Effect::Refuse { ask }),
        }
    }

    /// Where the bytes of a request are; `None` if the asker has no right to them.
    fn serve(&self, from: DeviceId, request: &FetchRequest) -> Option<Vec<ServeItem>> {
        match request.scope {
            Scope::Offer(id) => self.offers.get(&id)?.serve(from, request),
            Scope::Folder(id) => {
                let folder = self.folders.get(&id).filter(|folder| folder.is_running())?;
                let is_member = folder.ledger.role(from).is_some() && self.people.is_verified(from);
                is_member.then(|| {
                    request
                        .items
                        .iter()
                        .map(|item| ServeItem { content: item.content, place: folder.place_of(item.content) })
                        .collect()
                })
            }
        }
    }

    /// The disk says what is staged of a content.
    pub(crate) fn prepared(
        &mut self,
        scope: Scope,
        content: ContentId,
        staged: Result<(std::sync::Arc<Manifest>, Vec<bool>), PrepareTrouble>,
        turn: &mut Turn<'_>,
    ) {
        let now = turn.now;
        match scope {
            Scope::Folder(id) => {
                self.in_folder(id, turn, |folder, _| match folder.swarm.prepared(content, staged, now) {
                    Ok(true) => folder.content_complete(content),
                    Ok(false) => {}
                    Err(code) => folder.content_refused(&[content], code),
                })
            }
            Scope::Offer(id) => self.in_offer(id, turn, |offer, _| match offer.swarm.prepared(content, staged, now) {
                Ok(true) => offer.content_complete(content),
                Ok(false) => {}
                Err(code) => offer.refused(&[content], code),
            }),
        }
    }

    /// Chunks arrived. A fetch's number is its scope's own, so every scope is asked.
    pub(crate) fn fetched(&mut self, fetch: WorkId, content: ContentId, chunks: &[u32], turn: &mut Turn<'_>) {
        if let Some(folder) = self.folders.values_mut().find(|folder| folder.swarm.has_fetch(fetch)) {
            if folder.swarm.fetched(fetch, content, chunks) {
                folder.content_complete(content);
            }
            folder.step(turn);
        } else if let Some(offer) = self.offers.values_mut().find(|offer| offer.swarm.has_fetch(fetch)) {
            if offer.swarm.fetched(fetch, content, chunks) {
                offer.content_complete(content);
            }
            offer.step(turn);
        }
    }

    /// A fetch is over.
    pub(crate) fn fetch_ended(&mut self, fetch: WorkId, end: FetchEnd, turn: &mut Turn<'_>) {
        let now = turn.now;
        let report = |refused: Option<(Vec<ContentId>, Code)>| refused.unwrap_or((Vec::new(), Code::DiskError));
        if let Some(folder) = self.folders.values_mut().find(|folder| folder.swarm.has_fetch(fetch)) {
            let (contents, code) = report(folder.swarm.ended(fetch, end, now));
            folder.content_refused(&contents, code);
            folder.step(turn);
        } else if let Some(offer) = self.offers.values_mut().find(|offer| offer.swarm.has_fetch(fetch)) {
            let (contents, code) = report(offer.swarm.ended(fetch, end, now));
            offer.refused(&contents, code);
            offer.step(turn);
        }
    }
}

impl crate::folder::Folder {
    /// Somebody in the folder wants contents.
    fn wanted_by(&mut self, from: DeviceId, contents: Vec<ContentId>, turn: &mut Turn<'_>) {
        if self.ledger.role(from).is_none() {
            return;
        }
        let parts: std::collections::BTreeMap<ContentId, Part> = contents
            .iter()
            .map(|content| {
                (
                    *content,
                    if self.stands(*content) || self.keeps(*content) { Part::All } else { self.swarm.part(*content) },
                )
            })
            .collect();
        let scope = Scope::Folder(self.id);
        self.swarm.asked(from, scope, contents, &|content| parts.get(&content).cloned().unwrap_or(Part::Nothing), turn);
    }

    fn stands(&self, content: ContentId) -> bool {
        self.index.places_of(content).any(|(_, disk)| disk.print.is_some())
    }

    /// Where the bytes of a content are on this disk.
    fn place_of(&self, content: ContentId) -> Option<Place> {
        let live = self
            .index
            .places_of(content)
            .find_map(|(path, disk)| Some(Place::Live { path: path.clone(), print: disk.print? }));
        let staged = || self.swarm.is_staged(content).then_some(Place::Stage);
        live.or_else(|| self.keeps(content).then_some(Place::Kept)).or_else(staged)
    }
}
