//! What can be said when the window is started.

use std::path::PathBuf;

use clap::Parser;

/// Shares folders and files between your computers and those of people you trust.
#[derive(Debug, Parser)]
#[command(name = "shoal-desktop", version)]
pub(crate) struct Args {
    /// Use this home instead of your own; several can run side by side
    #[arg(long, env = "SHOAL_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Start without showing the window
    #[arg(long)]
    pub(crate) hidden: bool,
    /// Draw without the graphics card, when the window stays blank
    #[arg(long)]
    pub(crate) safe_graphics: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Args::command().debug_assert();
        let args = Args::parse_from(["shoal-desktop", "--home", "/tmp/ana", "--hidden", "--safe-graphics"]);
        assert!(args.hidden && args.safe_graphics);
        assert_eq!(args.home, Some(PathBuf::from("/tmp/ana")));
    }
}
