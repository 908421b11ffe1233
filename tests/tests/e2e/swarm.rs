//! Several devices have a file: whoever needs it takes it from all of them.

use crate::harness::acts::{agree, join, pair, share};
use crate::harness::{World, big};
use crate::resume::received;

/// Large enough that nobody can give all of it before the others have begun.
const BIG: u64 = 160_000_000;

/// The least that each of two who have everything must give.
const SHARE_MIN: u64 = BIG / 10;

/// The third device takes parts of a large file from both that have it, and no byte twice.
#[test]
fn a_third_takes_a_file_from_both_that_have_it() {
    let world = World::new();
    let (ana, ben, cat) = (world.start("Ana"), world.start("Ben"), world.start("Cat"));
    pair(&ana, &ben);
    pair(&ana, &cat);
    pair(&ben, &cat);
    let (anas, bens, cats) = (world.dir("Ana"), world.path("Ben"), world.path("Cat"));
    big(&anas.join("film.bin"), 9, BIG);
    share(&ana, &anas, "Reef", &[(&ben, &bens, "editor")]);
    agree(&[(&ana, &anas), (&ben, &bens)]);
    ana.run(&["people", "Reef", "add", &cat.id(), "--role", "editor"]);
    join(&cat, "Reef", &cats);
    agree(&[(&ana, &anas), (&ben, &bens), (&cat, &cats)]);
    let view = cat.view();
    let given = [&ana, &ben].map(|giver| received(&view, &giver.id()));
    println!("Ana gave {}, Ben gave {}, of {BIG}", given[0], given[1]);
    assert!(given.iter().all(|bytes| *bytes > SHARE_MIN), "{given:?}");
    let all: u64 = given.iter().sum();
    assert!(all < BIG + BIG / 20, "{all} bytes came for {BIG}");
}
