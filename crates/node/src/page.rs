//! The screens as files inside the program: the same that the window draws.

/// Name and bytes of each file of `ui/dist` at the time this program was built.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What a browser is shown when this program was built without its screens.
const WITHOUT_SCREENS: &[u8] = b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Shoal</title>\
<h1>Shoal is running</h1><p>This program was built without its screens. Run <code>npm --prefix ui run build</code>, \
build Shoal again, and open this address once more. The command line works: try <code>shoal status</code>.</p></html>\n";

/// One file of the page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    pub(crate) bytes: &'static [u8],
    /// Its media type.
    pub(crate) kind: &'static str,
    /// Its name changes with its content, so a browser may keep it.
    pub(crate) is_lasting: bool,
}

/// Whether this program has its screens.
pub fn has_screens() -> bool {
    find("index.html").is_some()
}

/// Finds the file for a request path.
pub(crate) fn file(path: &str) -> Option<File> {
    match path.trim_start_matches('/') {
        "" | "index.html" if !has_screens() => {
            Some(File { bytes: WITHOUT_SCREENS, kind: kind_of("index.html"), is_lasting: false })
        }
        "" => find("index.html"),
        name => find(name),
    }
}

fn find(name: &str) -> Option<File> {
    let found = FILES.iter().find(|(file, _)| *file == name);
    found.map(|(file, bytes)| File { bytes, kind: kind_of(file), is_lasting: file.starts_with("assets/") })
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("json" | "map" | "webmanifest") => "application/json",
        Some("txt") => "text/plain; charset=utf-8",
        Some(_) | None => "application/octet-stream",
    }
}
