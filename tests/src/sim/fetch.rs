//! Streams: a fetch asks the peer's engine, whose answer is delivered piece by piece, or breaks on the way.

use std::sync::Arc;

use shoal_engine::chunk::ZEROS;
use shoal_engine::effect::{Place, ServeItem};
use shoal_engine::event::{Event, FetchEnd, WorkId};
use shoal_engine::id::{ContentId, DeviceId, Scope};
use shoal_engine::limits::BUNDLE_FILES_MAX;
use shoal_engine::message::{Chunks, FetchItem, FetchRequest};
use shoal_engine::observe::Code;

use super::device::Fetch;
use super::queue::Due;
use super::wire;
use super::world::World;

/// After how long a stream without progress counts as broken.
const STALL_MS: u64 = 20_000;

/// What came of one piece.
enum Piece {
    /// These chunks arrived.
    Chunks(ContentId, Vec<u32>),
    /// The manifest arrived.
    Manifest(ContentId),
    /// Nothing more of this item follows.
    Gone,
    /// The bytes were others.
    Lied,
    /// Our own disk refused.
    Refused,
}

impl World {
    /// A device opens a stream to a peer.
    pub fn fetch(&mut self, on: usize, fetch: WorkId, from: DeviceId, request: FetchRequest) {
        if request.items.len() > BUNDLE_FILES_MAX {
            self.violate("I20", format!("D{on} asks for {} files in one stream", request.items.len()));
        }
        let life = self.devices[on].life;
        let Some(other) = self.number_of(from) else { return };
        let link = &self.links[self.link_between(on, other)];
        let epoch = link.epoch;
        if !link.is_up || link.told[link.side_of(on)] != Some(epoch) {
            let wait = self.dice.between(0, 5);
            return self.plan_hear(on, wait, Event::FetchEnded { fetch, end: FetchEnd::Broken });
        }
        self.devices[on].fetches.insert(fetch, Fetch { from: other, epoch, request, serve: None, next: (0, 0) });
        let at = self.now + self.dice.between(0, self.plan.link_ms_max);
        self.queue.add(at, Due::Ask(on, life, fetch));
    }

    /// The stream reaches the peer.
    pub fn asked(&mut self, on: usize, life: u32, fetch: WorkId) {
        let Some((other, header)) =
            self.alive_fetch(on, life, fetch).map(|f| (f.from, wire::write_request(&f.request)))
        else {
            return;
        };
        if self.devices[other].brain.is_none() {
            return;
        }
        let from = self.devices[on].id;
        let peer = &mut self.devices[other];
        peer.last_ask += 1;
        let ask = peer.last_ask;
        peer.asks.insert(ask, (on, life, fetch));
        self.hear(other, Event::Asked { from, ask, header });
    }

    /// The peer's engine answers a stream, or closes it.
    pub fn answer(&mut self, peer: usize, ask: WorkId, scope: &Scope, items: Option<Vec<ServeItem>>) {
        let Some((on, life, fetch)) = self.devices[peer].asks.remove(&ask) else {
            return self.violate("engine", format!("D{peer} answers stream {ask}, which nobody opened"));
        };
        let wait = self.dice.between(0, self.plan.link_ms_max);
        let Some(state) = self.alive_fetch_mut(on, life, fetch) else { return };
        let Some(items) = items else {
            self.devices[on].fetches.remove(&fetch);
            return self.plan_hear(on, wait, Event::FetchEnded { fetch, end: FetchEnd::Broken });
        };
        let named = |(item, asked): (&ServeItem, &FetchItem)| item.content == asked.content;
        let is_sound = state.request.scope == *scope
            && items.len() == state.request.items.len()
            && items.iter().zip(&state.request.items).all(named);
        state.serve = Some(items);
        if !is_sound {
            self.violate("engine", format!("D{peer} serves other items than D{on} asked for"));
        }
        let is_stalled = !self.is_healing && self.dice.chance(self.plan.streams_broken_percent);
        if is_stalled {
            self.devices[on].fetches.remove(&fetch);
            return self.plan_hear(on, STALL_MS, Event::FetchEnded { fetch, end: FetchEnd::Broken });
        }
        self.queue.add(self.now + wait, Due::Stream(on, life, fetch));
    }

