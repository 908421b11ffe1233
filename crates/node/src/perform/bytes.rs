//! Begins fetches and answers asks: joins the network's streams to the stage and the files.

use std::collections::BTreeMap;
use std::sync::Arc;

use shoal_disk::{Reader, StagedFile, WriteTrouble};
use shoal_engine::chunk::Manifest;
use shoal_engine::codec;
use shoal_engine::effect::{Place, ServeItem};
use shoal_engine::event::{Event, FetchEnd, WorkId};
use shoal_engine::id::{ContentId, DeviceId, Scope};
use shoal_engine::message::FetchRequest;
use shoal_engine::observe::Code;
use shoal_net::BulkStream;
use tokio_util::sync::CancellationToken;

use super::Hands;
use super::ground::Ground;
use crate::transfer::NotTaken;
use crate::transfer::fetch::{self, Take, Wanted};
use crate::transfer::give::{self, Give};
use crate::transfer::meter::Way;

/// Most streams of others that wait for the engine's word; more are closed, and their askers ask elsewhere.
const ASKS_MAX: usize = 512;

/// A stream on which a device asks for bytes.
pub(super) struct Ask {
    from: DeviceId,
    request: FetchRequest,
    stream: BulkStream,
}

impl Hands {
    /// A device opened a stream: remembers it and tells the engine.
    pub(crate) async fn asked(&self, from: DeviceId, header: Vec<u8>, stream: BulkStream) {
        let Ok(request) = codec::decode_request(&header) else {
            tracing::warn!(device = %from, "a request that is none");
            return;
        };
        let ask = self.next_ask();
        {
            let mut asks = self.asks();
            if asks.len() >= ASKS_MAX {
                return;
            }
            asks.insert(ask, Ask { from, request, stream });
        }
        self.happened(Event::Asked { from, ask, header }).await;
    }

    pub(super) fn serve(self: &Arc<Self>, ask: WorkId, scope: Scope, items: Vec<ServeItem>) {
        let Some(Ask { from, request, stream }) = self.asks().remove(&ask) else { return };
        let hands = Arc::clone(self);
        let bench = self.offer_bench(scope);
        self.runtime.spawn(async move {
            hands.pauses.wait(scope).await;
            let ground = tokio::task::spawn_blocking(move || bench.and_then(|bench| bench.ground().cloned())).await;
            let giver = Giver { hands: Arc::clone(&hands), ground: ground.ok().flatten(), open: None };
            let count = |bytes| hands.counters.count(hands.clock.now(), (scope, Way::Up, from), bytes);
            if let Err(error) = give::run(stream, request, items, giver, count).await {
                tracing::debug!(device = %from, %error, "an answer was not taken whole");
            }
        });
    }

    pub(super) fn fetch(self: &Arc<Self>, fetch: WorkId, from: DeviceId, request: FetchRequest) {
        let stop = CancellationToken::new();
        self.fetches().insert(fetch, (request.scope, stop.clone()));
        let hands = Arc::clone(self);
        self.runtime.spawn(async move {
            let end = hands.fetch_now(fetch, from, request, &stop).await;
            hands.fetches().remove(&fetch);
            hands.answer_async(Event::FetchEnded { fetch, end }).await;
        });
    }

    pub(super) fn cancel_fetch(&self, fetch: WorkId) {
        if let Some((_, stop)) = self.fetches().get(&fetch) {
            stop.cancel();
        }
    }

    /// Ends what runs for an offer that was paused; what the engine asks next waits.
    pub(crate) fn pause_fetches(&self, scope: Scope) {
        for (of, stop) in self.fetches().values() {
            if *of == scope {
                stop.cancel();
            }
        }
    }

    /// Ends every fetch; what arrived stays in the stage.
    pub(super) fn stop_fetches(&self) {
        self.fetches().values().for_each(|(_, stop)| stop.cancel());
    }

