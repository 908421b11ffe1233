//! Pairings, from the side this computer is on.

use shoal_engine::status::{PairingStage as Stage, PairingStatus};

use super::names::Names;
use super::{moment, trouble};
use crate::view::{Pairing, PairingSide, PairingStage};

/// Draws one pairing.
pub(crate) fn show(status: &PairingStatus, names: &Names) -> Pairing {
    let name = names.of(status.device);
    let locked_until = status.locked_until.and_then(moment);
    let stage = match status.stage {
        Stage::Asking => PairingStage::Asking,
        Stage::Code => PairingStage::EnterCode,
        Stage::Matched if status.is_typing => PairingStage::Matched,
        Stage::Matched => PairingStage::WaitingConfirm,
        Stage::Done => PairingStage::Done,
        Stage::Failed(end) => {
            let trouble = trouble::of_pairing(&name, status.is_typing, end, status.tries_left, locked_until);
            PairingStage::Failed { trouble }
        }
    };
    Pairing {
        device: status.device.to_string(),
        name,
        side: if status.is_typing { PairingSide::Typing } else { PairingSide::Showing },
        // The code is for the showing side's eyes alone.
        code: status.code.clone().filter(|_| !status.is_typing),
        stage,
        tries_left: status.tries_left,
        locked_until,
        words: Vec::new(),
    }
}

/// Whether it waits for this person: the other side started it and it is not over.
pub(crate) fn is_asking(status: &PairingStatus) -> bool {
    !status.is_typing && matches!(status.stage, Stage::Code | Stage::Matched)
}
