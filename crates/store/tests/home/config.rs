//! Settings, trust and folder records.

use std::fs;

use super::*;

#[test]
fn a_half_written_settings_file_gives_way_to_the_one_before() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    let mut settings = store.settings();
    for name in ["Ann", "Anna"] {
        settings.name = Some(name.to_owned());
        store.save_settings(&settings).expect("saved");
    }
    drop(store);
    let file = home.path().join("config/config.json");
    let whole = fs::read(&file).expect("a file");
    let backup = fs::read(home.path().join("config/config.json.bak")).expect("a file");
    // The last byte is the final line break.
    for length in (0..whole.len() - 1).step_by(7) {
        fs::write(&file, &whole[..length]).expect("cut");
        fs::write(home.path().join("config/config.json.bak"), &backup).expect("back");
        let (store, opened) = open(home.path());
        assert!(opened.config_restored, "cut at {length}");
        assert_eq!(store.settings().name.as_deref(), Some("Ann"));
        assert!(home.path().join("config/config.json.broken").exists(), "what was there is kept");
        drop(store);
        let (store, opened) = open(home.path());
        assert!(!opened.config_restored, "it is said once");
        assert_eq!(store.settings().name.as_deref(), Some("Ann"));
    }
}

#[test]
fn settings_that_are_lost_altogether_begin_anew_and_say_so() {
    let home = tempfile::tempdir().expect("a directory");
    drop(open(home.path()));
    fs::write(home.path().join("config/config.json"), b"{ \"name\": ").expect("written");
    fs::write(home.path().join("config/config.json.bak"), b"\0\0\0\0").expect("written");
    let (store, opened) = open(home.path());
    assert!(opened.config_restored);
    assert_eq!(opened.unreadable, [home.path().join("config/config.json")]);
    assert_eq!(store.settings().name, None);
}

#[test]
fn a_forgotten_device_does_not_come_back_from_the_copy() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_trust(&trust(ANN)).expect("saved");
    store.save_trust(&trust(BEN)).expect("saved");
    store.save_addresses(BEN, vec!["/ip4/10.0.0.2/tcp/4001".to_owned()]).expect("saved");
    store.drop_trust(BEN).expect("dropped");
    assert_eq!(store.addresses_of(BEN), Vec::<String>::new());
    drop(store);
    let file = home.path().join("config/trust.json");
    fs::write(&file, b"").expect("damaged");
    let (store, opened) = open(home.path());
    assert!(opened.trust_restored);
    assert_eq!(load(&store).trust, [trust(ANN)]);
}

#[test]
fn what_a_newer_version_wrote_beside_our_fields_stays() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_trust(&trust(BEN)).expect("saved");
    store.save_folder(&folder()).expect("saved");
    drop(store);
    let trust_file = home.path().join("config/trust.json");
    let folder_file = home.path().join(format!("config/folders/{FOLDER}.json"));
    for file in [&trust_file, &folder_file] {
        let text = fs::read_to_string(file).expect("text");
        // A newer version would write its own checksum; without one nothing is checked.
        let text: String = text.lines().filter(|line| !line.contains("\"check\"")).collect::<Vec<_>>().join("\n");
        let (before, fields) = text.rsplit_once('{').expect("an object");
        fs::write(file, format!("{before}{{\"colour\": \"blue\", {fields}")).expect("written");
    }
    let (store, opened) = open(home.path());
    assert_eq!(opened, Opened::default());
    let mut changed = trust(BEN);
    changed.name = "Benjamin".to_owned();
    store.save_trust(&changed).expect("saved");
    store.save_folder(&FolderRecord { is_paused: false, ..folder() }).expect("saved");
    assert!(fs::read_to_string(&trust_file).expect("text").contains("\"colour\": \"blue\""));
    assert!(fs::read_to_string(&folder_file).expect("text").contains("\"colour\": \"blue\""));
    assert_eq!(load(&store).trust, [changed]);
}

