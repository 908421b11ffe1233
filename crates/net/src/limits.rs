//! Every bound of the network in one place, each with its reason.

use std::time::Duration;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Longest request header of a bulk stream, in bytes: names of many contents, still read in one go.
pub(crate) const BULK_HEADER_BYTES_MAX: usize = 64 * KIB;
/// Most bytes of one record inside a bulk stream: the length has its own four bytes, this keeps nonsense out.
pub(crate) const BULK_RECORD_BYTES_MAX: usize = 16 * MIB;
/// Frames waiting for one device, in bytes: enough to keep a link busy, and `send` waits beyond.
pub(crate) const QUEUE_BYTES_MAX: usize = 8 * MIB;
/// Frames waiting for one device, in number: many tiny frames cost memory of their own.
pub(crate) const QUEUE_FRAMES_MAX: usize = 1024;
/// Frames gathered into one write, in bytes: fewer wake-ups for small frames, no long wait for any.
pub(crate) const WRITE_GATHER_BYTES: usize = 64 * KIB;
/// Memory taken for a frame before its bytes have come: a claimed length costs the claimer, not us.
pub(crate) const READ_STEP_BYTES: usize = 64 * KIB;

/// Events waiting for the node: 32 MiB if all are the largest frames. When it falls behind, links read more slowly.
pub(crate) const EVENTS_MAX: usize = 32;
/// Hints (found, lost, failed dials, round trips) kept for a node that is behind; later ones are dropped.
pub(crate) const HINTS_MAX: usize = 1024;
/// Calls waiting for the network task.
pub(crate) const COMMANDS_MAX: usize = 256;
/// Dials asked for and not yet begun.
pub(crate) const DIALS_WAITING_MAX: usize = 256;
/// Inbound streams waiting to be handed over: more than all strangers may open in a burst.
pub(crate) const INBOUND_WAITING_MAX: usize = 256;
/// Control streams of one device that wait for a decision.
pub(crate) const CANDIDATES_MAX: usize = 4;

/// Streams on one connection, both ways: passing it ends the connection, so ours stay far below.
pub(crate) const STREAMS_MAX: usize = 64;
/// Bulk streams we open to one device at a time: with as many of theirs it is half of [`STREAMS_MAX`].
pub(crate) const BULK_OUT_MAX: usize = 16;
/// Bulk streams one device may have open to us: some more, since ends are seen late.
pub(crate) const BULK_IN_MAX: usize = 24;
/// Inbound streams of one connection in negotiation.
pub(crate) const NEGOTIATING_MAX: usize = 32;
/// Longest text in which a device tells where it listens, in bytes: all the addresses that are remembered of it.
pub(crate) const TOLD_BYTES_MAX: usize = ADDRESSES_MAX * (ADDRESS_BYTES_MAX + 1);
/// How long a bulk stream may take to say what it is for.
pub(crate) const BULK_HEADER_WAIT: Duration = Duration::from_secs(10);
/// How long both sides may take to greet on a control stream.
pub(crate) const GREETING_WAIT: Duration = Duration::from_secs(10);
/// How long opening a stream may take: what a slow link needs for two round trips, many times over.
pub(crate) const OPEN_WAIT: Duration = Duration::from_secs(10);
/// How long an old connection may take to prove that it lives when a second one turns up.
pub(crate) const PROBE_WAIT: Duration = Duration::from_secs(1);
/// How long a goodbye may take: whoever quits does not wait for a peer that is gone.
pub(crate) const GOODBYE_WAIT: Duration = Duration::from_millis(500);
/// Pause before a control stream is opened again on a connection that lost its own.
pub(crate) const REOPEN_PAUSE: Duration = Duration::from_secs(1);

/// Frames a stranger may send at once.
pub(crate) const STRANGER_FRAMES_BURST: u32 = 256;
/// Frames a stranger may send per second in the long run; what goes beyond is a flood and closes the link.
pub(crate) const STRANGER_FRAMES_PER_SECOND: u32 = 32;
/// Bytes a stranger's link is read at per second in the long run.
pub(crate) const STRANGER_BYTES_PER_SECOND: u32 = MIB as u32;
/// Bytes a stranger may send at once: an offer with many names.
pub(crate) const STRANGER_BYTES_BURST: u32 = 4 * MIB as u32;

/// How often a connection is asked whether it lives.
pub(crate) const PING_EVERY: Duration = Duration::from_secs(5);
/// How long the answer may take: with [`PING_EVERY`], "here" means answered within 15 s.
pub(crate) const PING_WAIT: Duration = Duration::from_secs(10);
/// How long a connection without streams is kept.
pub(crate) const IDLE_WAIT: Duration = Duration::from_secs(10);
/// How long a transport may take until the connection is authenticated.
pub(crate) const HANDSHAKE_WAIT: Duration = Duration::from_secs(10);

