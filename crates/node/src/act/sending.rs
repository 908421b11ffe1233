//! Sends files once, and answers what others send.

use std::path::PathBuf;

use shoal_engine::id::{OfferId, Scope};
use shoal_engine::limits::NOTE_BYTES_MAX;
use shoal_engine::request::Request;
use shoal_engine::status::OfferStatus;

use super::{Acted, not_there, offer_id, paired, wish};
use crate::command::{Answer, Chosen, DropId, PickId, Source};
use crate::gather::gather;
use crate::node::{Node, blocking};
use crate::perform::files;
use crate::picks::random;
use crate::survey::offer_of;
use crate::view::{ErrorCode, Trouble};

pub(super) async fn send(node: &Node, source: Source, devices: &[String], note: Option<String>) -> Acted {
    let note = note.unwrap_or_default();
    let status = node.status().await?;
    let to = devices.iter().map(|device| paired(node, &status, device)).collect::<Result<Vec<_>, _>>()?;
    if to.is_empty() || note.len() > NOTE_BYTES_MAX {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    let (id, paths) = source_paths(node, &source)?;
    let gathered = blocking(move || gather(&paths)).await??;
    if gathered.items.is_empty() {
        return Err(Trouble::plain(ErrorCode::NotThere));
    }
    let offer = OfferId(random());
    let upload = node.picks().disown(&id);
    let (items, sources) = (gathered.items, gathered.sources);
    note_down(node, offer, move |noted| (noted.sources, noted.upload) = (sources, upload)).await?;
    node.request(Request::Offer { offer, to, items, note }).await?;
    Ok(Answer::Sent { transfers: vec![offer.to_string()] })
}

/// The id and the paths of a drop or pick.
pub(crate) fn source_paths(node: &Node, source: &Source) -> Result<(String, Vec<PathBuf>), Trouble> {
    let id = match source {
        Source::Drop { drop } => drop.0.clone(),
        Source::Pick { pick } => pick.0.clone(),
    };
    let paths = node.picks().paths(&id).ok_or_else(not_there)?;
    Ok((id, paths))
}

pub(super) async fn accept(node: &Node, offer: &str, items: Chosen, pick: Option<PickId>) -> Acted {
    let (id, offer) = known_offer(node, offer).await?;
    if offer.record.from == node.me() || !offer.is_complete || offer.record.place.is_some() {
        return Err(not_there());
    }
    let items = match items {
        Chosen::All => None,
        Chosen::Only { items } => Some(items),
    };
    let count = offer.record.items.len();
    let is_known = |item: &u32| (*item as usize) < count;
    if items.as_ref().is_some_and(|items| items.is_empty() || !items.iter().all(is_known)) {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    let dir = match pick {
        Some(pick) => super::folders::picked_dir(node, &pick)?,
        None => crate::survey::settings(node.hands()).downloads,
    };
    let status = node.status().await?;
    let root = blocking(move || files::destination(&dir)).await?;
    let root = root.map_err(|error| super::trouble_of(&error, &status))?;
    let place = root.dir().to_owned();
    let text = place.to_str().ok_or_else(|| Trouble::plain(ErrorCode::BadPlace))?.to_owned();
    let accepted = items.clone().map(|items| items.into_iter().collect());
    note_down(node, id, move |noted| (noted.place, noted.accepted) = (Some(place), accepted)).await?;
    node.hands().uses(offer.record.from);
    // A ground from before the answer would have no place.
    drop(node.hands().benches.take_down(Scope::Offer(id)));
    wish(node, Request::AcceptOffer { offer: id, items, place: text }).await
}

pub(super) async fn decline(node: &Node, offer: &str, block: bool) -> Acted {
    let (id, offer) = known_offer(node, offer).await?;
    node.request(Request::DeclineOffer(id)).await?;
    match block {
        true => wish(node, Request::Block(offer.record.from)).await,
        false => Ok(Answer::Done),
    }
}

pub(super) async fn withdraw(node: &Node, transfer: &str) -> Acted {
    let (id, _) = known_offer(node, transfer).await?;
    resume(node, id);
    wish(node, Request::Withdraw(id)).await
}

pub(super) async fn pause(node: &Node, transfer: &str, is_paused: bool) -> Acted {
    let (id, _) = known_offer(node, transfer).await?;
    note_down(node, id, move |noted| noted.is_paused = is_paused).await?;
    if is_paused {
        node.hands().pauses.set(Scope::Offer(id), true);
        node.hands().pause_fetches(Scope::Offer(id));
    } else {
        resume(node, id);
    }
    node.hands().changed();
    Ok(Answer::Done)
}

fn resume(node: &Node, offer: OfferId) {
    node.hands().pauses.set(Scope::Offer(offer), false);
}

pub(super) async fn retry(node: &Node, transfer: &str) -> Acted {
    let (id, _) = known_offer(node, transfer).await?;
    wish(node, Request::RetryOffer(id)).await
}

/// Clears one transfer that is over, or all of them.
pub(super) async fn clear(node: &Node, transfer: Option<&str>) -> Acted {
    let over = match transfer {
        Some(transfer) => {
            let (id, offer) = known_offer(node, transfer).await?;
            if !offer.record.is_over {
                return Err(not_there());
            }
            vec![id]
        }
        None => {
            let status = node.status().await?;
            let over = status.offers.iter().filter(|one| one.record.is_over);
            over.map(|one| one.record.offer).collect()
        }
    };
    for id in over {
        node.request(Request::ClearOffer(id)).await?;
    }
    Ok(Answer::Done)
}

pub(super) async fn forget_drop(node: &Node, drop: &DropId) -> Acted {
    if let Some(dir) = node.picks().forget(&drop.0) {
        blocking(move || crate::uploads::remove(&dir)).await?;
    }
    Ok(Answer::Done)
}

/// An offer of this device's lists.
async fn known_offer(node: &Node, text: &str) -> Result<(OfferId, OfferStatus), Trouble> {
    let id = offer_id(text)?;
    let status = node.status().await?;
    let offer = offer_of(&status, id).ok_or_else(not_there)?;
    Ok((id, offer.clone()))
}

/// Writes down what only the node knows of an offer.
async fn note_down(
    node: &Node,
    offer: OfferId,
    change: impl FnOnce(&mut crate::offers::Noted) + Send + 'static,
) -> Result<(), Trouble> {
    let hands = node.hands().clone();
    blocking(move || hands.offers.change(offer, change)).await?.map_err(|error| {
        tracing::error!(%error, "an offer was not written down");
        Trouble::plain(ErrorCode::DiskUnreliable).text("file", "offers.json")
    })
}