    /// The next piece of a stream arrives.
    pub fn stream(&mut self, on: usize, life: u32, fetch: WorkId) {
        if self.alive_fetch(on, life, fetch).is_none() {
            return;
        }
        let breaks = !self.is_healing && self.dice.chance(self.plan.streams_broken_percent);
        let piece = if breaks { None } else { self.next_piece(on, fetch) };
        let end = match piece {
            Some(Piece::Chunks(content, chunks)) => {
                self.hear(on, Event::Fetched { fetch, content, chunks });
                None
            }
            Some(Piece::Manifest(content)) => {
                let scope = self.devices[on].fetches[&fetch].request.scope;
                self.devices[on].manifests.insert(content);
                let manifest = self.contents.get(content).map(|content| Arc::clone(&content.manifest));
                if let Some(manifest) = manifest {
                    self.hear(on, Event::ManifestFetched { scope, content, manifest });
                }
                None
            }
            Some(Piece::Gone) => None,
            Some(Piece::Lied) => Some(FetchEnd::Lied),
            Some(Piece::Refused) => Some(FetchEnd::Refused(Code::DiskError)),
            None if breaks => Some(FetchEnd::Broken),
            None => Some(FetchEnd::Done),
        };
        match end {
            None => {
                let wait = self.dice.between(0, self.plan.link_ms_max.min(20));
                self.queue.add(self.now + wait, Due::Stream(on, life, fetch));
            }
            Some(end) => {
                // The engine may have given it up while it heard of the last piece.
                if self.devices[on].fetches.remove(&fetch).is_some() {
                    self.hear(on, Event::FetchEnded { fetch, end });
                }
            }
        }
    }

    /// A device gives a fetch up.
    pub fn cancel_fetch(&mut self, on: usize, fetch: WorkId) {
        if self.devices[on].fetches.remove(&fetch).is_some() {
            let wait = self.dice.between(0, 5);
            self.plan_hear(on, wait, Event::FetchEnded { fetch, end: FetchEnd::Broken });
        }
    }

    /// A link ended: so do the fetches over it.
    pub fn end_fetches(&mut self, on: usize, from: usize, epoch: u64) {
        let ended = |fetch: &Fetch| fetch.from == from && fetch.epoch <= epoch;
        let list = self.devices[on].fetches.iter().filter(|(_, fetch)| ended(fetch)).map(|(id, _)| *id);
        for fetch in list.collect::<Vec<_>>() {
            self.devices[on].fetches.remove(&fetch);
            self.plan_hear(on, 0, Event::FetchEnded { fetch, end: FetchEnd::Broken });
        }
    }

    fn alive_fetch(&self, on: usize, life: u32, fetch: WorkId) -> Option<&Fetch> {
        let device = &self.devices[on];
        let state = device.fetches.get(&fetch).filter(|_| device.life == life)?;
        let link = &self.links[self.link_between(on, state.from)];
        (link.is_up && link.epoch == state.epoch).then_some(state)
    }

    fn alive_fetch_mut(&mut self, on: usize, life: u32, fetch: WorkId) -> Option<&mut Fetch> {
        self.alive_fetch(on, life, fetch)?;
        self.devices[on].fetches.get_mut(&fetch)
    }

