//! Settings from the command line.

use serde_json::json;
use shoal_node::command::{Answer, Command, Question, SettingsPage};
use shoal_node::view::Theme;

use crate::acts::Session;
use crate::args::{ConfigAct, Key};
use crate::failure::Failure;
use crate::text::plain;

/// Lists, shows or changes settings.
pub(crate) async fn run(session: &Session, what: ConfigAct) -> Result<(), Failure> {
    match what {
        ConfigAct::List => {
            let page = page(session).await?;
            let lines: Vec<String> = ALL.iter().map(|(key, name)| format!("{name} = {}", show(&page, *key))).collect();
            session.out.data("config", page, &lines)
        }
        ConfigAct::Get { key } => {
            let page = page(session).await?;
            let name = ALL.iter().find(|(one, _)| *one == key).map_or("", |(_, name)| *name);
            let value = json!(page)[name.replace('-', "_")].clone();
            session.out.data("config", json!({"key": name, "value": value}), &[show(&page, key)])
        }
        ConfigAct::Set { key, values } => set(session, key, values).await,
    }
}

const ALL: [(Key, &str); 6] = [
    (Key::Name, "name"),
    (Key::Downloads, "downloads"),
    (Key::Port, "port"),
    (Key::LanOnly, "lan-only"),
    (Key::Bootstrap, "bootstrap"),
    (Key::Theme, "theme"),
];

async fn page(session: &Session) -> Result<SettingsPage, Failure> {
    let Answer::Settings(page) = session.client.ask(&Question::Settings).await? else {
        return Err(Failure::Strange);
    };
    Ok(page)
}

fn show(page: &SettingsPage, key: Key) -> String {
    match key {
        Key::Name => plain(&page.name),
        Key::Downloads => plain(&page.downloads),
        Key::Port => page.port.to_string(),
        Key::LanOnly => page.lan_only.to_string(),
        Key::Bootstrap => page.bootstrap.iter().map(|address| plain(address)).collect::<Vec<_>>().join(" "),
        Key::Theme => theme_name(page.theme).to_owned(),
    }
}

fn theme_name(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "system",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

async fn set(session: &Session, key: Key, values: Vec<String>) -> Result<(), Failure> {
    let one = || match values.as_slice() {
        [value] => Ok(value.clone()),
        _ => Err(Failure::usage("This setting has one value.")),
    };
    let wrong = |text: &str| Failure::usage(text.to_owned());
    let command = match key {
        Key::Name => name(session, one()?).await?,
        Key::Downloads => {
            let dir = std::path::PathBuf::from(one()?);
            Command::SetDownloads { downloads: session.client.pick(&dir).await?.pick }
        }
        Key::Port => network(Some(one()?.parse().map_err(|_| wrong("A port is a number up to 65535."))?), None, None),
        Key::LanOnly => network(None, Some(one()?.parse().map_err(|_| wrong("It is true or false."))?), None),
        Key::Bootstrap => {
            let list = values.iter().filter(|value| !value.is_empty()).cloned().collect();
            network(None, None, Some(list))
        }
        Key::Theme => Command::SetTheme {
            theme: match one()?.as_str() {
                "system" => Theme::System,
                "light" => Theme::Light,
                "dark" => Theme::Dark,
                _ => return Err(wrong("A theme is system, light or dark.")),
            },
        },
    };
    session.act(command, "Set.").await
}

fn network(port: Option<u16>, lan_only: Option<bool>, bootstrap: Option<Vec<String>>) -> Command {
    Command::SetNetwork { port, lan_only, bootstrap }
}

/// The first name ends the first run: from then on this computer is announced.
async fn name(session: &Session, name: String) -> Result<Command, Failure> {
    let is_first = session.client.view().await?.me.first_run;
    Ok(match is_first {
        true => Command::SetUp { name, downloads: None },
        false => Command::SetName { name },
    })
}
