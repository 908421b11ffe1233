//! Files sent once: asked for, accepted in part, received whole.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "tests share a module of which each uses a part"
)]

mod two;

use shoal_node::command::{Answer, Chosen, Command, Source};
use shoal_node::view::{Request, TransferState, View};
use two::{Person, noise, pair};

fn offer_in(view: &View) -> Option<shoal_node::view::Offer> {
    view.inbox.iter().find_map(|one| match one {
        Request::Offer(offer) if offer.complete => Some(offer.clone()),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_accepted_arrives_and_nothing_else() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Trip/one.jpg", noise(1, 3_000_000));
    ann.write("Trip/deep/two.jpg", noise(2, 1000));
    ann.write("letter.txt", "dear Ben");
    ben.write("Downloads/letter.txt", "already here");
    let dropped = ann.node.drop_paths(vec![ann.path("Trip"), ann.path("letter.txt")]);
    let source = Source::Drop { drop: dropped.drop };
    let sent = ann.act(Command::Send { source, devices: vec![ben.id()], note: Some("for you".to_owned()) }).await;
    let Answer::Sent { transfers } = sent else { panic!("not sent: {sent:?}") };

    let offer = ben.sees("an offer", offer_in).await;
    assert_eq!(offer.note.as_deref(), Some("for you"));
    assert_eq!(offer.item_count, 3);
    let wanted = |path: &str| offer.items.iter().find(|item| item.path == path).expect("offered").index;
    let items = Chosen::Only { items: vec![wanted("Trip/one.jpg"), wanted("letter.txt")] };
    ben.act(Command::Accept { offer: offer.id.clone(), items, pick: None }).await;
    ben.gets("Downloads/Trip/one.jpg", noise(1, 3_000_000)).await;
    ben.gets("Downloads/letter (1).txt", "dear Ben").await;
    for (person, transfer) in [(&ann, &transfers[0]), (&ben, &offer.id)] {
        let done = |view: &View| {
            let row = view.transfers.iter().find(|one| one.id == *transfer)?;
            matches!(row.state, TransferState::Done { .. }).then_some(())
        };
        person.sees("the end", done).await;
    }
    assert_eq!(ben.read("Downloads/letter.txt").as_deref(), Some(&b"already here"[..]));
    assert!(!ben.path("Downloads/Trip/deep").exists(), "was not accepted");
    ben.finds("nothing of ours left", || !ben.path("Downloads/.shoal").exists()).await;
    ben.act(Command::ClearFinished).await;
    ben.sees("an empty list", |view| view.transfers.is_empty().then_some(())).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_offer_that_was_accepted_goes_on_after_both_restart() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    let bytes = noise(3, 40 << 20);
    ann.write("film.bin", &bytes);
    let pick = ann.pick("film.bin");
    let source = Source::Pick { pick };
    ann.act(Command::Send { source, devices: vec![ben.id()], note: None }).await;
    let offer = ben.sees("an offer", offer_in).await;
    ben.act(Command::Accept { offer: offer.id.clone(), items: Chosen::All, pick: None }).await;
    ben.act(Command::PauseTransfer { transfer: offer.id.clone() }).await;
    let (ann, ben) = (ann.restart().await, ben.restart().await);
    assert!(!ben.path("Downloads/film.bin").exists(), "nothing is published in part");
    let is_paused = |view: &View| view.transfers.iter().any(|one| one.state == TransferState::Paused).then_some(());
    ben.sees("the pause", is_paused).await;
    let address = ben.sees("an address", |view| view.me.addresses.first().cloned()).await;
    ann.node.dial(&address);
    ben.act(Command::ResumeTransfer { transfer: offer.id.clone() }).await;
    ben.gets("Downloads/film.bin", &bytes).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_browser_uploads_is_sent_and_swept() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    let file = |path: &str, size| shoal_node::UploadFile { path: path.to_owned(), size, ..Default::default() };
    let drop = ann.node.upload(vec![file("pics/a.png", 3), file("note.txt", 2)]).await.expect("announced");
    ann.node.upload_file(&drop, 0, &b"png"[..]).await.expect("taken");
    ann.node.upload_file(&drop, 1, &b"hi"[..]).await.expect("taken");
    let source = Source::Drop { drop };
    ann.act(Command::Send { source, devices: vec![ben.id()], note: None }).await;
    let offer = ben.sees("an offer", offer_in).await;
    ben.act(Command::Accept { offer: offer.id, items: Chosen::All, pick: None }).await;
    ben.gets("Downloads/pics/a.png", "png").await;
    ben.gets("Downloads/note.txt", "hi").await;
    let done =
        |view: &View| view.transfers.iter().all(|one| matches!(one.state, TransferState::Done { .. })).then_some(());
    ann.sees("the end", done).await;
    ann.act(Command::ClearFinished).await;
    let uploads = ann.path("home/cache/uploads");
    let is_empty = || std::fs::read_dir(&uploads).is_ok_and(|mut found| found.next().is_none());
    ann.finds("no upload left", is_empty).await;
    ann.node.stop().await;
    ben.node.stop().await;
}