#[test]
fn a_folder_whose_record_came_from_the_copy_is_in_doubt_until_it_goes_on_under_another_incarnation() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.append(FOLDER, &blocks(0..2)).expect("durable");
    drop(store);
    fs::write(home.path().join(format!("config/folders/{FOLDER}.json")), b"{").expect("damaged");
    for _ in 0..2 {
        let (store, _) = open(home.path());
        let found = only_folder(&store);
        assert_eq!((found.record, found.is_torn), (folder(), true));
    }
    let (store, _) = open(home.path());
    store.save_folder(&FolderRecord { incarnation: 1, ..folder() }).expect("saved");
    assert!(!only_folder(&store).is_torn);
}

/// No byte of a folder's record or of the devices can be another one without being noticed: the second copy stands in.
#[test]
fn case_102_any_other_byte_in_a_record_or_the_devices_is_noticed() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.save_trust(&trust(BEN)).expect("saved");
    drop(store);
    for file in [format!("config/folders/{FOLDER}.json"), "config/trust.json".to_owned()] {
        let file = home.path().join(file);
        let whole = fs::read(&file).expect("a file");
        for at in 0..whole.len() - 1 {
            let mut damaged = whole.clone();
            damaged[at] = if damaged[at] == b'1' { b'2' } else { b'1' };
            fs::write(&file, &damaged).expect("damaged");
            let (store, _) = open(home.path());
            let found = load(&store);
            let (devices, folders) = (found.trust, found.folders);
            assert_eq!((&devices[..], &folders[0].record), (&[trust(BEN)][..], &folder()), "byte {at}");
        }
        fs::write(&file, &whole).expect("mended");
    }
}

#[test]
fn a_folder_whose_record_cannot_be_read_at_all_is_named() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_folder(&folder()).expect("saved");
    store.append(FOLDER, &blocks(0..2)).expect("durable");
    drop(store);
    let file = home.path().join(format!("config/folders/{FOLDER}.json"));
    fs::write(&file, b"{").expect("damaged");
    fs::remove_file(home.path().join(format!("config/folders/{FOLDER}.json.bak"))).expect("removed");
    let (store, opened) = open(home.path());
    assert_eq!(opened.unreadable, [file]);
    assert!(load(&store).folders.is_empty());
    assert_eq!(store.reload(FOLDER).expect("sound").len(), 2, "the ledger is still there");
}

#[cfg(unix)]
#[test]
fn nobody_else_may_read_what_is_remembered() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    store.save_settings(&store.settings()).expect("saved");
    store.save_trust(&trust(BEN)).expect("saved");
    store.save_folder(&folder()).expect("saved");
    store.save_offer(&offer()).expect("saved");
    store.append(FOLDER, &blocks(0..1)).expect("durable");
    let ours = |path: &PathBuf| !path.starts_with(home.path().join("data/index"));
    for file in files_below(home.path()).iter().filter(|path| ours(path)) {
        let mode = fs::metadata(file).expect("a file").permissions().mode() & 0o777;
        assert!(mode == 0o600 || file.ends_with("index.opening"), "{} has mode {mode:o}", file.display());
    }
    for dir in ["config", "config/folders", "data", "data/ledger", "data/offers"] {
        let mode = fs::metadata(home.path().join(dir)).expect("a directory").permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{dir}");
    }
}

#[test]
fn an_offer_is_small_to_save_again_and_gone_when_it_is_dropped() {
    let home = tempfile::tempdir().expect("a directory");
    let (store, _) = open(home.path());
    let mut offer = offer();
    store.save_offer(&offer).expect("saved");
    let items = home.path().join(format!("data/offers/{OFFER}.items.json"));
    let before = fs::metadata(&items).expect("a file").modified().expect("a time");
    (offer.open, offer.is_over) = (Vec::new(), true);
    store.save_offer(&offer).expect("saved");
    assert_eq!(fs::metadata(&items).expect("a file").modified().expect("a time"), before);
    drop(store);
    let (store, _) = open(home.path());
    assert_eq!(load(&store).offers, [offer]);
    store.drop_offer(OFFER).expect("dropped");
    store.drop_offer(OFFER).expect("it may be dropped twice");
    drop(store);
    assert!(load(&open(home.path()).0).offers.is_empty());
    assert!(!items.exists());
}
