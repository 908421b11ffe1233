//! Finds what a person means: by id, by the beginning of one, or by name.

use shoal_node::view::{Device, Folder, Request, Transfer, Trust, View};

use crate::failure::Failure;
use crate::text;

/// A thing that can be named.
struct Named<'a, T> {
    thing: &'a T,
    id: String,
    names: Vec<String>,
}

/// The device that `wanted` means; paired ones go before strangers of the same name.
pub(crate) fn device<'a>(view: &'a View, wanted: &str) -> Result<&'a Device, Failure> {
    let named = |device: &'a Device| Named {
        thing: device,
        id: device.id.clone(),
        names: [Some(device.name.clone()), device.own_name.clone()].into_iter().flatten().collect(),
    };
    let is_paired = |device: &&Device| device.trust == Trust::Verified;
    let paired: Vec<_> = view.devices.iter().filter(is_paired).map(named).collect();
    match one("paired device", paired, wanted) {
        Err(Failure::Said(_)) => one("device", view.devices.iter().map(named).collect(), wanted),
        found => found,
    }
}

/// The blocked device that `wanted` means, by id.
pub(crate) fn blocked(view: &View, wanted: &str) -> Result<String, Failure> {
    let named = view.blocked.iter().map(|device| Named {
        thing: device,
        id: device.id.clone(),
        names: vec![device.name.clone()],
    });
    one("blocked device", named.collect(), wanted).map(|device| device.id.clone())
}

/// The folder that `wanted` means.
pub(crate) fn folder<'a>(view: &'a View, wanted: &str) -> Result<&'a Folder, Failure> {
    let named = view.folders.iter().map(|folder| Named {
        thing: folder,
        id: folder.id.clone(),
        names: vec![folder.name.clone()],
    });
    one("folder", named.collect(), wanted)
}

/// The transfer that `wanted` means.
pub(crate) fn transfer<'a>(view: &'a View, wanted: &str) -> Result<&'a Transfer, Failure> {
    let named = view.transfers.iter().map(|transfer| Named {
        thing: transfer,
        id: transfer.id.clone(),
        names: vec![transfer.title.clone()],
    });
    one("transfer", named.collect(), wanted)
}

/// What waits for an answer and `wanted` means: by its id, its folder, or who asks.
pub(crate) fn request<'a>(view: &'a View, wanted: &str) -> Result<&'a Request, Failure> {
    let named = view.inbox.iter().map(|request| {
        let (id, names) = match request {
            Request::Offer(offer) => (offer.id.clone(), vec![offer.from.name.clone()]),
            Request::Invitation(one) => (one.folder.clone(), vec![one.name.clone(), one.from.name.clone()]),
            Request::Pairing { id, name, device, .. } => (id.clone(), vec![name.clone(), device.clone()]),
        };
        Named { thing: request, id, names }
    });
    one("request", named.collect(), wanted)
}

/// The one thing that is meant: the whole id, else the whole name, else a part of the id.
fn one<'a, T>(kind: &str, all: Vec<Named<'a, T>>, wanted: &str) -> Result<&'a T, Failure> {
    let is_named = |named: &&Named<'a, T>| named.names.iter().any(|name| name.to_lowercase() == wanted.to_lowercase());
    let is_begun =
        |named: &&Named<'a, T>| wanted.len() >= 4 && (named.id.starts_with(wanted) || named.id.ends_with(wanted));
    let by_id: Vec<_> = all.iter().filter(|named| named.id == wanted).collect();
    let by_name: Vec<_> = all.iter().filter(is_named).collect();
    let by_part: Vec<_> = all.iter().filter(is_begun).collect();
    let found = [by_id, by_name, by_part].into_iter().find(|found| !found.is_empty());
    match found.unwrap_or_default().as_slice() {
        [] => Err(Failure::said(format!("There is no {kind} “{}”.", text::plain(wanted)))),
        [named] => Ok(named.thing),
        several => {
            let ids: Vec<&str> = several.iter().map(|named| text::short(&named.id)).collect();
            let wanted = text::plain(wanted);
            Err(Failure::usage(format!("“{wanted}” could be any of these: {}. Use the id.", ids.join(", "))))
        }
    }
}
