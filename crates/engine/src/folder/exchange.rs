//! Trading ledger records with the other members until all know the same.
//!
//! Everybody tells its heads on connecting and whenever they change; whoever lacks something asks for it. Our own new
//! block goes straight to those who have the block before it. Nothing is told before it is durable here.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::effect::{Effect, RecordKey, RecordRange, Tell};
use crate::event::WorkId;
use crate::folder::{Counted, Folder};
use crate::id::{ChainId, DeviceId, RecordHash, VersionId};
use crate::ledger::{AcceptedRecord, Content, Learned, PROOF_INDEX};
use crate::message::{ChainHead, Message};
use crate::time::Timestamp;
use crate::turn::Turn;

/// Most chains asked about at a time; the rest is asked for when those came.
const ASK_CHAINS_MAX: usize = 1024;
/// How long an unanswered question keeps us from asking that peer again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Pause between two reports of how far our disk is.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// What another member said of its disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TheirState {
    pub(crate) digest: RecordHash,
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    pub(crate) problems: u64,
}

/// What we know of another member that is connected now.
#[derive(Default)]
pub(crate) struct Peer {
    heads: BTreeMap<ChainId, ChainHead>,
    memberships: u64,
    /// How many blocks of our own chain we sent it.
    pushed: Option<(ChainId, u64)>,
    /// When it was asked, and for what.
    asked: Option<(Timestamp, Question)>,
    pub(crate) state: Option<TheirState>,
    reported: Option<TheirState>,
    /// The counts its invitation says.
    invited_to: Option<Counted>,
}

impl Peer {
    /// How many blocks of our own chain it has: as it said, or as we sent.
    fn own_blocks(&self, chain: ChainId) -> u64 {
        let pushed = self.pushed.filter(|(pushed, _)| *pushed == chain).map_or(0, |(_, blocks)| blocks);
        self.heads.get(&chain).map_or(0, |head| head.blocks).max(pushed)
    }
}

/// Memberships from, and blocks from.
type Question = (Option<u64>, Vec<(ChainId, u64)>);

/// What is told once it is durable.
struct Announcement {
    own: Option<AcceptedRecord>,
    from: Option<DeviceId>,
    chains: BTreeSet<ChainId>,
    /// The first block of each chain that is on its way to the disk.
    first: BTreeMap<ChainId, u64>,
    /// The first entry of each chain that is on its way to the disk.
    first_entry: BTreeMap<ChainId, u64>,
    /// The first membership entry that is on its way to the disk.
    membership: Option<u64>,
    /// Who is out by it, and learns that from us.
    removed: Vec<DeviceId>,
}

/// The folder's conversation with the other members.
#[derive(Default)]
pub(crate) struct Exchange {
    pub(crate) peers: BTreeMap<DeviceId, Peer>,
    announcements: BTreeMap<WorkId, Announcement>,
    last_report: Timestamp,
    is_report_due: bool,
}

impl Exchange {
    /// A record of ours is on its way to the disk.
    pub(super) fn wrote(&mut self, work: WorkId, record: AcceptedRecord, removed: Vec<DeviceId>) {
        let first: BTreeMap<ChainId, u64> = match &record.content {
            Content::Block(block) => BTreeMap::from([(block.chain, block.index)]),
            Content::Membership | Content::Fork(_) => BTreeMap::new(),
        };
        let record_key = record.key;
        let mut first_entry = BTreeMap::new();
        note_first_entry(&mut first_entry, &record);
        self.announcements.insert(
            work,
            Announcement {
                own: Some(record),
                from: None,
                chains: first.keys().copied().collect(),
                first,
                first_entry,
                membership: membership_of(record_key),
                removed,
            },
        );
    }

    /// How many blocks of a chain are durable, if not all of them.
    pub(super) fn durable_blocks(&self, chain: ChainId) -> Option<u64> {
        self.announcements.values().filter_map(|announcement| announcement.first.get(&chain)).min().copied()
    }