/// Inbound connections that are not yet authenticated.
pub(crate) const PENDING_IN_MAX: u32 = 64;
/// Dials under way.
pub(crate) const PENDING_OUT_MAX: u32 = 64;
/// Connections in all; paired devices pass.
pub(crate) const ESTABLISHED_MAX: u32 = 96;
/// Connections of devices that are not paired: each may make us hold a window of memory.
pub(crate) const STRANGERS_MAX: usize = 32;
/// Connections of one device: two that dial each other on both transports need four.
pub(crate) const PER_DEVICE_MAX: usize = 4;
/// Connections of strangers from one address: a few people behind one router.
pub(crate) const PER_ADDRESS_MAX: usize = 8;
/// Connections of strangers from one /24 (or /64).
pub(crate) const PER_SUBNET_MAX: usize = 32;
/// New connections of strangers from one address within a minute.
pub(crate) const NEW_PER_MINUTE_MAX: usize = 20;
/// The same two on loopback, where every instance of this computer shares one address.
pub(crate) const PER_LOOPBACK_MAX: usize = 64;
/// See [`PER_LOOPBACK_MAX`].
pub(crate) const NEW_PER_MINUTE_LOOPBACK_MAX: usize = 600;
/// Addresses whose recent connections are counted; the table is cleared of quiet ones first.
pub(crate) const ADDRESSES_COUNTED_MAX: usize = 4096;
/// Memory of the process beyond which no new connection is taken.
pub(crate) const MEMORY_BYTES_MAX: usize = 512 * MIB;

/// How long our mDNS record lives with others.
pub(crate) const MDNS_LIFE: Duration = Duration::from_secs(120);
/// How often mDNS asks.
pub(crate) const MDNS_QUERY_EVERY: Duration = Duration::from_secs(60);
/// How often mDNS asks while somebody looks at the list of people nearby.
pub(crate) const MDNS_QUERY_EVERY_OPEN: Duration = Duration::from_secs(10);
/// Records mDNS may hold: its list is searched linearly and has no bound of its own.
pub(crate) const MDNS_RECORDS_MAX: usize = 1024;
/// How long mDNS is left off after its list ran over.
pub(crate) const MDNS_PAUSE: Duration = Duration::from_secs(30);
/// Devices found and remembered; the least recently seen goes.
pub(crate) const FOUND_MAX: usize = 256;
/// Addresses remembered for one device.
pub(crate) const ADDRESSES_MAX: usize = 16;
/// Longest address text, in bytes.
pub(crate) const ADDRESS_BYTES_MAX: usize = 256;
/// Dials of found strangers per minute.
pub(crate) const STRANGER_DIALS_PER_MINUTE: u32 = 20;
/// How long the device with the greater id lets the other one dial first when both see each other.
pub(crate) const POLITE_WAIT: Duration = Duration::from_millis(400);
/// How long TCP is tried alone before QUIC is tried beside it: QUIC costs two to four times the processor.
pub(crate) const QUIC_AFTER: Duration = Duration::from_millis(400);
/// First pause between dials of a paired device.
pub(crate) const REDIAL_FIRST: Duration = Duration::from_secs(1);
/// Longest pause between dials of a paired device.
pub(crate) const REDIAL_MAX: Duration = Duration::from_secs(60);
/// Pause between dials of a found stranger.
pub(crate) const STRANGER_REDIAL: Duration = Duration::from_secs(30);
/// How often the list of instances on this computer is read.
pub(crate) const LOOPBACK_POLL: Duration = Duration::from_millis(500);
/// Instances on this computer that are looked at.
pub(crate) const LOOPBACK_INSTANCES_MAX: usize = 64;
/// Longest file in the list of instances, in bytes.
pub(crate) const LOOPBACK_FILE_BYTES_MAX: u64 = 8 * KIB as u64;
/// How often schedules are looked at: fine enough for pauses of a second.
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// A wall clock that ran this much further than the monotonic one means the computer slept.
pub(crate) const SLEPT_AFTER: Duration = Duration::from_secs(5);
/// How long interfaces must be quiet before a change is told: they come in bursts.
pub(crate) const NETWORK_QUIET: Duration = Duration::from_millis(200);
/// Ports tried after the preferred one.
pub(crate) const PORTS_TRIED_MAX: u16 = 32;

/// Largest DHT record, in bytes.
pub(crate) const RECORD_BYTES_MAX: usize = 16 * KIB;
/// Longest life of a DHT record.
pub(crate) const RECORD_LIFE: Duration = Duration::from_secs(24 * 3600);
/// DHT records held for others.
pub(crate) const RECORDS_MAX: usize = 1024;
/// How long a DHT query may take.
pub(crate) const QUERY_WAIT: Duration = Duration::from_secs(30);
/// How often our addresses are published although nothing changed: servers come and go.
pub(crate) const PUBLISH_EVERY: Duration = Duration::from_secs(1800);
/// Pause after our addresses changed, before they are published: they change in bursts.
pub(crate) const PUBLISH_QUIET: Duration = Duration::from_millis(300);
/// First pause between lookups of a device that is away.
pub(crate) const LOOKUP_FIRST: Duration = Duration::from_secs(2);
/// Longest pause between lookups of a device that is away.
pub(crate) const LOOKUP_MAX: Duration = Duration::from_secs(600);
/// DHT queries of ours under way: each holds streams and memory.
pub(crate) const QUERIES_MAX: usize = 8;
/// Paired devices the network keeps links to: as many as a person could own, and the bound of every table about them.
pub(crate) const PAIRED_MAX: usize = 1024;

/// Runs of one device that are remembered, to tell two with one key from one that restarted.
pub(crate) const RUNS_MAX: usize = 8;

/// How long each of two with one key has the link before the other one gets it: long enough to learn of the other's
/// blocks, or they would take it from each other many times a second and neither would ever know why.
pub(crate) const TWIN_TURN: Duration = Duration::from_secs(2);
