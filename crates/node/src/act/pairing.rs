//! Reaches devices and begins pairings: with one that is seen, at an address, or by a link.

use std::time::Duration;

use shoal_engine::id::DeviceId;
use shoal_engine::request::Request;
use shoal_net::DialFailure;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use super::{Acted, wish};
use crate::command::Answer;
use crate::contacts::News;
use crate::node::Node;
use crate::picks::random;
use crate::view::{ErrorCode, Trouble};

/// How long somebody who typed an address waits for an answer there.
const REACH_MAX: Duration = Duration::from_secs(10);

/// How long a pairing link is good.
const LINK_LIFE: Duration = Duration::from_secs(300);

/// What a pairing link begins with.
const LINK_START: &str = "shoal://pair?";

/// Longest link or address that is read.
const TEXT_BYTES_MAX: usize = 4096;

/// Most addresses in a link: it must fit a QR code.
const LINK_ADDRESSES_MAX: usize = 6;

pub(super) async fn pair(node: &Node, device: DeviceId) -> Acted {
    let hands = node.hands();
    if device == hands.me {
        return Err(Trouble::plain(ErrorCode::BadAddress));
    }
    hands.uses(device);
    if !hands.contacts.is_linked(device) {
        let known = hands.contacts.facts().last_addresses.get(&device).cloned();
        hands.net.dial(Some(device), known.into_iter().collect());
    }
    wish(node, Request::Pair(device)).await
}

pub(super) async fn pair_address(node: &Node, address: &str) -> Acted {
    let device = reach(node, address.trim()).await?;
    pair(node, device).await
}

/// Dials an address and says who answered.
async fn reach(node: &Node, address: &str) -> Result<DeviceId, Trouble> {
    let bad = || Trouble::plain(ErrorCode::BadAddress);
    if address.is_empty() || address.len() > TEXT_BYTES_MAX {
        return Err(bad());
    }
    let named = address.rsplit_once('/').and_then(|(_, last)| DeviceId::parse(last));
    if let Some(device) = named.filter(|device| node.hands().contacts.is_linked(*device)) {
        return Ok(device);
    }
    let mut news = node.hands().contacts.listen();
    node.hands().net.dial(named, vec![address.to_owned()]);
    let place = place_of(address);
    let answer = async {
        let mut answering = named;
        loop {
            match news.recv().await {
                Ok(News::Linked { device, remote }) => {
                    if answering == Some(device) || (named.is_none() && place_of(&remote) == place) {
                        return Ok(device);
                    }
                }
                // Whoever is linked already, as everybody nearby is, gets no second link.
                Ok(News::Reached { device, address }) if named.is_none() && place_of(&address) == place => {
                    if node.hands().contacts.is_linked(device) {
                        return Ok(device);
                    }
                    answering = Some(device);
                }
                Ok(News::Reached { .. }) => {}
                Ok(News::Failed { device, address: failed, reason }) => {
                    let is_ours =
                        failed == address || place_of(&failed) == place || (named.is_some() && device == named);
                    match reason {
                        DialFailure::BadAddress | DialFailure::Ourselves if is_ours => return Err(bad()),
                        // Other transports of one address may still answer.
                        DialFailure::BadAddress
                        | DialFailure::Ourselves
                        | DialFailure::Unreachable
                        | DialFailure::WrongDevice
                        | DialFailure::Refused => {}
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return Err(bad()),
            }
        }
    };
    let unreachable = || Trouble::plain(ErrorCode::Unreachable).text("device", address);
    timeout(REACH_MAX, answer).await.unwrap_or_else(|_| Err(unreachable()))
}

/// Host and port of an address in either form, so that two of them can be compared.
fn place_of(address: &str) -> Option<(String, String)> {
    if !address.starts_with('/') {
        let (host, port) = address.split('/').next()?.rsplit_once(':')?;
        return Some((host.trim_matches(['[', ']']).to_owned(), port.to_owned()));
    }
    let mut parts = address.split('/').skip(2);
    let host = parts.next()?.to_owned();
    parts.next()?;
    Some((host, parts.next()?.to_owned()))
}

pub(super) async fn enter_code(node: &Node, device: DeviceId, code: &str) -> Acted {
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').collect();
    if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    wish(node, Request::EnterCode(device, digits)).await
}

pub(super) async fn make_link(node: &Node) -> Acted {
    let hands = node.hands();
    let token: [u8; 16] = random();
    node.request(Request::InviteToPair(token)).await?;
    let me = hands.me.to_string();
    let hex: String = token.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut link = format!("{LINK_START}id={me}&t={hex}");
    for address in hands.contacts.addresses().iter().take(LINK_ADDRESSES_MAX) {
        let bare = address.split("/p2p/").next().unwrap_or(address);
        link.push_str(&format!("&a={bare}"));
    }
    let expires_at = crate::show::number(hands.clock.now().after(LINK_LIFE).0);
    Ok(Answer::PairLink { link, expires_at })
}

pub(super) async fn pair_link(node: &Node, link: &str) -> Acted {
    let Link { device, token, addresses } =
        Link::parse(link.trim()).ok_or_else(|| Trouble::plain(ErrorCode::BadAddress))?;
    if device == node.hands().me {
        return Err(Trouble::plain(ErrorCode::BadAddress));
    }
    node.hands().uses(device);
    node.hands().net.dial(Some(device), addresses);
    wish(node, Request::PairByToken(device, token)).await
}

/// Blocked devices have no trust to keep: forgetting one unblocks it.
pub(super) async fn unblock(node: &Node, device: DeviceId) -> Acted {
    wish(node, Request::Forget(device)).await
}

#[derive(Debug, PartialEq, Eq)]
struct Link {
    device: DeviceId,
    token: [u8; 16],
    addresses: Vec<String>,
}

impl Link {
    /// Reads a link that came from outside.
    fn parse(text: &str) -> Option<Link> {
        let query = text.strip_prefix(LINK_START).filter(|_| text.len() <= TEXT_BYTES_MAX)?;
        let (mut device, mut token, mut addresses) = (None, None, Vec::new());
        for (name, value) in query.split('&').filter_map(|part| part.split_once('=')) {
            match name {
                "id" => device = DeviceId::parse(value),
                "t" => token = shoal_engine::id::OfferId::parse(value).map(|bytes| bytes.0),
                "a" if addresses.len() < LINK_ADDRESSES_MAX => addresses.push(value.replace("%2F", "/")),
                // Links of a later version may say more.
                _ => {}
            }
        }
        Some(Link { device: device?, token: token?, addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_reads_back() {
        let device = DeviceId([7; 32]);
        let text = format!("{LINK_START}id={device}&t={}&x=1&a=/ip4/10.0.0.1/tcp/7400", "0a".repeat(16));
        let link = Link::parse(&text).expect("a link");
        assert_eq!(link, Link { device, token: [10; 16], addresses: vec!["/ip4/10.0.0.1/tcp/7400".to_owned()] });
        for bad in ["", "shoal://pair?id=x", "http://pair?", &text.replace("t=", "u=")] {
            assert_eq!(Link::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses_in_both_forms_name_one_place() {
        assert_eq!(place_of("10.0.0.1:7400"), place_of("/ip4/10.0.0.1/tcp/7400"));
        assert_eq!(place_of("[::1]:7400"), place_of("/ip6/::1/udp/7400/quic-v1"));
        assert_eq!(place_of("x"), None);
    }
}