    /// Whether the entry that made a version is durable.
    pub(super) fn is_durable(&self, version: VersionId) -> bool {
        let is_on_its_way = |announcement: &Announcement| {
            announcement.first_entry.get(&version.chain).is_some_and(|first| *first <= version.sequence)
        };
        !self.announcements.values().any(is_on_its_way)
    }

    /// How many membership entries are durable, if not all of them.
    pub(super) fn durable_memberships(&self) -> Option<u64> {
        self.announcements.values().filter_map(|announcement| announcement.membership).min()
    }

    /// When our state is reported next.
    pub(crate) fn deadline(&self) -> Option<Timestamp> {
        let ask =
            self.peers.values().filter_map(|peer| peer.asked.as_ref()).map(|(at, _)| at.after(ASK_AGAIN_AFTER)).min();
        [self.is_report_due.then(|| self.last_report.after(REPORT_EVERY)), ask].into_iter().flatten().min()
    }

    /// Whether everything recorded was made durable.
    pub(crate) fn is_idle(&self) -> bool {
        self.announcements.is_empty()
    }
}

impl Folder {
    pub(super) fn tell_heads(&mut self, to: DeviceId, turn: &mut Turn<'_>) {
        // What is not durable is told when it is, also to whom it came from: they may have been set back since.
        let announcements = self.exchange.announcements.values_mut();
        announcements.filter(|one| one.from == Some(to)).for_each(|one| one.from = None);
        let chains = self.ledger.heads().into_iter().filter(|head| self.is_durable(head.chain)).collect();
        let message =
            Message::Heads { folder: self.id, memberships: self.durable_memberships(), is_complete: true, chains };
        turn.send(to, &message);
        self.exchange.is_report_due = true;
    }

    /// What a peer knows.
    pub(crate) fn heard_heads(
        &mut self,
        from: DeviceId,
        memberships: u64,
        is_complete: bool,
        chains: Vec<ChainHead>,
        turn: &mut Turn<'_>,
    ) {
        if self.record.invited.contains(&from) {
            self.invitation_answered(from, turn);
        }
        if self.ledger.was_member(from) && memberships < self.durable_memberships() {
            // It was removed while it was away: it learns that, and nothing more.
            return self.asked_records(from, memberships, &[], turn);
        }
        let Some(peer) = self.exchange.peers.get_mut(&from) else { return };
        if is_complete {
            // It begins anew, and has not heard how far we are.
            peer.heads.clear();
            peer.reported = None;
        }
        // News: a question that was asked before it is answered too early.
        if !planted!(QuestionsAskedOnce) {
            peer.asked = None;
        }
        peer.memberships = memberships;
        peer.heads.extend(chains.iter().map(|head| (head.chain, *head)));
        // Somebody knows more of our chain than we do: our memory was rolled back. We take theirs and write elsewhere.
        let own = ChainId { device: self.me, incarnation: self.record.incarnation };
        let ours = self.ledger.head(own).map_or(0, |head| head.blocks);
        if chains.iter().any(|head| head.chain == own && head.blocks > ours) {
            self.new_incarnation(turn);
        }
        let theirs: Vec<ChainHead> = peer_heads(&self.exchange, from);
        let proofs = self.ledger.proofs_for(memberships, &theirs);
        if !proofs.is_empty() {
            turn.push(Effect::SendRecords { to: from, folder: self.id, records: proofs });
        }
        self.ask(from, turn);
    }

    /// Writes under a fresh number from now on.
    pub(super) fn new_incarnation(&mut self, turn: &mut Turn<'_>) {
        if !planted!(IncarnationKept) {
            self.record.incarnation = turn.dice.number();
        }
        turn.push(Effect::SaveFolder(self.record.clone()));
        self.note_witness(turn);
    }

