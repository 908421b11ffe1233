//! Changes what is set.

use shoal_engine::id::DeviceId;
use shoal_engine::limits::NAME_BYTES_MAX;
use shoal_engine::request::Request;
use shoal_store::{KeepSetting, Settings};

use super::Acted;
use crate::command::{Answer, PickId};
use crate::node::{Node, blocking};
use crate::view::{ErrorCode, KeepFor, Theme, Trouble};

/// Most addresses to begin at: each is dialled.
const BOOTSTRAP_MAX: usize = 32;

pub(super) async fn set_up(node: &Node, name: &str, downloads: Option<PickId>) -> Acted {
    let name = checked_name(name, false)?;
    let downloads = downloads.map(|pick| picked_dir(node, &pick)).transpose()?;
    change(node, |settings| {
        settings.name = Some(name.clone());
        settings.downloads = downloads.or(settings.downloads.take());
    })
    .await?;
    node.request(Request::SetName(name)).await?;
    node.hands().net.set_mode(crate::start::mode(&node.hands().settings(), true));
    Ok(Answer::Done)
}

pub(super) async fn set_name(node: &Node, name: &str) -> Acted {
    let name = checked_name(name, false)?;
    change(node, |settings| settings.name = Some(name.clone())).await?;
    node.request(Request::SetName(name)).await?;
    Ok(Answer::Done)
}

pub(super) async fn set_downloads(node: &Node, pick: &PickId) -> Acted {
    let dir = picked_dir(node, pick)?;
    change(node, |settings| settings.downloads = Some(dir)).await
}

pub(super) async fn set_theme(node: &Node, theme: Theme) -> Acted {
    let text = match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    change(node, |settings| settings.theme = text.to_owned()).await
}

pub(super) async fn set_network(
    node: &Node,
    port: Option<u16>,
    lan_only: Option<bool>,
    bootstrap: Option<Vec<String>>,
) -> Acted {
    if bootstrap.as_ref().is_some_and(|list| list.len() > BOOTSTRAP_MAX) {
        return Err(Trouble::plain(ErrorCode::NotUnderstood));
    }
    change(node, |settings| {
        settings.listen_port = port.unwrap_or(settings.listen_port);
        settings.lan_only = lan_only.unwrap_or(settings.lan_only);
        settings.bootstrap = bootstrap.unwrap_or_else(|| settings.bootstrap.clone());
    })
    .await?;
    let settings = node.hands().settings();
    node.hands().net.set_mode(crate::start::mode(&settings, settings.name.is_some() || !settings.mdns));
    Ok(Answer::Done)
}

pub(super) async fn set_keep(node: &Node, folder: &str, keep: KeepFor) -> Acted {
    let (folder, _) = super::known_folder(node, folder).await?;
    let KeepFor { days, forever, bytes } = keep;
    if keep == KeepFor::default() {
        change(node, |settings| _ = settings.keep.remove(&folder.to_string())).await?;
    } else {
        let keep = KeepSetting { days, forever, bytes };
        change(node, |settings| _ = settings.keep.insert(folder.to_string(), keep)).await?;
    }
    node.hands().let_go(folder);
    Ok(Answer::Done)
}

pub(super) fn set_nearby_open(node: &Node, is_open: bool) -> Acted {
    node.hands().net.set_nearby_open(is_open);
    Ok(Answer::Done)
}

pub(super) fn dismiss(node: &Node, notice: &str) -> Acted {
    node.hands().notices.dismiss(notice);
    node.hands().changed();
    Ok(Answer::Done)
}

pub(super) fn quit(node: &Node) -> Acted {
    node.quit();
    Ok(Answer::Done)
}

pub(super) async fn rename(node: &Node, device: DeviceId, name: &str) -> Acted {
    let name = checked_name(name, true)?;
    super::wish(node, Request::Rename(device, name)).await
}

/// A name as a person may give one: something to see in one line.
pub(super) fn checked_name(name: &str, may_be_empty: bool) -> Result<String, Trouble> {
    let name = name.trim();
    let is_fine = name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    if is_fine && (may_be_empty || !name.is_empty()) {
        Ok(name.to_owned())
    } else {
        Err(Trouble::plain(ErrorCode::NotUnderstood))
    }
}

/// The one directory a pick names, as text.
fn picked_dir(node: &Node, pick: &PickId) -> Result<String, Trouble> {
    let paths = node.picks().paths(&pick.0).ok_or_else(super::not_there)?;
    let [path] = paths.as_slice() else { return Err(Trouble::plain(ErrorCode::NotUnderstood)) };
    path.to_str().map(str::to_owned).ok_or_else(|| Trouble::plain(ErrorCode::NotUnderstood))
}

/// Changes the settings, durably.
async fn change(node: &Node, change: impl FnOnce(&mut Settings)) -> Acted {
    let mut settings = node.hands().settings();
    change(&mut settings);
    let hands = node.hands().clone();
    let saved = blocking(move || {
        let saved = hands.store.save_settings(&settings);
        if saved.is_ok() {
            hands.set_settings(settings);
        }
        saved
    });
    saved.await?.map_err(|error| {
        tracing::error!(%error, "settings were not saved");
        Trouble::plain(ErrorCode::DiskUnreliable).text("file", "config.json")
    })?;
    node.hands().changed();
    Ok(Answer::Done)
}
