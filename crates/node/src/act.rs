//! Does what people want: checks what came from outside, then asks the engine or does the node's own part.

use shoal_engine::id::{DeviceId, FolderId, OfferId};
use shoal_engine::request::{Request, Role};
use shoal_engine::status::Status;

use crate::command::{Answer, Command};
use crate::node::Node;
use crate::survey::folder_of;
use crate::view::{ErrorCode, Trouble};

mod folders;
mod pairing;
mod places;
pub(crate) mod restore;
mod sending;

mod setting;

pub(crate) use places::{recognised, trouble_of};
pub(crate) use sending::source_paths;

type Acted = Result<Answer, Trouble>;

/// Does one command.
pub(crate) async fn act(node: &Node, command: Command) -> Acted {
    use Command as C;
    match command {
        C::SetUp { name, downloads } => setting::set_up(node, &name, downloads).await,
        C::SetName { name } => setting::set_name(node, &name).await,
        C::SetDownloads { downloads } => setting::set_downloads(node, &downloads).await,
        C::SetTheme { theme } => setting::set_theme(node, theme).await,
        C::SetNetwork { port, lan_only, bootstrap } => setting::set_network(node, port, lan_only, bootstrap).await,
        C::SetNearbyOpen { open } => setting::set_nearby_open(node, open),
        C::DismissNotice { notice } => setting::dismiss(node, &notice),
        C::Quit => setting::quit(node),

        C::Pair { device } => pairing::pair(node, device_id(&device)?).await,
        C::PairAddress { address } => pairing::pair_address(node, &address).await,
        C::PairLink { link } => pairing::pair_link(node, &link).await,
        C::MakePairLink => pairing::make_link(node).await,
        C::EnterCode { device, code } => pairing::enter_code(node, device_id(&device)?, &code).await,
        C::ConfirmPair { device, yes } => wish(node, Request::ConfirmPair(device_id(&device)?, yes)).await,
        C::CancelPair { device } => wish(node, Request::CancelPair(device_id(&device)?)).await,
        C::Forget { device } => wish(node, Request::Forget(device_id(&device)?)).await,
        C::Block { device } => wish(node, Request::Block(device_id(&device)?)).await,
        C::Unblock { device } => pairing::unblock(node, device_id(&device)?).await,
        C::Rename { device, name } => setting::rename(node, device_id(&device)?, &name).await,

        C::ShareFolder { pick, name, invite, take_over } => folders::share(node, &pick, &name, invite, take_over).await,
        C::Invite { folder, device, role } => folders::set_role(node, &folder, &device, role).await,
        C::SetRole { folder, device, role } => folders::set_role(node, &folder, &device, role).await,
        C::RemoveMember { folder, device } => folders::remove(node, &folder, &device).await,
        C::AcceptInvitation { folder, pick, take_over } => folders::join(node, &folder, pick, take_over).await,
        C::DeclineInvitation { folder, block } => folders::decline(node, &folder, block).await,
        C::StopSharing { folder } => folders::leave(node, &folder).await,
        C::Pause { folder } => on_folder(node, &folder, |folder| Request::Pause(folder, true)).await,
        C::Resume { folder } => places::resume(node, &folder).await,
        C::NewPlace { folder, pick, take_over } => places::new_place(node, &folder, pick, take_over).await,
        C::Rescan { folder } => on_folder(node, &folder, Request::Rescan).await,
        C::SetKeep { folder, keep } => setting::set_keep(node, &folder, keep).await,
        C::SetMerging { folder, is_on } => on_folder(node, &folder, |folder| Request::NeverMerge(folder, !is_on)).await,
        C::AnswerHold { folder, yes, always } => folders::answer_hold(node, &folder, yes, always).await,
        C::Restore { at, to } => restore::restore(node, &at, &to).await,
        C::AddToFolder { source, folder, dir } => crate::copy_in::add(node, source, &folder, &dir).await,

        C::Send { source, devices, note } => sending::send(node, source, &devices, note).await,
        C::Accept { offer, items, pick } => sending::accept(node, &offer, items, pick).await,
        C::Decline { offer, block } => sending::decline(node, &offer, block).await,
        C::Withdraw { transfer } => sending::withdraw(node, &transfer).await,
        C::PauseTransfer { transfer } => sending::pause(node, &transfer, true).await,
        C::ResumeTransfer { transfer } => sending::pause(node, &transfer, false).await,
        C::Retry { transfer } => sending::retry(node, &transfer).await,
        C::ClearTransfer { transfer } => sending::clear(node, Some(&transfer)).await,
        C::ClearFinished => sending::clear(node, None).await,
        C::ForgetDrop { drop } => sending::forget_drop(node, &drop).await,
        // The window's shell does these itself.
        C::ShowTransfer { .. } | C::ShowFolder { .. } => Err(Trouble::plain(ErrorCode::NotHere)),
    }
}

/// Hands a wish on as it is.
async fn wish(node: &Node, request: Request) -> Acted {
    node.request(request).await.map(|()| Answer::Done)
}

async fn on_folder(node: &Node, folder: &str, request: impl FnOnce(FolderId) -> Request) -> Acted {
    let (folder, _) = known_folder(node, folder).await?;
    wish(node, request(folder)).await
}

/// A folder of this device, with the status it was found in.
pub(crate) async fn known_folder(node: &Node, text: &str) -> Result<(FolderId, Status), Trouble> {
    let folder = FolderId::parse(text).ok_or_else(not_there)?;
    let status = node.status().await?;
    match folder_of(&status, folder) {
        Some(_) => Ok((folder, status)),
        None => Err(not_there()),
    }
}

/// A device by its text.
pub(crate) fn device_id(text: &str) -> Result<DeviceId, Trouble> {
    DeviceId::parse(text).ok_or_else(|| Trouble::plain(ErrorCode::NotUnderstood))
}

/// A device that is verified.
pub(crate) fn paired(node: &Node, status: &Status, text: &str) -> Result<DeviceId, Trouble> {
    let device = device_id(text)?;
    if node.hands().is_paired(device) {
        node.hands().uses(device);
        return Ok(device);
    }
    Err(Trouble::plain(ErrorCode::NotPaired).text("device", name_of(status, device)))
}

/// What a device is called here.
pub(crate) fn name_of(status: &Status, device: DeviceId) -> String {
    let known = status.devices.iter().find(|one| one.device == device);
    known.map_or_else(|| device.to_string(), |one| one.name.clone())
}

/// An offer by its text.
pub(crate) fn offer_id(text: &str) -> Result<OfferId, Trouble> {
    OfferId::parse(text).ok_or_else(not_there)
}

pub(crate) fn not_there() -> Trouble {
    Trouble::plain(ErrorCode::NotThere)
}

/// A role in the engine's words.
fn role(role: crate::view::Role) -> Role {
    match role {
        crate::view::Role::Owner => Role::Owner,
        crate::view::Role::Editor => Role::Editor,
        crate::view::Role::Viewer => Role::Viewer,
        crate::view::Role::Keeper => Role::Keeper,
    }
}
