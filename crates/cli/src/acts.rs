//! Carries out a command: finds what is meant, asks the running Shoal, prints what came of it.

use std::time::Duration;

use serde_json::json;
use shoal_node::Home;
use shoal_node::command::{Answer, Command, HistoryPage, Question, Verification};
use shoal_node::view::View;

use crate::args::{Act, Cli, Held, HeldAnswer, Watch};
use crate::client::Client;
use crate::failure::Failure;
use crate::print::Out;
use crate::text::{self, plain};
use crate::{demo, doctor, find, folders, keep, lists, pair, restore, send, sentence, serve, settings, why};

/// A running Shoal, and how to print.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) out: Out,
}

/// Does what the command line says.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other commands need a running Shoal and are named in its session"
)]
pub(crate) async fn run(cli: Cli, out: Out) -> Result<(), Failure> {
    if let Act::Demo(asked) = cli.act {
        return demo::run(asked, out).await;
    }
    let home = Home::find(cli.home.as_deref()).map_err(|error| Failure::said(format!("{error}.")))?;
    let session = Session { client: Client::new(home.clone()), out };
    match cli.act {
        Act::Serve(asked) => serve::run(home, asked, out).await,
        Act::Doctor => doctor::run(&home, &session).await,
        act => session.run(act).await,
    }
}

impl Session {
    async fn run(&self, act: Act) -> Result<(), Failure> {
        match act {
            Act::Status(asked) => self.show(&asked, "status", |view| json!(view), lists::status).await,
            Act::Peers(asked) => {
                self.show(&asked, "peers", |view| json!({"devices": view.devices}), lists::devices).await
            }
            Act::Transfers(asked) => {
                self.show(&asked, "transfers", |view| json!({"transfers": view.transfers}), lists::transfers).await
            }
            Act::Inbox => {
                let once = Watch { watch: false };
                self.show(&once, "inbox", |view| json!({"requests": view.inbox}), lists::inbox).await
            }
            Act::Pair(asked) => pair::run(self, asked).await,
            Act::Forget { device } => {
                let device = self.device(&device).await?;
                self.act(Command::Forget { device }, "Not paired any more.").await
            }
            Act::Block { device } => {
                let device = self.device(&device).await?;
                self.act(Command::Block { device }, "Blocked. It gets no sign of that.").await
            }
            Act::Unblock { device } => self.unblock(&device).await,
            Act::Rename { device, name } => {
                let device = self.device(&device).await?;
                self.act(Command::Rename { device, name }, "Renamed on this computer.").await
            }
            Act::Share(_)
            | Act::Folders { .. }
            | Act::People(_)
            | Act::Unshare { .. }
            | Act::Pause { .. }
            | Act::Resume(_)
            | Act::Rescan { .. }
            | Act::Conflicts { .. }
            | Act::Merge { .. } => folders::run(self, act).await,
            Act::Held(asked) => self.held(asked).await,
            Act::History { folder, page } => self.history(folder, page).await,
            Act::Keep(asked) => keep::run(self, asked).await,
            Act::Restore(asked) => restore::run(self, asked).await,
            Act::Why { path } => why::run(self, &path).await,
            Act::Verify { folder } => self.verify(folder).await,
            Act::Accept(_) | Act::Join(_) | Act::Decline { .. } | Act::Send(_) | Act::Withdraw { .. } => {
                send::run(self, act).await
            }
            Act::Retry { id } => {
                let transfer = self.transfer(&id).await?;
                self.act(Command::Retry { transfer }, "Trying again.").await
            }
            Act::Clear { id } => self.clear(id).await,
            Act::Config { what } => settings::run(self, what).await,
            Act::Quit => self.act(Command::Quit, "Stopping; everything goes on at the next start.").await,
            Act::Serve(_) | Act::Doctor | Act::Demo(_) => Ok(()),
        }
    }

    async fn clear(&self, id: Option<String>) -> Result<(), Failure> {
        let command = match id {
            Some(id) => Command::ClearTransfer { transfer: self.transfer(&id).await? },
            None => Command::ClearFinished,
        };
        self.act(command, "Cleared; the files stay.").await
    }

    /// Does one thing that has nothing to show but that it was done.
    pub(crate) async fn act(&self, command: Command, words: &str) -> Result<(), Failure> {
        self.client.act(&command).await?;
        self.out.done(words)
    }

    /// Waits until the view has what is looked for; `None` when that takes too long.
    pub(crate) async fn wait_for<T>(
        &self,
        longest: Option<Duration>,
        mut look: impl FnMut(&View) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let search = async {
            let mut views = self.client.watch().await?;
            loop {
                if let Some(found) = look(&views.next().await?) {
                    return Ok(Some(found));
                }
            }
        };
        match longest {
            Some(longest) => tokio::time::timeout(longest, search).await.unwrap_or(Ok(None)),
            None => search.await,
        }
    }

    async fn unblock(&self, wanted: &str) -> Result<(), Failure> {
        let device = find::blocked(&self.client.view().await?, wanted)?;
        self.act(Command::Unblock { device }, "Not blocked any more.").await
    }

    async fn device(&self, wanted: &str) -> Result<String, Failure> {
        let view = self.client.view().await?;
        find::device(&view, wanted).map(|device| device.id.clone())
    }

