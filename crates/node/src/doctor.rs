//! Doctor: looks for what is in the way of being found and of working. Tries things instead of guessing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use serde::Serialize;
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

use crate::home::Home;
use crate::view::{NetworkState, View};

/// How long our own packet or connection may take to come back to us.
const ECHO_MAX: Duration = Duration::from_secs(1);

/// The group that announcements go to.
const GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);

/// Fewer watches than this, and a large folder is only looked through from time to time.
const WATCHES_MIN: u64 = 65_536;

/// 2025, in seconds since 1970: a clock before this program was written is wrong.
const YEAR_2025_S: u64 = 1_735_689_600;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// A Shoal runs for this home.
    Running,
    /// A directory of the home can be written.
    HomeWritable,
    /// The clock is not far in the past, and has not gone back since the last start.
    Clock,
    /// Some interface has an address.
    Network,
    /// Shoal listens where other computers can reach it, and not only on this computer itself.
    Listening,
    /// What we announce on an address is heard by ourselves.
    Multicast,
    /// Our own port answers on our own address.
    PortReachable,
    /// The system lets us watch enough directories.
    Watches,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All is well.
    Good,
    /// Something is in the way.
    Bad,
    /// It could not be told.
    Unknown,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub kind: CheckKind,
    /// Which directory or address, or a number.
    pub subject: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Check {
    fn new(kind: CheckKind, subject: impl Into<String>, is_good: bool) -> Self {
        Self { kind, subject: subject.into(), outcome: if is_good { Outcome::Good } else { Outcome::Bad } }
    }

    fn unknown(kind: CheckKind, subject: impl Into<String>) -> Self {
        Self { kind, subject: subject.into(), outcome: Outcome::Unknown }
    }
}

/// Runs every check; with the view of the running Shoal also those that need its addresses.
pub async fn examine(home: &Home, view: Option<&View>) -> Vec<Check> {
    let mut checks = vec![Check::new(CheckKind::Running, "", view.is_some())];
    for dir in [&home.config, &home.data, &home.state, &home.cache, &home.run] {
        checks.push(Check::new(CheckKind::HomeWritable, dir.to_string_lossy(), is_writable(dir).is_ok()));
    }
    checks.push(clock(home));
    if let Some(view) = view {
        checks.push(Check::new(CheckKind::Network, "", view.network.state != NetworkState::None));
    }
    let addresses: Vec<SocketAddr> = view.map(listening).unwrap_or_default();
    let is_only_here = !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback());
    if !addresses.is_empty() {
        checks.push(Check::new(CheckKind::Listening, addresses[0].to_string(), !is_only_here));
    }
    for ip in own_ips(&addresses).await {
        checks.push(multicast(ip).await);
    }
    for address in addresses {
        let reached = timeout(ECHO_MAX, TcpStream::connect(address)).await;
        checks.push(Check::new(CheckKind::PortReachable, address.to_string(), matches!(reached, Ok(Ok(_)))));
    }
    checks.extend(watches());
    checks
}

fn is_writable(dir: &Path) -> io::Result<()> {
    let probe = dir.join(format!(".doctor-{}", std::process::id()));
    fs::write(&probe, b"Shoal looks whether it may write here.")?;
    fs::remove_file(probe)
}

fn clock(home: &Home) -> Check {
    let now = SystemTime::now();
    let is_recent = now.duration_since(UNIX_EPOCH).is_ok_and(|since| since.as_secs() > YEAR_2025_S);
    let started = fs::metadata(home.run.join("lock")).and_then(|lock| lock.modified());
    let went_back = started.is_ok_and(|started| started > now + Duration::from_secs(60));
    Check::new(CheckKind::Clock, "", is_recent && !went_back)
}

/// The TCP addresses among those that others can dial: `/ip4/192.168.1.4/tcp/4001/…`.
fn listening(view: &View) -> Vec<SocketAddr> {
    let parse = |address: &String| {
        let mut parts = address.split('/').skip(1);
        let ip: IpAddr = match (parts.next()?, parts.next()?) {
            ("ip4" | "ip6", ip) => ip.parse().ok()?,
            _ => return None,
        };
        let port = (parts.next()? == "tcp").then(|| parts.next())??.parse().ok()?;
        Some(SocketAddr::new(ip, port))
    };
    view.me.addresses.iter().filter_map(parse).collect()
}

