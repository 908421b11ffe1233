//! Declares our commands, so that the access list in `capabilities/` holds for them too.

fn main() {
    println!("cargo:rerun-if-changed=../ui/dist");
    let ours = tauri_build::AppManifest::new().commands(&["send", "ask", "watch", "drops", "painted"]);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(ours)).expect("a sound tauri.conf.json");
}
