//! Places on this disk, the way people write them.

use std::path::Path;
use std::sync::OnceLock;

/// Returns a path as shown to people: `~/Pictures` inside the user's home.
pub(crate) fn shown(path: &Path) -> String {
    static HOME: OnceLock<Option<std::path::PathBuf>> = OnceLock::new();
    let home = HOME.get_or_init(std::env::home_dir);
    shown_from(path, home.as_deref())
}

fn shown_from(path: &Path, home: Option<&Path>) -> String {
    let inside = home.filter(|home| home.components().count() > 1).and_then(|home| path.strip_prefix(home).ok());
    match inside {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.to_string_lossy()),
        None => path.to_string_lossy().into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_home_is_short() {
        let shown = |path: &str| shown_from(Path::new(path), Some(Path::new("/home/ana")));
        assert_eq!(shown("/home/ana/Music"), "~/Music");
        assert_eq!(shown("/home/ana"), "~");
        assert_eq!(shown("/home/anabel"), "/home/anabel");
        assert_eq!(shown_from(Path::new("/srv"), Some(Path::new("/"))), "/srv");
    }
}
