//! Two nodes share a folder: files go both ways, and everything goes on after a restart.

#![allow(
    unreachable_pub,
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "tests share a module of which each uses a part"
)]

mod two;

use shoal_node::command::Command;
use shoal_node::view::{ErrorCode, FolderState, View};
use two::{Person, noise, pair, share};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn files_go_both_ways_and_changes_follow() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Notes/first.txt", "one");
    ann.write("Notes/deep/er/second.txt", "two");
    share(&ann, &ben, "Notes").await;
    ben.gets("Notes/first.txt", "one").await;
    ben.gets("Notes/deep/er/second.txt", "two").await;

    ben.write("Notes/from ben.txt", "hello");
    ann.gets("Notes/from ben.txt", "hello").await;
    ann.write("Notes/first.txt", "one, edited");
    ben.gets("Notes/first.txt", "one, edited").await;
    ben.write("Notes/first.txt", "edited by ben");
    ann.gets("Notes/first.txt", "edited by ben").await;

    std::fs::rename(ann.path("Notes/deep"), ann.path("Notes/moved")).expect("moved");
    ben.gets("Notes/moved/er/second.txt", "two").await;
    ben.loses("Notes/deep/er/second.txt").await;
    std::fs::remove_file(ben.path("Notes/from ben.txt")).expect("removed");
    ann.loses("Notes/from ben.txt").await;
    ann.write("Notes/empty", "");
    ben.gets("Notes/empty", "").await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_large_file_comes_whole_and_a_small_edit_of_it_too() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    let mut bytes = noise(1, 50 << 20);
    ann.write("Film/film.bin", &bytes);
    let folder = share(&ann, &ben, "Film").await;
    ben.gets("Film/film.bin", &bytes).await;
    let down = |view: &shoal_node::view::View| view.folders.iter().find(|one| one.id == folder).cloned();
    ben.sees("the folder", down).await;

    bytes.splice(20_000_000..20_000_000, *b"inserted");
    ann.write("Film/film.bin", &bytes);
    ben.gets("Film/film.bin", &bytes).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_goes_on_after_a_restart() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Work/a.txt", "a");
    share(&ann, &ben, "Work").await;
    ben.gets("Work/a.txt", "a").await;

    ben.node.stop().await;
    ann.write("Work/while away.txt", "news");
    let (ann, ben) = (ann.restart().await, ben.restart().await);
    // Ports are any that were free, so the old addresses lead nowhere: somebody has to say where the other is.
    let address = ben.sees("an address", |view| view.me.addresses.first().cloned()).await;
    ann.node.dial(&address);
    ben.gets("Work/while away.txt", "news").await;
    ben.write("Work/a.txt", "b");
    ann.gets("Work/a.txt", "b").await;
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_small_files_come() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    for number in 0..1000_u64 {
        ann.write(&format!("Many/{}/{number}.bin", number % 10), noise(number, 2000));
    }
    share(&ann, &ben, "Many").await;
    let begun = std::time::Instant::now();
    for number in 0..1000_u64 {
        ben.gets(&format!("Many/{}/{number}.bin", number % 10), noise(number, 2000)).await;
    }
    eprintln!("1000 files in {:?}", begun.elapsed());
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_save_is_soon_on_the_other_device() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Notes/first.txt", "one");
    share(&ann, &ben, "Notes").await;
    ben.gets("Notes/first.txt", "one").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let mut times = Vec::new();
    // A new file each time: one that is saved again and again is looked at less often, on purpose.
    for number in 0..20 {
        let (path, text) = (format!("Notes/{number}.txt"), format!("text {number}"));
        let begun = std::time::Instant::now();
        ann.write(&path, &text);
        while ben.read(&path).as_deref() != Some(text.as_bytes()) {
            assert!(begun.elapsed() < two::PATIENCE, "{number} never came");
            tokio::time::sleep(std::time::Duration::from_micros(500)).await;
        }
        times.push(begun.elapsed());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    times.sort();
    eprintln!("a save is there after {:?} (median), {:?} (longest)", times[10], times[19]);
    ann.node.stop().await;
    ben.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_that_is_held_is_what_the_folder_waits_for() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    (0..40).for_each(|number| ann.write(&format!("Notes/{number}.txt"), format!("{number}")));
    let folder = share(&ann, &ben, "Notes").await;
    ben.gets("Notes/39.txt", "39").await;
    let up_to_date = |view: &View| state_of(view).filter(|state| *state == FolderState::UpToDate);
    ben.sees("everything", up_to_date).await;
    (0..30).for_each(|number| std::fs::remove_file(ben.path(&format!("Notes/{number}.txt"))).expect("removed"));
    let held = |view: &View| state_of(view).filter(|state| *state == FolderState::Hold);
    ben.sees("what it waits for", held).await;
    ben.act(Command::AnswerHold { folder: folder.clone(), yes: true, always: false }).await;
    ann.sees("what it waits for", held).await;
    // What is taken away by new contents waits as well, and is no file to go.
    ann.act(Command::AnswerHold { folder, yes: true, always: false }).await;
    ann.loses("Notes/0.txt").await;
    ann.sees("the end", up_to_date).await;
    ann.node.stop().await;
    ben.node.stop().await;
}

fn state_of(view: &View) -> Option<FolderState> {
    view.folders.first().map(|folder| folder.state.clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_link_that_leaves_is_listed_where_it_stands_and_nowhere_else() {
    let base = tempfile::tempdir().expect("a directory");
    let ann = Person::start(base.path(), "Ann").await;
    let ben = Person::start(base.path(), "Ben").await;
    pair(&ann, &ben).await;
    ann.write("Notes/a.txt", "a");
    std::os::unix::fs::symlink("/etc/hosts", ann.path("Notes/out")).expect("linked");
    std::os::unix::fs::symlink("a.txt", ann.path("Notes/in")).expect("linked");
    share(&ann, &ben, "Notes").await;
    ben.gets("Notes/a.txt", "a").await;
    ben.gets("Notes/in", "a").await;
    let listed = |view: &View| {
        let problem = view.folders.first()?.problems.first()?;
        (problem.path == "out").then_some(problem.trouble.code)
    };
    assert_eq!(ann.sees("the link", listed).await, ErrorCode::LinkLeaves);
    let up_to_date = |view: &View| state_of(view).filter(|state| *state == FolderState::UpToDate);
    ben.sees("the end", up_to_date).await;
    ben.sees("no problem", |view| view.folders.first().filter(|folder| folder.problem_count == 0).map(|_| ())).await;
    ann.node.stop().await;
    ben.node.stop().await;
}