    /// Asks a peer for what it knows and we lack.
    pub(super) fn ask(&mut self, from: DeviceId, turn: &mut Turn<'_>) {
        let theirs: Vec<ChainHead> = peer_heads(&self.exchange, from);
        let Some(peer) = self.exchange.peers.get_mut(&from) else { return };
        if self.ledger.needs_refold() {
            return;
        }
        let mut chains = self.ledger.lacking(&theirs);
        chains.truncate(ASK_CHAINS_MAX);
        let memberships = self.ledger.lacking_memberships(peer.memberships);
        if chains.is_empty() && memberships.is_none() {
            peer.asked = None;
            return;
        }
        let question = (memberships, chains.clone());
        let is_asked_for_ever = planted!(QuestionsAskedOnce) && peer.asked.is_some();
        if is_asked_for_ever
            || peer
                .asked
                .as_ref()
                .is_some_and(|(at, before)| *before == question && turn.now.since(*at) < ASK_AGAIN_AFTER)
        {
            return;
        }
        peer.asked = Some((turn.now, question));
        let memberships_from = memberships.unwrap_or_else(|| self.ledger.memberships());
        turn.send(from, &Message::Ask { folder: self.id, memberships_from, chains });
    }

    /// A peer asks for records. Somebody who was removed may still learn of it, and nothing else.
    pub(crate) fn asked_records(
        &mut self,
        from: DeviceId,
        memberships_from: u64,
        chains: &[(ChainId, u64)],
        turn: &mut Turn<'_>,
    ) {
        let chains = match self.ledger.role(from) {
            Some(_) => chains,
            None if self.ledger.was_member(from) => &[],
            None => return,
        };
        let ranges = self.ledger.ranges_for(memberships_from, chains).ranges;
        let records: Vec<RecordRange> = ranges.into_iter().filter_map(|range| self.durable_part(range)).collect();
        if !records.is_empty() {
            turn.push(Effect::SendRecords { to: from, folder: self.id, records });
        }
    }

    pub(super) fn durable_memberships(&self) -> u64 {
        self.exchange.durable_memberships().unwrap_or(u64::MAX).min(self.ledger.memberships())
    }

    /// Whether everything of a chain, or of the membership that is shown as one, is durable.
    fn is_durable(&self, chain: ChainId) -> bool {
        let is_membership = chain.device.0 == self.id.0;
        if is_membership {
            self.exchange.durable_memberships().is_none()
        } else {
            self.exchange.durable_blocks(chain).is_none()
        }
    }

    /// As much of a range as is durable.
    fn durable_part(&self, range: RecordRange) -> Option<RecordRange> {
        let (chain, from, to) = match range {
            RecordRange::Blocks { chain, from, to } => (chain, from, to),
            RecordRange::Memberships { from, to } if from < PROOF_INDEX => {
                let to = to.min(self.durable_memberships());
                return (from < to).then_some(RecordRange::Memberships { from, to });
            }
            RecordRange::Memberships { .. } => return Some(range),
        };
        let Some(durable) =
            self.exchange.durable_blocks(chain).filter(|_| from != PROOF_INDEX && !planted!(ToldTooEarly))
        else {
            return Some(range);
        };
        let to = to.min(durable);
        (from < to).then_some(RecordRange::Blocks { chain, from, to })
    }

    /// Records came.
    pub(crate) fn received_records(&mut self, from: DeviceId, records: Vec<Vec<u8>>, turn: &mut Turn<'_>) {
        let is_stopped = self.ledger_is_closed();
        if self.ledger.role(from).is_none() || is_stopped {
            return;
        }
        let memberships = self.ledger.memberships();
        let mut accepted = Vec::new();
        for record in &records {
            match self.ledger.learn(record) {
                Learned::Accepted(list) => accepted.extend(list),
                // A fork makes the ledger stale: it is read again, which makes the proof.
                Learned::Known | Learned::Waiting | Learned::Forked(_) => {}
                Learned::Refused(_) => turn.tell(Tell::Refused(self.id, from)),
            }
        }
        self.take_in(accepted, from, turn);
        if self.ledger.memberships() != memberships {
            self.membership_changed(turn);
        }
        self.ask(from, turn);
    }