    async fn fetch_now(
        self: &Arc<Self>,
        fetch: WorkId,
        from: DeviceId,
        mut request: FetchRequest,
        stop: &CancellationToken,
    ) -> FetchEnd {
        let scope = request.scope;
        tokio::select! {
            () = self.pauses.wait(scope) => {}
            () = stop.cancelled() => return FetchEnd::Broken,
        }
        let Some(bench) = self.offer_bench(scope) else { return FetchEnd::Refused(Code::DiskError) };
        let hands = Arc::clone(self);
        let looked = tokio::task::spawn_blocking(move || {
            let wanted: Vec<Wanted> = request.items.iter().map(|item| hands.wanted(item)).collect();
            // A manifest that we lack must come first, whatever the engine thought we had.
            for (item, wanted) in request.items.iter_mut().zip(&wanted) {
                item.with_manifest = wanted.known.is_none();
            }
            (bench.ground().cloned(), request, wanted)
        });
        let Ok((Some(ground), request, wanted)) = looked.await else { return FetchEnd::Refused(Code::DiskError) };
        let opening = tokio::select! {
            opened = self.net.open_bulk(from, codec::encode_request(&request)) => opened,
            () = stop.cancelled() => return FetchEnd::Broken,
        };
        let stream = match opening {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(device = %from, %error, "no stream for a fetch");
                return FetchEnd::Broken;
            }
        };
        let taker = Taker { hands: Arc::clone(self), ground, open: None };
        let count = |bytes| self.counters.count(self.clock.now(), (scope, Way::Down, from), bytes);
        let end = fetch::run(stream, (fetch, scope), wanted, taker, count, stop).await;
        match end {
            FetchEnd::Refused(code) => tracing::warn!(?code, "what arrived could not be kept"),
            FetchEnd::Lied => tracing::warn!(device = %from, "sent other bytes than were asked for"),
            FetchEnd::Done | FetchEnd::Broken => {}
        }
        end
    }

    fn wanted(&self, item: &shoal_engine::message::FetchItem) -> Wanted {
        let known = if item.with_manifest { None } else { self.manifest(item.content) };
        Wanted { content: item.content, chunks: item.chunks.clone(), known }
    }

    fn asks(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkId, Ask>> {
        self.asks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn refuse(&self, ask: WorkId) {
        self.asks().remove(&ask);
    }

    fn fetches(&self) -> std::sync::MutexGuard<'_, BTreeMap<WorkId, (Scope, CancellationToken)>> {
        self.fetches.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Puts what arrives into the stage.
struct Taker {
    hands: Arc<Hands>,
    ground: Arc<Ground>,
    open: Option<(ContentId, StagedFile)>,
}

impl Take for Taker {
    fn keep_manifest(&mut self, content: ContentId, manifest: &Arc<Manifest>) -> Result<(), NotTaken> {
        self.hands.store.save_manifests(&[(content, manifest.encode())]);
        Ok(())
    }

    fn keep_chunk(
        &mut self,
        content: ContentId,
        manifest: &Arc<Manifest>,
        index: u32,
        bytes: &[u8],
    ) -> Result<(), NotTaken> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != content) {
            let root = self.ground.root().ok_or(NotTaken::Refused(Code::NotAllowed))?;
            let file = root.stage().open(content, manifest).map_err(NotTaken::Refused)?;
            self.open = Some((content, file));
        }
        let Some((_, file)) = &self.open else { return Err(NotTaken::Refused(Code::DiskError)) };
        file.write_chunk(index, bytes).map_err(|trouble| match trouble {
            WriteTrouble::Mismatch => NotTaken::Lied,
            WriteTrouble::Refused(code) => NotTaken::Refused(code),
        })
    }

    fn keep_zeros(&mut self, _: ContentId, _: &Arc<Manifest>, _: u32) -> Result<(), NotTaken> {
        // The stage has every run of zeros from the start.
        Ok(())
    }

    fn tell(&mut self, event: Event) {
        self.hands.answer(event);
    }
}

/// Reads what is asked for.
struct Giver {
    hands: Arc<Hands>,
    ground: Option<Arc<Ground>>,
    open: Option<Open>,
}

/// The item that is being served.
struct Open {
    content: ContentId,
    manifest: Arc<Manifest>,
    /// Where each chunk begins in the live file.
    offsets: Vec<u64>,
    /// `None` for the stage.
    live: Option<Reader>,
}

impl Give for Giver {
    fn manifest(&mut self, item: &ServeItem) -> Option<Arc<Manifest>> {
        self.hands.manifest(item.content).or_else(|| match &item.place {
            Some(Place::Live { path, .. }) => self.hands.manifest_again(self.ground.as_ref()?, path, item.content),
            Some(Place::Stage | Place::Kept) | None => None,
        })
    }

    fn open(&mut self, item: &ServeItem, manifest: &Arc<Manifest>) -> bool {
        let live = match &item.place {
            None => return false,
            Some(Place::Stage) => None,
            Some(Place::Kept) => {
                let root = self.ground.as_ref().and_then(|ground| ground.root());
                match root.and_then(|root| root.open_kept(item.content).ok().flatten()) {
                    Some(reader) => Some(reader),
                    None => return false,
                }
            }
            Some(Place::Live { path, print }) => {
                let at = self.ground.as_ref().and_then(|ground| ground.locate(path));
                match at.and_then(|(root, path)| root.reader(&path, print).ok()) {
                    Some(reader) => Some(reader),
                    None => return false,
                }
            }
        };
        let starts = manifest.chunks.iter().scan(0_u64, |next, chunk| {
            let at = *next;
            *next += chunk.length;
            Some(at)
        });
        let (content, manifest, offsets) = (item.content, Arc::clone(manifest), starts.collect());
        self.open = Some(Open { content, manifest, offsets, live });
        true
    }

    fn chunk(&mut self, index: u32) -> Option<Vec<u8>> {
        let open = self.open.as_ref()?;
        let Some(reader) = &open.live else {
            return self.ground.as_ref()?.root()?.stage().read_chunk(open.content, index).ok().flatten();
        };
        let (offset, chunk) = (*open.offsets.get(index as usize)?, open.manifest.chunks.get(index as usize)?);
        let mut bytes = vec![0; usize::try_from(chunk.length).ok()?];
        let read = reader.read_at(offset, &mut bytes).ok()?;
        (read == bytes.len() && reader.still_same()).then_some(bytes)
    }
}
