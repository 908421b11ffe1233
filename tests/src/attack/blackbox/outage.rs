//! Devices that are paused, cut off or killed for a while.

use std::process::Command;

use crate::attack::group::Group;
use crate::sim::dice::Dice;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Here,
    /// The folder is paused: it neither looks nor sends.
    Paused,
    /// The program is stopped in its tracks: the others wait for its answers, and its own time stands still.
    Frozen,
    /// The program was killed.
    Dead,
}

/// Which devices are away, and how.
#[derive(Debug, Default)]
pub(super) struct Outages {
    states: [State; 3],
    count: u64,
}

impl Outages {
    /// Something happens to a device, or it is over; says what.
    pub(super) fn change(&mut self, dice: &mut Dice, group: &mut Group) -> String {
        let device = dice.place(group.dirs.len());
        if self.states[device] != State::Here {
            return self.back(group, device);
        }
        self.count += 1;
        let state = *dice.pick(&[State::Paused, State::Frozen, State::Dead]);
        self.states[device] = state;
        let shoal = &mut group.shoals[device];
        match state {
            State::Here => {}
            State::Paused => _ = shoal.run(&["pause", "Reef"]),
            State::Frozen => signal(shoal.process(), "-STOP"),
            State::Dead => shoal.kill(),
        }
        format!("{} is {state:?}", shoal.name)
    }

    /// Everybody comes back.
    pub(super) fn end(&mut self, group: &mut Group) {
        (0..group.dirs.len()).for_each(|device| _ = self.back(group, device));
    }

    /// How many outages there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    fn back(&mut self, group: &mut Group, device: usize) -> String {
        let shoal = &mut group.shoals[device];
        match std::mem::take(&mut self.states[device]) {
            State::Here => {}
            State::Paused => _ = shoal.run(&["resume", "Reef"]),
            State::Frozen => signal(shoal.process(), "-CONT"),
            State::Dead => shoal.start(),
        }
        format!("{} is back", shoal.name)
    }
}

fn signal(process: Option<u32>, signal: &str) {
    let process = process.expect("it runs").to_string();
    let done = Command::new("kill").args([signal, &process]).status();
    assert!(done.is_ok_and(|status| status.success()), "{signal} was not sent");
}