    /// Takes accepted records of others into the heads and asks for them to be made durable.
    fn take_in(&mut self, accepted: Vec<AcceptedRecord>, from: DeviceId, turn: &mut Turn<'_>) {
        if accepted.is_empty() {
            return;
        }
        let own = ChainId { device: self.me, incarnation: self.record.incarnation };
        let has_twin = self.is_of_twin(&accepted);
        let (mut first, mut first_entry) = (BTreeMap::new(), BTreeMap::new());
        let mut records: Vec<(RecordKey, Vec<u8>)> = Vec::with_capacity(accepted.len());
        let membership = accepted.iter().filter_map(|record| membership_of(record.key)).min();
        for record in accepted {
            if let Content::Block(block) = &record.content {
                first.entry(block.chain).or_insert(block.index);
            }
            note_first_entry(&mut first_entry, &record);
            self.fold(&record);
            records.push((record.key, record.bytes));
        }
        let chains: BTreeSet<ChainId> = first.keys().copied().collect();
        if chains.contains(&own) {
            self.new_incarnation(turn);
        }
        if has_twin {
            self.stop_for_twin(turn);
        }
        if let Some(peer) = self.exchange.peers.get_mut(&from) {
            // It has what it sent.
            for head in chains.iter().filter_map(|chain| self.ledger.head(*chain)) {
                let known = peer.heads.entry(head.chain).or_insert(head);
                if known.blocks < head.blocks {
                    *known = head;
                }
            }
        }
        let work = self.append(records, turn);
        let (own, from, removed) = (None, Some(from), Vec::new());
        self.exchange
            .announcements
            .insert(work, Announcement { own, from, chains, first, first_entry, membership, removed });
    }

    /// Records are durable: now others may hear of them.
    pub(super) fn announce(&mut self, work: WorkId, turn: &mut Turn<'_>) {
        self.recording.durable(work);
        let Some(announcement) = self.exchange.announcements.remove(&work) else { return };
        self.exchange.is_report_due = true;
        // Before anybody hears of it.
        self.note_witness(turn);
        if let Some(own) = announcement.own.as_ref().filter(|_| announcement.membership.is_some()) {
            for device in &announcement.removed {
                turn.send(
                    *device,
                    &Message::Records { folder: self.id, records: vec![own.bytes.clone()], has_more: false },
                );
            }
            let invited: Vec<DeviceId> =
                self.record.invited.iter().copied().filter(|device| self.exchange.peers.contains_key(device)).collect();
            invited.into_iter().for_each(|device| self.invite(device, turn));
        }
        let is_durable = |chain: &&ChainId| self.exchange.durable_blocks(**chain).is_none() || planted!(ToldTooEarly);
        let heads: Vec<ChainHead> =
            announcement.chains.iter().filter(is_durable).filter_map(|chain| self.ledger.head(*chain)).collect();
        if heads.is_empty() && !announcement.chains.is_empty() {
            // Something before it is still on its way to the disk, and is told together with it.
            return;
        }
        for device in self.peers() {
            let Some(peer) = self.exchange.peers.get_mut(&device) else { continue };
            if announcement.from == Some(device) {
                continue;
            }
            if let Some(own) = &announcement.own
                && let Content::Block(block) = &own.content
                && heads.iter().all(|head| head.blocks == block.index + 1)
                && !heads.is_empty()
                && peer.own_blocks(block.chain) == block.index
                && peer.memberships == self.ledger.memberships()
            {
                peer.pushed = Some((block.chain, block.index + 1));
                turn.send(
                    device,
                    &Message::Records { folder: self.id, records: vec![own.bytes.clone()], has_more: false },
                );
                continue;
            }
            let message = Message::Heads {
                folder: self.id,
                memberships: self.durable_memberships(),
                is_complete: false,
                chains: heads.clone(),
            };
            turn.send(device, &message);
        }
    }

