//! What the store promises to runs that share it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use templates::{Begun, Building, Inputs, Limits, Manner, Store, Template};
use units::ByteSize;

const PATIENCE: Duration = Duration::from_secs(60);

fn inputs(name: &str) -> Inputs {
    let mut inputs = Inputs::new(name);
    inputs.text("machine", name);
    inputs
}

async fn building(store: &Store, name: &str) -> Building {
    match store.begin(&inputs(name), PATIENCE).await.unwrap() {
        Begun::Make(building) => building,
        Begun::Ready(template) => panic!("{template:?} is there already"),
    }
}

async fn ready(store: &Store, name: &str) -> Option<Template> {
    match store.begin(&inputs(name), PATIENCE).await.unwrap() {
        Begun::Ready(template) => Some(template),
        Begun::Make(_) => None,
    }
}

async fn make(store: &Store, name: &str) -> Template {
    let building = building(store, name).await;
    fs::write(building.ram(), vec![1; 1 << 20]).unwrap();
    fs::write(building.state(), "state").unwrap();
    fs::write(building.disk("image1"), "disk").unwrap();
    building.finish(Manner::SharedMemory).unwrap()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| name.into_string().unwrap());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

#[tokio::test]
async fn a_template_that_was_made_is_found_again_by_its_inputs() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    let made = make(&store, "one").await;
    let found = ready(&store, "one").await.unwrap();
    assert_eq!((made.key(), made.state()), (found.key(), found.state()));
    assert_eq!(fs::read_to_string(found.disk("image1")).unwrap(), "disk");
    assert_eq!(found.manifest().manner, Manner::SharedMemory);
    assert!(found.manifest().inputs.contains("machine = \"one\""));
    assert!(ready(&store, "other").await.is_none());
    let [entry] = &store.list().unwrap()[..] else {
        panic!()
    };
    assert!(entry.size >= ByteSize::mib(1), "{entry:?}");
}

#[tokio::test]
async fn a_template_with_a_changed_file_is_made_anew() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    for file in ["ram", "state", "disk-image1", "template.json"] {
        let made = make(&store, "one").await;
        let path = made.state().with_file_name(file);
        assert_eq!(made.is_unchanged(), Ok(()));
        drop(made);
        let mut content = fs::read(&path).unwrap();
        content[0] ^= 1;
        fs::write(&path, content).unwrap();
        assert!(ready(&store, "one").await.is_none(), "{file}");
    }
}

#[tokio::test]
async fn what_is_not_finished_leaves_nothing() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    let building = building(&store, "one").await;
    fs::write(building.ram(), "ram").unwrap();
    drop(building);
    assert_eq!(names(&data.path().join("templates")), [""; 0]);
    assert!(ready(&store, "one").await.is_none());
}

#[tokio::test]
async fn two_runs_that_want_the_same_template_make_it_once() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    let first = building(&store, "one").await;
    let other = tokio::spawn({
        let store = Store::new(data.path());
        async move { ready(&store, "one").await.is_some() }
    });
    // The other waits for the lock: it cannot have an answer before the first is finished.
    tokio::task::yield_now().await;
    assert!(!other.is_finished());
    fs::write(first.ram(), "ram").unwrap();
    fs::write(first.state(), "state").unwrap();
    let template = first.finish(Manner::Stream).unwrap();
    assert!(other.await.unwrap());
    drop(template);
}

#[tokio::test]
async fn the_longest_unused_goes_first_and_what_is_in_use_stays() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    let mut kept = Vec::new();
    for (name, days) in [("new", 0), ("used", 3), ("old", 2), ("older", 30)] {
        let template = make(&store, name).await;
        let lock = data
            .path()
            .join(format!("templates/{}.lock", template.key()));
        let time = SystemTime::now() - Duration::from_secs(days * 86_400);
        fs::File::options()
            .write(true)
            .open(lock)
            .unwrap()
            .set_modified(time)
            .unwrap();
        if name == "used" {
            kept.push(template);
        }
    }
    let month = Limits {
        size: ByteSize::gib(1),
        age: Duration::from_secs(14 * 86_400),
    };
    let pruned = store.prune(&month).unwrap();
    assert_eq!(pruned.len(), 1);
    assert_eq!(pruned[0].key, inputs("older").key());
    // Room for one: the newest stays, and the one in use.
    let little = Limits {
        size: ByteSize::mib(2),
        ..month
    };
    let pruned = store.prune(&little).unwrap();
    assert_eq!(
        pruned.iter().map(|p| &p.key).collect::<Vec<_>>(),
        [&inputs("old").key()]
    );
    let left: Vec<_> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    assert_eq!(left, [inputs("new").key(), inputs("used").key()]);
}

#[tokio::test]
async fn what_a_killed_run_left_half_made_is_removed() {
    let data = tempfile::tempdir().unwrap();
    let store = Store::new(data.path());
    let root = data.path().join("templates");
    let dead = root.join(format!(".building-{}-abcdef", inputs("dead").key()));
    fs::create_dir_all(&dead).unwrap();
    let alive = building(&store, "alive").await;
    store.prune(&Limits::default()).unwrap();
    assert!(!dead.exists());
    assert!(alive.directory().exists());
}

#[tokio::test]
async fn another_run_is_not_waited_for_without_end() {
    let data = tempfile::tempdir().unwrap();
    let first = building(&Store::new(data.path()), "one").await;
    let patience = Duration::from_millis(20);
    let busy = Store::new(data.path())
        .begin(&inputs("one"), patience)
        .await;
    let busy = busy.unwrap_err().to_string();
    assert!(busy.contains("another run has held"), "{busy}");
    drop(first);
    // Whoever has given up waiting does not get the lock later.
    building(&Store::new(data.path()), "one").await;
}
