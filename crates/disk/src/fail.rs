//! Pretends that the program is killed at a chosen step, so that tests can see what a crash leaves behind.
//!
//! Every call that changes the disk passes [`step`] first. Without the `testing` feature it is nothing.

#[cfg(any(test, feature = "testing"))]
pub use armed::{after, disarm, forget_exchange};
#[cfg(any(test, feature = "testing"))]
pub(crate) use armed::{has_exchange, step};

#[cfg(any(test, feature = "testing"))]
mod armed {
    use std::cell::Cell;

    thread_local! {
        static LEFT: Cell<Option<u32>> = const { Cell::new(None) };
        static EXCHANGE: Cell<bool> = const { Cell::new(true) };
    }

    /// Lets this many steps of this thread happen; every later one fails, as if the program were dead.
    pub fn after(steps: u32) {
        LEFT.set(Some(steps));
    }

    /// Lets steps happen again; returns whether the chosen step was reached.
    pub fn disarm() -> bool {
        EXCHANGE.set(true);
        LEFT.take() == Some(0)
    }

    /// Makes this thread believe that the file system cannot exchange two names or refuse to replace one.
    pub fn forget_exchange() {
        EXCHANGE.set(false);
    }

    pub(crate) fn has_exchange() -> bool {
        EXCHANGE.get()
    }

    pub(crate) fn step() -> rustix::io::Result<()> {
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
