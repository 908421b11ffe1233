//! `shoal serve`: runs this home without a window, with the screens for a browser on this computer.

use serde_json::json;
use shoal_node::command::Command;
use shoal_node::serve::Serving;
use shoal_node::socket::Socket;
use shoal_node::{Home, Node, NodeConfig, NodeError, log, page};

use crate::args::Serve;
use crate::failure::Failure;
use crate::print::Out;

/// Runs until somebody asks it to stop.
pub(crate) async fn run(home: Home, asked: Serve, out: Out) -> Result<(), Failure> {
    let said = |what: &str, error: &dyn std::error::Error| Failure::said(format!("{what}: {}.", chain(error)));
    home.make().map_err(|error| said("Cannot use this home", &error))?;
    let _log = log::start(&home.logs()).map_err(|error| said("Cannot write a log", &error))?;
    let node = match Node::start(config(&home, &asked)?).await {
        Ok(node) => node,
        Err(NodeError::AlreadyRunning { .. }) => return Err(already_running(&home)),
        Err(error) => return Err(said("Cannot start", &error)),
    };
    let opened = open(&home, &node, &asked).await;
    let (socket, serving) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            node.stop().await;
            return Err(match asked.port {
                Some(port) if error.kind() == std::io::ErrorKind::AddrInUse => Failure::said(format!(
                    "Port {port} is taken by another program. Choose another one for the page with --port, or leave it out for any."
                )),
                _ => said("Cannot serve", &error),
            });
        }
    };
    let is_named = first_name(&node, asked.name).await?;
    announce(out, &node, &serving, is_named)?;
    tokio::select! {
        () = node.quit_asked() => {}
        () = asked_to_end() => out.say("Stopping; everything goes on at the next start."),
    }
    serving.close().await;
    socket.close().await;
    node.stop().await;
    Ok(())
}

fn config(home: &Home, asked: &Serve) -> Result<NodeConfig, Failure> {
    let ports: Vec<u16> = asked.listen.iter().map(std::net::SocketAddr::port).collect();
    let first = ports.first().copied();
    if ports.iter().any(|port| Some(*port) != first) {
        return Err(Failure::usage("All --listen addresses need one port."));
    }
    Ok(NodeConfig {
        home: home.clone(),
        listen_port: first,
        listen_ips: asked.listen.iter().map(std::net::SocketAddr::ip).collect(),
        mdns: asked.no_mdns.then_some(false),
        bootstrap: asked.bootstrap.clone(),
        name: asked.name.clone(),
        downloads: asked.downloads.clone(),
    })
}

async fn open(home: &Home, node: &Node, asked: &Serve) -> std::io::Result<(Socket, Serving)> {
    let socket = Socket::open(home, node.clone())?;
    let serving = Serving::open(home, node.clone(), asked.port).await?;
    Ok((socket, serving))
}

/// A name given with the command ends the first run: nothing is announced before.
///
/// Answers whether this computer has a name.
async fn first_name(node: &Node, name: Option<String>) -> Result<bool, Failure> {
    let is_first = node.watch().borrow().me.first_run;
    let Some(name) = name.filter(|_| is_first) else {
        return Ok(!is_first);
    };
    let set_up = Command::SetUp { name, downloads: None };
    node.act(set_up).await.map(|_| true).map_err(Failure::Refused)
}

fn announce(out: Out, node: &Node, serving: &Serving, is_named: bool) -> Result<(), Failure> {
    let data = json!({"url": serving.url(), "device": node.me().to_string(), "screens": page::has_screens()});
    out.data("serving", data, &[serving.url().to_owned()])?;
    if !page::has_screens() {
        out.say("This program was built without its screens; the command line works all the same.");
    }
    if !is_named {
        out.say("Nothing is announced until a name is chosen: on the page, or with shoal config set name NAME");
    }
    out.say("Open this address in a browser on this computer. Stop with Ctrl+C.");
    Ok(())
}

fn already_running(home: &Home) -> Failure {
    let place = std::fs::read_to_string(home.address()).ok();
    let token = std::fs::read_to_string(home.token()).ok();
    match (place, token) {
        (Some(place), Some(token)) => Failure::AlreadyRunning(Some(format!("{}#token={}", place.trim(), token.trim()))),
        _ => Failure::AlreadyRunning(None),
    }
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(&format!(": {source}"));
        next = source.source();
    }
    text
}

/// Resolves when the terminal or the system asks us to end.
pub(crate) async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut end), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = end.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
