//! Keeps the window from staying blank with drivers that are known for it (Linux).
//!
//! The settings must be in the environment before GTK starts, and changing an own environment is not safe
//! once threads run, so the program starts itself again with them.

use std::io;

/// What the surroundings tell about drawing.
#[derive(Clone, Copy, Debug, Default)]
struct Facts {
    is_wayland: bool,
    has_nvidia: bool,
    is_safe_asked: bool,
}

/// Variables to set unless somebody set them already.
fn needed(facts: Facts) -> Vec<&'static str> {
    let Facts { is_wayland, has_nvidia, is_safe_asked } = facts;
    let mut needed = Vec::new();
    if is_safe_asked || (has_nvidia && !is_wayland) {
        needed.push("WEBKIT_DISABLE_DMABUF_RENDERER");
    }
    if has_nvidia && is_wayland {
        needed.push("__NV_DISABLE_EXPLICIT_SYNC");
    }
    if is_safe_asked {
        needed.push("WEBKIT_DISABLE_COMPOSITING_MODE");
    }
    needed
}

/// Starts the program again with what this computer's graphics need; returns when nothing is missing.
#[cfg(target_os = "linux")]
pub(crate) fn prepare(is_safe_asked: bool) -> io::Result<()> {
    use std::env;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    if !["DISPLAY", "WAYLAND_DISPLAY"].iter().any(is_set) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let facts = Facts {
        is_wayland: is_set(&"WAYLAND_DISPLAY"),
        has_nvidia: Path::new("/sys/module/nvidia").exists(),
        is_safe_asked,
    };
    let missing: Vec<&str> = needed(facts).into_iter().filter(|name| env::var_os(name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut again = Command::new(env::current_exe()?);
    again.args(env::args_os().skip(1)).envs(missing.into_iter().map(|name| (name, "1")));
    Err(again.exec())
}

/// Other systems draw with what they have.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prepare(_is_safe_asked: bool) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_computer_is_left_alone() {
        assert!(needed(Facts::default()).is_empty());
        assert!(needed(Facts { is_wayland: true, ..Facts::default() }).is_empty());
    }

    #[test]
    fn each_known_fault_has_its_switch() {
        let nvidia = Facts { has_nvidia: true, ..Facts::default() };
        assert_eq!(needed(nvidia), ["WEBKIT_DISABLE_DMABUF_RENDERER"]);
        assert_eq!(needed(Facts { is_wayland: true, ..nvidia }), ["__NV_DISABLE_EXPLICIT_SYNC"]);
    }

    #[test]
    fn safe_graphics_turns_everything_off_that_can_go_blank() {
        let asked = Facts { is_safe_asked: true, ..Facts::default() };
        assert_eq!(needed(asked), ["WEBKIT_DISABLE_DMABUF_RENDERER", "WEBKIT_DISABLE_COMPOSITING_MODE"]);
    }
}
