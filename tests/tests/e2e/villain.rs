//! A peer with a real key and a real link that says whatever it likes.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use shoal_engine::codec;
use shoal_engine::effect::Effect;
use shoal_engine::engine::{Dice, Engine};
use shoal_engine::event::Event;
use shoal_engine::id::DeviceId;
use shoal_engine::message::{FetchRequest, Message};
use shoal_engine::request::Request;
use shoal_engine::saved::Saved;
use shoal_engine::status::PairingStage;
use shoal_engine::time::Timestamp;
use shoal_net::{Mode, Net, NetConfig, NetEvent};
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::harness::{PATIENCE, Shoal, World};

/// How long is listened at a time.
const LISTEN: Duration = Duration::from_millis(5);

/// The peer, and what it heard. Its engine does what is proper; everything else is said past it.
pub(crate) struct Villain {
    pub(crate) seed: [u8; 32],
    pub(crate) heard: Vec<Message>,
    /// How often its link was closed.
    pub(crate) losses: usize,
    runtime: Runtime,
    net: Net,
    events: mpsc::Receiver<NetEvent>,
    engine: Engine,
    victim: DeviceId,
    victims_address: String,
    addresses: Vec<String>,
    is_linked: bool,
}

impl Villain {
    pub(crate) fn start(world: &World, victim: &Shoal) -> Villain {
        let runtime = Runtime::new().expect("a runtime");
        let key_file = world.dir("Eve-home").join("device.key");
        let identity = shoal_net::load_or_create_identity(&key_file, false).expect("a key");
        let seed = *identity.signing_seed();
        let config = NetConfig {
            key_file,
            listen_port: 0,
            listen_ips: vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
            mdns: false,
            kademlia: false,
            bootstrap: Vec::new(),
            loopback_list: None,
        };
        let (net, events) = runtime.block_on(shoal_net::start(config, identity)).expect("a network");
        net.set_mode(Mode::Normal);
        let saved = Saved { name: "Eve".to_owned(), ..Saved::default() };
        Villain {
            seed,
            heard: Vec::new(),
            losses: 0,
            engine: Engine::restore(seed, Dice::from_seed(seed), saved),
            runtime,
            net,
            events,
            victim: DeviceId::parse(&victim.id()).expect("an id"),
            victims_address: victim.address(),
            addresses: Vec::new(),
            is_linked: false,
        }
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.net.device_id()
    }

    /// Listens until something is so.
    pub(crate) fn until<T>(&mut self, what: &str, mut find: impl FnMut(&mut Villain) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            self.listen(LISTEN);
            if let Some(found) = find(self) {
                return found;
            }
        }
        panic!("no {what} in time; heard {:?}", self.heard.last())
    }

    /// Has a link, by dialling again and again if there is none.
    pub(crate) fn link(&mut self) {
        if !self.is_linked {
            self.net.dial(Some(self.victim), vec![self.victims_address.clone()]);
        }
        self.until("link", |villain| villain.is_linked.then_some(()));
    }

    /// Listens for a while.
    pub(crate) fn listen(&mut self, time: Duration) {
        loop {
            let next = self.runtime.block_on(async { tokio::time::timeout(time, self.events.recv()).await });
            match next {
                Ok(Some(event)) => self.take(event),
                Ok(None) => panic!("the villain's network stopped"),
                Err(_) => return,
            }
        }
    }

    #[allow(clippy::wildcard_enum_match_arm, reason = "what else happens is no matter")]
    fn take(&mut self, event: NetEvent) {
        match event {
            NetEvent::Listening { addresses } => self.addresses = addresses,
            NetEvent::Connected { device, .. } => {
                self.is_linked = true;
                self.tell(Event::Connected { device });
            }
            NetEvent::Disconnected { device } => {
                self.is_linked = false;
                self.losses += 1;
                self.tell(Event::Disconnected { device });
            }
            NetEvent::Frame { device, frame } => {
                self.heard.extend(codec::decode(&frame));
                self.tell(Event::Received { from: device, frame });
            }
            _ => {}
        }
    }

    /// Lets the engine do what is proper, as far as it says something.
    fn tell(&mut self, event: Event) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Timestamp(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        for effect in self.engine.handle(now, event) {
            if let Effect::Send { frame, .. } = effect {
                self.say(frame);
            }
        }
    }

    /// Says something, whatever it is; a link that closed meanwhile loses it.
    pub(crate) fn say(&mut self, frame: Vec<u8>) {
        let _ = self.runtime.block_on(self.net.send(self.victim, frame));
    }

    pub(crate) fn say_message(&mut self, message: &Message) {
        self.say(codec::encode(message));
    }

    /// Asks for bytes and says what came.
    pub(crate) fn ask(&mut self, request: &FetchRequest) -> Vec<u8> {
        self.link();
        let (net, victim, header) = (self.net.clone(), self.victim, codec::encode_request(request));
        self.runtime.block_on(async move {
            let mut got = Vec::new();
            if let Ok(mut stream) = net.open_bulk(victim, header).await {
                // An error ends the answer like an end does.
                let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got)).await;
            }
            got
        })
    }

    /// Pairs with the victim, whose person types the code that is shown here.
    pub(crate) fn pair(&mut self, victim: &Shoal) {
        let address = self.until("own address", |villain| {
            villain.addresses.iter().find(|address| address.contains("/tcp/")).cloned()
        });
        let command = victim.typing(&["pair", &address]);
        let them = self.victim;
        let pairing = move |villain: &Villain| {
            let all = villain.engine.status(Timestamp(0)).pairings;
            all.into_iter().find(|pairing| pairing.device == them)
        };
        let code = self.until("code", |villain| pairing(villain)?.code);
        let typed = std::thread::spawn(move || command.type_line(&code));
        self.until("match", |villain| (pairing(villain)?.stage == PairingStage::Matched).then_some(()));
        self.tell(Event::User(Request::ConfirmPair(them, true)));
        self.until("the end of the command", |_| typed.is_finished().then_some(()));
        let output = typed.join().expect("typed");
        assert!(output.status.success(), "{output:?}");
    }
}
