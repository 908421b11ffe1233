//! What one person does alone or asks, on real nodes.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "tests share a module of which each uses a part"
)]

mod two;

use shoal_node::command::{Answer, Command, FileState, Purpose, Question, Source};
use shoal_node::view::{ErrorCode, FolderState};
use shoal_node::{Node, NodeError};
use two::{Person, config, pair, share};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_home_has_one_node_at_a_time() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let second = Node::start(config(&ann.dir, "Ann")).await;
    assert!(matches!(second, Err(NodeError::AlreadyRunning { .. })));
    let me = ann.id();
    let ann = ann.restart().await;
    assert_eq!(ann.id(), me, "the key is kept");
    ann.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_folder_can_be_shared_again_after_it_was_left() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    ann.write("Notes/a.txt", "a");
    let share =
        || Command::ShareFolder { pick: ann.pick("Notes"), name: String::new(), invite: Vec::new(), take_over: false };
    let Answer::Shared { folder } = ann.act(share()).await else { panic!("not shared") };
    let trouble = ann.node.act(share()).await.expect_err("shared already");
    assert_eq!(trouble.code, ErrorCode::Overlaps);
    let pick = ann.pick("Notes");
    let Answer::Inspected(found) =
        ann.node.ask(Question::InspectPick { pick, purpose: Purpose::Share }).await.expect("looked at")
    else {
        panic!("not inspected")
    };
    assert_eq!((found.files, found.bytes, found.complete), (1, 1, true));
    assert_eq!(found.trouble.map(|trouble| trouble.code), Some(ErrorCode::Overlaps));
    ann.act(Command::StopSharing { folder }).await;
    ann.finds("no marker", || !ann.path("Notes/.shoal/marker").exists()).await;
    assert_eq!(ann.read("Notes/a.txt").as_deref(), Some(&b"a"[..]));
    assert!(matches!(ann.act(share()).await, Answer::Shared { .. }));
    ann.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_added_by_hand_reach_the_others_and_are_listed() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Notes/sub/a.txt", "a");
    ann.write("elsewhere/a.txt", "another");
    let folder = share(&ann, &ben, "Notes").await;
    ben.gets("Notes/sub/a.txt", "a").await;
    let pick = ann.pick("elsewhere/a.txt");
    let source = Source::Pick { pick };
    ann.act(Command::AddToFolder { source, folder: folder.clone(), dir: "sub".to_owned() }).await;
    ben.gets("Notes/sub/a (1).txt", "another").await;
    let up_to_date = |view: &shoal_node::view::View| {
        view.folders.iter().find(|one| one.state == FolderState::UpToDate && one.files == 2).map(|_| ())
    };
    ben.sees("the end", up_to_date).await;
    let listed = Question::FilesIn { folder: folder.clone(), dir: "sub".to_owned(), page: 0 };
    let Answer::Files(page) = ben.node.ask(listed).await.expect("listed") else { panic!("no files") };
    let names: Vec<_> = page.entries.iter().map(|one| (one.name.as_str(), one.state)).collect();
    assert_eq!(names, [("a (1).txt", FileState::Here), ("a.txt", FileState::Here)]);
    let verify = Question::Verify { folder: Some(folder) };
    let Answer::Verified { folders } = ben.node.ask(verify).await.expect("verified") else { panic!("not verified") };
    assert!(folders.iter().all(|one| one.ok && one.entries >= 2), "{folders:?}");
    let trouble = ben.node.act(Command::Pause { folder: "x".to_owned() }).await.expect_err("no folder");
    assert_eq!(trouble.code, ErrorCode::NotThere);
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pairing_link_pairs_without_a_code() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    ben.sees("an address", |view| view.me.addresses.first().cloned()).await;
    let Answer::PairLink { link, .. } = ben.act(Command::MakePairLink).await else { panic!("no link") };
    ann.act(Command::PairLink { link }).await;
    let (me, other) = (ann.id(), ben.id());
    ann.sees("a verified device", |view| two::is_verified(view, &other)).await;
    ben.sees("a verified device", |view| two::is_verified(view, &me)).await;
    ann.act(Command::Forget { device: other.clone() }).await;
    ben.sees("a stranger", |view| two::is_verified(view, &me).is_none().then_some(())).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_address_that_is_none_is_said_so() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let trouble = ann.node.act(Command::PairAddress { address: "nonsense".to_owned() }).await.expect_err("refused");
    assert_eq!(trouble.code, ErrorCode::BadAddress);
    ann.node.stop().await;
}