/// The IPv4 addresses of this computer: where we listen, else the one that packets leave by.
async fn own_ips(addresses: &[SocketAddr]) -> Vec<Ipv4Addr> {
    if !addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()) {
        // Whatever is heard elsewhere, nothing of ours goes there.
        return Vec::new();
    }
    let mut ips: Vec<Ipv4Addr> = addresses.iter().filter_map(ipv4).filter(|ip| !ip.is_loopback()).collect();
    if ips.is_empty() {
        ips.extend(leaving_by().await.ok().flatten());
    }
    ips.sort();
    ips.dedup();
    ips
}

fn ipv4(address: &SocketAddr) -> Option<Ipv4Addr> {
    match address.ip() {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

/// Connecting a UDP socket sends nothing, but chooses the address to send from.
async fn leaving_by() -> io::Result<Option<Ipv4Addr>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect((GROUP, 5353)).await?;
    Ok(ipv4(&socket.local_addr()?).filter(|ip| !ip.is_unspecified()))
}

/// Sends a packet to the group from one address and listens for it there.
async fn multicast(ip: Ipv4Addr) -> Check {
    match timeout(ECHO_MAX, hear_ourselves(ip)).await {
        Ok(Ok(())) => Check::new(CheckKind::Multicast, ip.to_string(), true),
        Err(_) => Check::new(CheckKind::Multicast, ip.to_string(), false),
        Ok(Err(_)) => Check::unknown(CheckKind::Multicast, ip.to_string()),
    }
}

async fn hear_ourselves(ip: Ipv4Addr) -> io::Result<()> {
    let ear = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    ear.join_multicast_v4(GROUP, ip)?;
    let port = ear.local_addr()?.port();
    // Bound to the address, so that the packet leaves by its interface.
    let mouth = UdpSocket::bind((ip, 0)).await?;
    mouth.set_multicast_loop_v4(true)?;
    mouth.set_multicast_ttl_v4(1)?;
    let mut word = [0_u8; 16];
    getrandom::fill(&mut word).map_err(|error| io::Error::other(error.to_string()))?;
    mouth.send_to(&word, (GROUP, port)).await?;
    let mut heard = [0_u8; 32];
    loop {
        let (length, _) = ear.recv_from(&mut heard).await?;
        if heard.get(..length) == Some(word.as_slice()) {
            return Ok(());
        }
    }
}

/// How many directories Linux lets this user watch; other systems have no such limit.
fn watches() -> Option<Check> {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?;
    let limit: u64 = limit.trim().parse().ok()?;
    Some(Check::new(CheckKind::Watches, limit.to_string(), limit >= WATCHES_MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_home_that_cannot_be_written_is_found() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home::at(&dir.path().join("ana")).expect("a home");
        home.make().expect("made");
        fs::remove_dir(&home.cache).expect("removed");
        let checks = examine(&home, None).await;
        let bad: Vec<&str> = checks
            .iter()
            .filter(|check| check.kind == CheckKind::HomeWritable && check.outcome == Outcome::Bad)
            .map(|check| check.subject.as_str())
            .collect();
        assert_eq!(bad, [home.cache.to_string_lossy()]);
        assert!(checks.iter().any(|check| check.kind == CheckKind::Clock && check.outcome == Outcome::Good));
        assert_eq!(fs::read_dir(&home.config).expect("a list").count(), 0, "no probe is left");
    }

    #[tokio::test]
    async fn listening_on_this_computer_only_is_no_place_to_announce_from() {
        let here: SocketAddr = "127.0.0.1:4001".parse().expect("an address");
        assert_eq!(own_ips(&[here]).await, Vec::<Ipv4Addr>::new());
    }

    #[tokio::test]
    async fn multicast_is_tried_and_not_guessed() {
        // 192.0.2.1 belongs to nobody: sending from it cannot work, and is not called blocked.
        let check = multicast(Ipv4Addr::new(192, 0, 2, 1)).await;
        assert_eq!(check.outcome, Outcome::Unknown);
    }
}