    async fn transfer(&self, wanted: &str) -> Result<String, Failure> {
        let view = self.client.view().await?;
        find::transfer(&view, wanted).map(|transfer| transfer.id.clone())
    }

    /// Prints a part of the view, once or whenever it changes.
    async fn show(
        &self,
        asked: &Watch,
        kind: &str,
        data: impl Fn(&View) -> serde_json::Value,
        words: impl Fn(&View) -> Vec<String>,
    ) -> Result<(), Failure> {
        if !asked.watch {
            let view = self.client.view().await?;
            return self.out.data(kind, data(&view), &words(&view));
        }
        let mut views = self.client.watch().await?;
        let mut shown = None;
        loop {
            let view = views.next().await?;
            let lines = words(&view);
            // For people, only what reads differently is news.
            if self.out.is_json || shown.as_ref() != Some(&lines) {
                self.out.data(kind, data(&view), &lines)?;
                shown = Some(lines);
            }
        }
    }

    async fn held(&self, asked: Held) -> Result<(), Failure> {
        let view = self.client.view().await?;
        if let (Some(folder), Some(answer)) = (asked.folder, asked.answer) {
            let command = Command::AnswerHold {
                folder: find::folder(&view, &folder)?.id.clone(),
                yes: answer == HeldAnswer::Remove,
                always: asked.always,
            };
            let words = match answer {
                HeldAnswer::Keep => "The files are put back for everyone.",
                HeldAnswer::Remove => "Going on. What is removed stays among the kept versions.",
            };
            return self.act(command, words).await;
        }
        let held: Vec<_> = view.folders.iter().filter_map(|folder| Some((folder, folder.hold.as_ref()?))).collect();
        let line = |(folder, hold): &(&shoal_node::view::Folder, &shoal_node::view::Hold)| {
            let by = hold.by.as_ref().map_or_else(|| "This computer".to_owned(), |name| plain(name));
            let id = text::short(&folder.id);
            format!(
                "{id}  {}: {by} removed {} and rewrote {} of {}. Nothing has been removed here. Answer: shoal held {id} keep|remove",
                plain(&folder.name),
                hold.removes,
                hold.replaces,
                hold.of,
            )
        };
        let data = held.iter().map(|(folder, hold)| json!({"folder": folder.id, "name": folder.name, "hold": hold}));
        self.out.data("held", json!({"holds": data.collect::<Vec<_>>()}), &held.iter().map(line).collect::<Vec<_>>())
    }

    async fn folder_id(&self, wanted: Option<String>) -> Result<Option<String>, Failure> {
        let Some(wanted) = wanted else { return Ok(None) };
        let view = self.client.view().await?;
        find::folder(&view, &wanted).map(|folder| Some(folder.id.clone()))
    }

    async fn history(&self, folder: Option<String>, page: u32) -> Result<(), Failure> {
        let view = self.client.view().await?;
        let folder = match folder {
            // What is no folder's name is a path.
            Some(wanted) if matches!(find::folder(&view, &wanted), Err(Failure::Said(_))) => {
                return restore::history(self, std::path::Path::new(&wanted)).await;
            }
            Some(wanted) => Some(find::folder(&view, &wanted)?.id.clone()),
            None => None,
        };
        let question = Question::History { folder, page: page - 1 };
        let Answer::History(found) = self.client.ask(&question).await? else {
            return Err(Failure::Strange);
        };
        self.out.data("history", &found, &history_lines(&found))?;
        if found.pages > page {
            self.out.say(&format!("Page {page} of {}. Go on with --page {}", found.pages, page + 1));
        }
        Ok(())
    }

    async fn verify(&self, folder: Option<String>) -> Result<(), Failure> {
        let question = Question::Verify { folder: self.folder_id(folder).await? };
        let Answer::Verified { folders } = self.client.ask(&question).await? else {
            return Err(Failure::Strange);
        };
        let lines: Vec<String> = folders.iter().flat_map(verified_lines).collect();
        self.out.data("verify", json!({"folders": folders}), &lines)?;
        match folders.iter().all(|folder| folder.ok) {
            true => Ok(()),
            false => Err(Failure::said("Not everything holds. Your files are unchanged.")),
        }
    }
}

fn history_lines(found: &HistoryPage) -> Vec<String> {
    let row = |row: &shoal_node::command::HistoryRow| {
        let from = row.from.as_ref().map_or_else(String::new, |from| format!(" (was {})", plain(from)));
        vec![
            text::moment(row.time),
            plain(&row.device),
            restore::verb(row.kind).to_owned(),
            format!("{}/{}{from}", plain(&row.folder_name), plain(&row.path)),
            row.size.map_or_else(String::new, text::bytes),
        ]
    };
    text::columns(&found.rows.iter().map(row).collect::<Vec<_>>())
}

fn verified_lines(found: &Verification) -> Vec<String> {
    let head = format!(
        "{}: {} by {}, {}: {}",
        plain(&found.name),
        text::count(found.entries, "entry", "entries"),
        text::count(u64::from(found.devices), "device", "devices"),
        text::count(u64::from(found.memberships), "membership", "memberships"),
        if found.ok { "every signature and link holds" } else { "NOT everything holds" },
    );
    let troubles = found.troubles.iter().map(|trouble| format!("  ! {}", sentence::of(trouble)));
    std::iter::once(head).chain(troubles).collect()
}