    /// Reads the next piece at the peer and stages it here; `None` when everything was answered.
    fn next_piece(&mut self, on: usize, fetch: WorkId) -> Option<Piece> {
        let state = &self.devices[on].fetches[&fetch];
        let (peer, scope, (at, part)) = (state.from, state.request.scope, state.next);
        let asked = state.request.items.get(at)?.clone();
        let place = state.serve.as_ref().and_then(|items| items[at].place.clone());
        let content = self.contents.get(asked.content)?.clone();
        let wanted: Vec<u32> = match &asked.chunks {
            Chunks::All => (0..content.manifest.chunks.len() as u32).collect(),
            Chunks::Ranges(ranges) => ranges.iter().flat_map(|(first, count)| *first..first + count).collect(),
        };
        let Some(place) = place else { return Some(self.go_on(on, fetch, (at + 1, 0), Piece::Gone)) };
        if asked.with_manifest && part == 0 {
            return Some(self.go_on(on, fetch, (at, 1), Piece::Manifest(asked.content)));
        }
        let done = part.saturating_sub(usize::from(asked.with_manifest));
        if done >= wanted.len() {
            return Some(self.go_on(on, fetch, (at + 1, 0), Piece::Gone));
        }
        let count = self.dice.between(1, (wanted.len() - done) as u64) as usize;
        let chunks = wanted[done..done + count].to_vec();
        if !self.devices[on].manifests.contains(&asked.content) && asked.chunks != Chunks::All {
            self.violate("engine", format!("D{on} asks for chunks of c{} without its manifest", content.number));
        }
        match self.serves(peer, &scope, &place, asked.content, &chunks) {
            Ok(true) => {}
            Ok(false) => return Some(self.go_on(on, fetch, (at + 1, 0), Piece::Gone)),
            Err(()) => {
                self.violate("I14", format!("D{peer} would serve other bytes for c{}", content.number));
                return Some(Piece::Lied);
            }
        }
        Some(self.stage(on, fetch, &asked, &chunks, (at, part + count)))
    }

    fn stage(&mut self, on: usize, fetch: WorkId, asked: &FetchItem, chunks: &[u32], next: (usize, usize)) -> Piece {
        let scope = self.devices[on].fetches[&fetch].request.scope;
        let Some(content) = self.contents.get(asked.content).cloned() else { return Piece::Gone };
        let Some(disk) = self.devices[on].disk_mut(&scope).filter(|disk| disk.is_here) else { return Piece::Refused };
        let flags = disk.stage.entry(asked.content).or_insert_with(|| vec![false; content.manifest.chunks.len()]);
        for chunk in chunks {
            match flags.get_mut(*chunk as usize) {
                Some(flag) => *flag = true,
                None => return Piece::Lied,
            }
        }
        self.go_on(on, fetch, next, Piece::Chunks(asked.content, chunks.to_vec()))
    }

    fn go_on(&mut self, on: usize, fetch: WorkId, next: (usize, usize), piece: Piece) -> Piece {
        if let Some(state) = self.devices[on].fetches.get_mut(&fetch) {
            state.next = next;
        }
        piece
    }

    /// Whether a peer has these chunks where its engine said; `Err` if other bytes stand there.
    fn serves(
        &self,
        peer: usize,
        scope: &Scope,
        place: &Place,
        content: ContentId,
        chunks: &[u32],
    ) -> Result<bool, ()> {
        let Some(disk) = self.devices[peer].disk(scope).filter(|disk| disk.is_here) else { return Ok(false) };
        match place {
            Place::Live { path, print } => match disk.file(path).filter(|file| file.print() == *print) {
                Some(file) if file.content.id == content => Ok(true),
                Some(_) => Err(()),
                None => Ok(false),
            },
            Place::Kept => Ok(disk.kept.contains_key(&content)),
            Place::Stage => {
                let Some(known) = self.contents.get(content) else { return Ok(false) };
                let flags = disk.stage.get(&content);
                let has = |chunk: &u32| {
                    let is_zeros = known.manifest.chunks.get(*chunk as usize).is_some_and(|chunk| chunk.hash == ZEROS);
                    is_zeros || flags.is_some_and(|flags| flags.get(*chunk as usize) == Some(&true))
                };
                Ok(chunks.iter().all(has))
            }
        }
    }
}
