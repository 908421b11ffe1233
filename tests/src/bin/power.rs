//! Recovers from what power cuts may leave: `make power IMAGES=N`.

use std::path::Path;
use std::process::ExitCode;

use shoal_tests::attack::power::{self, Options, scene::Scene};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let program = std::env::current_exe().unwrap_or_default();
    let mut options = Options { images: 10_000, seed: 1, is_told: false, program };
    match words.as_slice() {
        // The recorded program is this one.
        ["--act", scene, place] => {
            let Some(scene) = Scene::named(scene) else { return ExitCode::from(2) };
            scene.act(Path::new(place));
            return ExitCode::SUCCESS;
        }
        words => {
            let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--tell").collect();
            options.is_told = std::env::args().any(|word| word == "--tell");
            for pair in words.chunks(2) {
                match (pair.first(), pair.get(1).and_then(|number| number.parse::<u64>().ok())) {
                    (Some(&"--images"), Some(number)) => options.images = number,
                    (Some(&"--seed"), Some(number)) => options.seed = number,
                    _ => {
                        eprintln!("power [--images N] [--seed N]");
                        return ExitCode::from(2);
                    }
                }
            }
        }
    }
    let summary = power::run(&options);
    println!("{}", summary.line(options.seed));
    if summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
