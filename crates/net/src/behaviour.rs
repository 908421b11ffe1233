//! What the swarm is made of: transports, protocols and their settings.

use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::upgrade::Version;
use libp2p::kad::store::{MemoryStore, MemoryStoreConfig};
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::swarm::{NetworkBehaviour, StreamProtocol};
use libp2p::{
    PeerId, Swarm, Transport, allow_block_list, connection_limits, identify, identity, kad, noise, ping, quic, swarm,
    tcp, yamux,
};
use tokio::sync::mpsc;

use crate::error::NetError;
use crate::guard::{Guarded, SharedMode};
use crate::identity::Identity;
use crate::limits::{
    ESTABLISHED_MAX, HANDSHAKE_WAIT, IDLE_WAIT, NEGOTIATING_MAX, PENDING_IN_MAX, PENDING_OUT_MAX, PER_DEVICE_MAX,
    PING_EVERY, PING_WAIT, QUERY_WAIT, RECORD_BYTES_MAX, RECORD_LIFE, RECORDS_MAX, STREAMS_MAX,
};
use crate::{lan, limits_behaviour, streams};

/// The DHT is ours alone, never the public one.
pub(crate) const KADEMLIA: StreamProtocol = StreamProtocol::new("/shoal/kad/1");
/// What identify says of us: the program and its major version, no more.
const AGENT: &str = "shoal/1";
/// How many peers identify remembers.
const IDENTIFY_CACHE: usize = 100;

/// Everything that runs on a connection. Limits come first: what they refuse, the others never see.
#[derive(NetworkBehaviour)]
pub(crate) struct Behaviour {
    pub(crate) limits: limits_behaviour::Behaviour,
    pub(crate) counts: connection_limits::Behaviour,
    pub(crate) blocked: allow_block_list::Behaviour<allow_block_list::BlockedPeers>,
    pub(crate) streams: streams::Behaviour,
    pub(crate) ping: ping::Behaviour,
    pub(crate) identify: identify::Behaviour,
    pub(crate) mdns: Toggle<lan::Behaviour>,
    pub(crate) kad: Toggle<kad::Behaviour<MemoryStore>>,
}

/// Builds the swarm. Must run inside the runtime that will drive it.
pub(crate) fn swarm(
    identity: &Identity,
    mode: SharedMode,
    inbound: mpsc::Sender<streams::Inbound>,
    with_kademlia: bool,
) -> Result<Swarm<Behaviour>, NetError> {
    let key = identity.keypair();
    let me = key.public().to_peer_id();
    let transport = Guarded::new(transport(key)?, mode.clone());
    let behaviour = Behaviour {
        limits: limits_behaviour::Behaviour::new(mode),
        counts: connection_limits::Behaviour::new(counts()),
        blocked: allow_block_list::Behaviour::default(),
        streams: streams::Behaviour::new(inbound),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_EVERY).with_timeout(PING_WAIT)),
        identify: identify::Behaviour::new(
            identify::Config::new(AGENT.to_owned(), key.public())
                .with_agent_version(AGENT.to_owned())
                .with_cache_size(IDENTIFY_CACHE)
                .with_push_listen_addr_updates(false)
                .with_hide_listen_addrs(true),
        ),
        mdns: Toggle::from(None),
        kad: Toggle::from(with_kademlia.then(|| kademlia(me))),
    };
    let config = swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(IDLE_WAIT)
        .with_max_negotiating_inbound_streams(NEGOTIATING_MAX);
    Ok(Swarm::new(transport.boxed(), behaviour, me, config))
}

fn counts() -> connection_limits::ConnectionLimits {
    connection_limits::ConnectionLimits::default()
        .with_max_pending_incoming(Some(PENDING_IN_MAX))
        .with_max_pending_outgoing(Some(PENDING_OUT_MAX))
        .with_max_established(Some(ESTABLISHED_MAX))
        .with_max_established_per_peer(Some(PER_DEVICE_MAX as u32))
}

fn transport(key: &identity::Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let noise = noise::Config::new(key).map_err(|error| NetError::Start { what: error.to_string() })?;
    let mut multiplexer = yamux::Config::default();
    multiplexer.set_max_num_streams(STREAMS_MAX);
    let tcp = tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(multiplexer)
        .timeout(HANDSHAKE_WAIT)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    let mut config = quic::Config::new(key);
    config.max_concurrent_stream_limit = STREAMS_MAX as u32;
    let quic = quic::tokio::Transport::new(config).map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(tcp.or_transport(quic).map(|either, _| either.into_inner()).boxed())
}

fn kademlia(me: PeerId) -> kad::Behaviour<MemoryStore> {
    let store = MemoryStoreConfig {
        max_records: RECORDS_MAX,
        max_value_bytes: RECORD_BYTES_MAX,
        max_providers_per_key: 1,
        max_provided_keys: 1,
    };
    let mut config = kad::Config::new(KADEMLIA);
    config
        .disjoint_query_paths(true)
        .set_kbucket_inserts(kad::BucketInserts::Manual)
        .set_record_filtering(kad::StoreInserts::FilterBoth)
        .set_caching(kad::Caching::Disabled)
        .set_record_ttl(Some(RECORD_LIFE))
        .set_publication_interval(None)
        .set_replication_interval(None)
        .set_query_timeout(QUERY_WAIT);
    // A record and the peers beside it must fit one packet.
    config.set_max_packet_size(2 * RECORD_BYTES_MAX);
    let mut kademlia = kad::Behaviour::with_config(me, MemoryStore::with_config(me, store), config);
    // Without this nobody serves: the mode stays "client" until an external address is confirmed.
    kademlia.set_mode(Some(kad::Mode::Server));
    kademlia
}
