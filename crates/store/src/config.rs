//! What a person chose in the settings: `config.json`, plain enough to be edited by hand.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Fields of a JSON object that this version does not know, kept for the version that does.
pub(crate) type Other = BTreeMap<String, serde_json::Value>;

/// The settings. To change one, change what [`Store::settings`](crate::Store::settings) gave and save that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// This device's name; `None` until the first run is over.
    pub name: Option<String>,
    /// Where received files go; `None` for the suggested place.
    pub downloads: Option<String>,
    /// The port to listen on; 0 for any that is free.
    pub listen_port: u16,
    /// Addresses of devices through which others are found beyond the local network.
    pub bootstrap: Vec<String>,
    /// Talk to nobody beyond the local network.
    pub lan_only: bool,
    /// Announce this device on the local network.
    pub mdns: bool,
    /// Take part in the distributed hash table.
    pub kademlia: bool,
    /// Ask the router to open a port.
    pub upnp: bool,
    /// Pass on sealed traffic between paired devices that cannot reach each other.
    pub relay: bool,
    /// "system", "light" or "dark".
    pub theme: String,
    /// How long each folder keeps what was replaced or removed, by the folder's id; others as by default.
    pub keep: BTreeMap<String, KeepSetting>,
    #[serde(flatten)]
    other: Other,
}

/// How long one folder keeps what was replaced or removed, and how much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeepSetting {
    /// For so many days; `None` for as long as by default.
    pub days: Option<u32>,
    /// However old it is.
    pub forever: bool,
    /// So many bytes; `None` for as many as by default.
    pub bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            name: None,
            downloads: None,
            listen_port: 0,
            bootstrap: Vec::new(),
            lan_only: false,
            mdns: true,
            kademlia: true,
            upnp: true,
            relay: true,
            theme: "system".to_owned(),
            keep: BTreeMap::new(),
            other: Other::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_newer_version_are_kept() {
        let text = r#"{ "name": "Ana", "sounds": { "volume": 3 } }"#;
        let mut settings: Settings = serde_json::from_str(text).expect("settings");
        assert!(settings.mdns, "what is not said is as it is by default");
        settings.lan_only = true;
        let written = serde_json::to_string(&settings).expect("text");
        assert!(written.contains(r#""sounds":{"volume":3}"#), "{written}");
        assert!(written.contains(r#""lan_only":true"#), "{written}");
    }
}