    /// Whether another member said that it knows of a version, or heard of it from us.
    pub(super) fn has_heard(&self, peer: &Peer, version: VersionId) -> bool {
        let blocks = match peer.heads.get(&version.chain) {
            head if version.chain.device == self.me => {
                head.map_or(0, |head| head.blocks).max(peer.own_blocks(version.chain))
            }
            head => head.map_or(0, |head| head.blocks),
        };
        self.ledger.entries_in(version.chain, blocks) > version.sequence
    }

    /// How far another member's disk is.
    pub(crate) fn heard_state(&mut self, from: DeviceId, state: TheirState) {
        if let Some(peer) = self.exchange.peers.get_mut(&from) {
            peer.state = Some(state);
        }
    }

    /// Asks again what stayed unanswered.
    pub(super) fn exchange_due(&mut self, turn: &mut Turn<'_>) {
        let now = turn.now;
        let is_late = |peer: &Peer| peer.asked.as_ref().is_some_and(|(at, _)| now.since(*at) >= ASK_AGAIN_AFTER);
        let late: Vec<DeviceId> =
            self.exchange.peers.iter().filter(|(_, peer)| is_late(peer)).map(|(device, _)| *device).collect();
        late.into_iter().for_each(|device| self.ask(device, turn));
    }

    /// Tells the others how far this disk is, when that changed.
    pub(super) fn report_due(&mut self, turn: &mut Turn<'_>) {
        let ours = self.our_state();
        let is_news = self.exchange.peers.values().any(|peer| peer.reported != Some(ours));
        self.exchange.is_report_due = is_news;
        if !is_news || turn.now.since(self.exchange.last_report) < REPORT_EVERY || self.exchange.peers.is_empty() {
            return;
        }
        self.exchange.last_report = turn.now;
        self.exchange.is_report_due = false;
        let TheirState { digest, files, bytes, problems } = ours;
        let invited: Vec<DeviceId> =
            self.record.invited.iter().copied().filter(|device| self.exchange.peers.contains_key(device)).collect();
        for device in invited {
            // So that the invitation says how much there is when that is known.
            let counts = self.counted();
            let is_news = self
                .exchange
                .peers
                .get_mut(&device)
                .is_some_and(|peer| peer.invited_to.replace(counts) != Some(counts));
            if is_news && self.looking.is_walked {
                self.invite(device, turn);
            }
        }
        for (device, peer) in &mut self.exchange.peers {
            if peer.reported != Some(ours) {
                peer.reported = Some(ours);
                turn.effects.push(Effect::Send {
                    to: *device,
                    frame: crate::codec::encode(&Message::State { folder: self.id, digest, files, bytes, problems }),
                });
            }
        }
    }
}

/// Notes the first entry of a record's chain.
fn note_first_entry(first: &mut BTreeMap<ChainId, u64>, record: &AcceptedRecord) {
    if let Content::Block(block) = &record.content
        && let Some(entry) = block.entries.first()
    {
        let known = first.entry(block.chain).or_insert(entry.id.sequence);
        *known = (*known).min(entry.id.sequence);
    }
}

/// What a peer said of its chains.
fn peer_heads(exchange: &Exchange, device: DeviceId) -> Vec<ChainHead> {
    exchange.peers.get(&device).map(|peer| peer.heads.values().copied().collect()).unwrap_or_default()
}

/// The number of a membership entry among the records.
fn membership_of(key: RecordKey) -> Option<u64> {
    match key {
        RecordKey::Membership(number) => Some(number).filter(|number| *number < PROOF_INDEX),
        RecordKey::Genesis | RecordKey::Block(..) => None,
    }
}
