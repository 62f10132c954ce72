//! Machines that are cloned instead of booted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::lab::Lab;

/// Every file of the templates with what it holds, but for the locks, whose time is that of the last use.
fn templates(data: &Path) -> BTreeMap<PathBuf, (SystemTime, Vec<u8>)> {
    let mut files = BTreeMap::new();
    for template in std::fs::read_dir(data.join("templates"))
        .into_iter()
        .flatten()
        .flatten()
    {
        for file in std::fs::read_dir(template.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            let modified = file.metadata().unwrap().modified().unwrap();
            files.insert(file.path(), (modified, std::fs::read(file.path()).unwrap()));
        }
    }
    files
}

fn log(lab: &Lab, test: &str) -> String {
    let logs = std::fs::read_dir(lab.latest()).unwrap().flatten();
    let mut logs = logs.filter(|entry| entry.file_name().to_string_lossy().ends_with(test));
    std::fs::read_to_string(logs.next().unwrap().path().join("debug.log")).unwrap()
}

#[test]
fn a_machine_is_booted_once_and_cloned_from_then_on() {
    let lab = Lab::new();
    // A template of no other test's: its memory is of an odd size.
    let fork = ["-m", "300", "-j", "1", "--extra", "vm_start = fork"];
    let args = [&fork[..], &["--tests", "system_powerdown shutdown"]].concat();
    let said = lab.run(&args);
    assert_eq!(said.status, 0, "{said:?}");
    let made = templates(&Lab::data());
    assert!(
        made.keys().any(|file| file.ends_with("ram")),
        "{:?}",
        made.keys()
    );

    let said = lab.run(&args);
    assert_eq!(said.status, 0, "{said:?}");
    for test in ["system_powerdown", "shutdown"] {
        let log = log(&lab, test);
        assert!(log.contains("cloning vm1"), "{log}");
        assert!(!log.contains("booting a template"), "{log}");
    }
    let now = templates(&Lab::data());
    for (file, before) in made {
        assert!(
            now.get(&file) == Some(&before),
            "{} was changed by a clone",
            file.display()
        );
    }
    lab.assert_no_qemu_is_left();
    assert_eq!(lab.left_in_runtime(), Vec::<PathBuf>::new());
}
