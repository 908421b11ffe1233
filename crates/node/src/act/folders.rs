//! Shares, joins and changes folders.

use std::path::PathBuf;

use shoal_engine::id::FolderId;
use shoal_engine::request::{Request, Role};
use shoal_engine::status::Status;

use super::places::{make_root, until_durable};
use super::{Acted, device_id, known_folder, name_of, not_there, paired, role, wish};
use crate::command::{Answer, Invitee, PickId};
use crate::node::{Node, blocking};
use crate::survey::folder_of;
use crate::view::{ErrorCode, Trouble};

pub(super) async fn share(node: &Node, pick: &PickId, name: &str, invite: Vec<Invitee>, is_taking_over: bool) -> Acted {
    let status = node.status().await?;
    let mut with = Vec::with_capacity(invite.len());
    for invitee in invite {
        with.push((paired(node, &status, &invitee.device)?, role(invitee.role)));
    }
    let dir = picked_dir(node, pick)?;
    let name = match super::setting::checked_name(name, true)? {
        empty if empty.is_empty() => {
            dir.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
        }
        name => name,
    };
    let (place, root_id) = make_root(node, dir, status, (None, is_taking_over)).await?;
    node.request(Request::Share { name, place: place.clone(), root_id, with }).await?;
    let status = node.status().await?;
    let shared = status.folders.iter().find(|one| one.place == place).ok_or_else(not_there)?;
    until_durable(node, root_id, true).await;
    Ok(Answer::Shared { folder: shared.folder.to_string() })
}

pub(super) async fn join(node: &Node, folder: &str, pick: Option<PickId>, is_taking_over: bool) -> Acted {
    let folder = FolderId::parse(folder).ok_or_else(not_there)?;
    let status = node.status().await?;
    let invitation = status.invitations.iter().find(|one| one.folder == folder).ok_or_else(not_there)?;
    let dir = match pick {
        Some(pick) => picked_dir(node, &pick)?,
        None => suggested(node, folder, invitation.name.clone()).await?,
    };
    let (place, root_id) = make_root(node, dir, status, (None, is_taking_over)).await?;
    node.request(Request::Join { folder, place, root_id }).await?;
    until_durable(node, root_id, true).await;
    Ok(Answer::Done)
}

async fn suggested(node: &Node, folder: FolderId, name: String) -> Result<PathBuf, Trouble> {
    let hands = node.hands().clone();
    let shown = hands.places_seen.invitation(folder);
    match shown {
        Some(place) => Ok(place),
        None => blocking(move || crate::places::free_place(&hands.suggested.shared, &name, |_| false)).await,
    }
}

/// Stops sharing; returns when the directory carries no mark any more.
pub(super) async fn leave(node: &Node, folder: &str) -> Acted {
    let (folder, _) = known_folder(node, folder).await?;
    let root = node.hands().folder_record(folder);
    node.request(Request::Leave(folder)).await?;
    if let Some((_, root_id)) = root {
        until_durable(node, root_id, false).await;
    }
    Ok(Answer::Done)
}

pub(super) async fn set_role(node: &Node, folder: &str, device: &str, to: crate::view::Role) -> Acted {
    let (folder, status) = owned(node, folder).await?;
    let device = paired(node, &status, device)?;
    wish(node, Request::SetRole(folder, device, role(to))).await
}

pub(super) async fn remove(node: &Node, folder: &str, device: &str) -> Acted {
    let (folder, _) = owned(node, folder).await?;
    wish(node, Request::Remove(folder, device_id(device)?)).await
}

/// A folder whose members we decide about.
async fn owned(node: &Node, folder: &str) -> Result<(FolderId, Status), Trouble> {
    let (folder, status) = known_folder(node, folder).await?;
    let found = folder_of(&status, folder).ok_or_else(not_there)?;
    if found.role == Some(Role::Owner) {
        return Ok((folder, status));
    }
    let owner = found.members.iter().find(|member| member.role == Role::Owner);
    let owner = owner.map_or_else(String::new, |member| name_of(&status, member.device));
    Err(Trouble::plain(ErrorCode::OwnerOnly).text("owner", owner).text("folder", found.name.clone()))
}

pub(super) async fn decline(node: &Node, folder: &str, block: bool) -> Acted {
    let folder = FolderId::parse(folder).ok_or_else(not_there)?;
    let status = node.status().await?;
    let invitation = status.invitations.iter().find(|one| one.folder == folder).ok_or_else(not_there)?;
    node.request(Request::DeclineInvitation(folder)).await?;
    match block {
        true => wish(node, Request::Block(invitation.from)).await,
        false => Ok(Answer::Done),
    }
}

pub(super) async fn answer_hold(node: &Node, folder: &str, yes: bool, always: bool) -> Acted {
    let (folder, _) = known_folder(node, folder).await?;
    if yes && always {
        node.request(Request::NeverHold(folder)).await?;
    }
    wish(node, Request::AnswerHold(folder, yes)).await
}

/// The one directory that a pick or drop names.
pub(crate) fn picked_dir(node: &Node, pick: &PickId) -> Result<PathBuf, Trouble> {
    let paths = node.picks().paths(&pick.0).ok_or_else(not_there)?;
    match paths.as_slice() {
        [dir] => Ok(dir.clone()),
        _ => Err(Trouble::plain(ErrorCode::NotUnderstood)),
    }
}
