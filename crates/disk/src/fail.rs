//! Pretends that the program is killed at a chosen step, so that tests can see what a crash leaves behind.
//!
//! Every call that changes the disk passes [`step`] first. Without the `testing` feature it is nothing.

#[cfg(any(test, feature = "testing"))]
pub use armed::{after, at, disarm, forget_exchange, pretend_room};
#[cfg(any(test, feature = "testing"))]
pub(crate) use armed::{has_exchange, room, step};

#[cfg(any(test, feature = "testing"))]
mod armed {
    use std::cell::Cell;

    /// How many steps from now, and what.
    type Meanwhile = (u32, Box<dyn FnOnce()>);

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
        static MEANWHILE: Cell<Option<Meanwhile>> = const { Cell::new(None) };
        static ROOM: Cell<Option<(u64, u64)>> = const { Cell::new(None) };
        static EXCHANGE: Cell<bool> = const { Cell::new(true) };
    }

    /// Lets this many steps of this thread happen; every later one fails, as if the program were dead.
    pub fn after(steps: u32) {
        LEFT.set(Some(steps));
    }

    /// Does something else just before one of the next steps of this thread: whatever a user might do meanwhile.
    pub fn at(step: u32, act: impl FnOnce() + 'static) {
        MEANWHILE.set(Some((step, Box::new(act))));
    }

    /// Lets everything happen again; returns whether the chosen step was reached.
    pub fn disarm() -> bool {
        EXCHANGE.set(true);
        let is_undone = MEANWHILE.take().is_some();
        LEFT.take().is_none_or(|left| left == 0) && !is_undone
    }

    /// Makes this thread believe that the file system cannot exchange two names or refuse to replace one.
    pub fn forget_exchange() {
        EXCHANGE.set(false);
    }

    /// Makes this thread believe that a file system has so many bytes free, of so many.
    pub fn pretend_room(free: u64, all: u64) {
        ROOM.set(Some((free, all)));
    }

    pub(crate) fn room() -> Option<(u64, u64)> {
        ROOM.get()
    }

    pub(crate) fn has_exchange() -> bool {
        EXCHANGE.get()
    }

    pub(crate) fn step() -> rustix::io::Result<()> {
        match MEANWHILE.take() {
            Some((0, act)) => act(),
            Some((left, act)) => MEANWHILE.set(Some((left - 1, act))),
            None => {}
        }
        match LEFT.get() {
            None => Ok(()),
            Some(0) => Err(rustix::io::Errno::INTR),
            Some(left) => {
                LEFT.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn step() -> rustix::io::Result<()> {
    Ok(())
}

#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn has_exchange() -> bool {
    true
}

#[cfg(not(any(test, feature = "testing")))]
pub(crate) fn room() -> Option<(u64, u64)> {
    None
}
