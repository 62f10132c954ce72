//! The matrix of migrations.

use crate::lab::Lab;

const ONE_CELL: [&str; 6] = [
    "--machine",
    "q35",
    "--transport",
    "unix",
    "--option",
    "plain",
];

#[test]
fn the_cells_are_tests_by_all_ways_or_by_those_that_are_named() {
    let lab = Lab::new();
    let all = lab.say(&["migrate-matrix", "--list"]);
    assert_eq!(all.status, 0, "{all:?}");
    let [one, two] = ["on-q35", "on-i440fx"].map(|machine| {
        let cells = all.out.lines().filter(|line| line.contains(machine));
        cells.count()
    });
    assert!(one > 10 && one == two, "{}", all.out);
    let one = lab.say(&[&["migrate-matrix", "--list"], &ONE_CELL[..]].concat());
    assert_eq!(one.out.lines().count(), 1, "{}", one.out);
    assert!(one.out.trim().ends_with("migrate_matrix.plain.unix"));
    let unknown = lab.say(&["migrate-matrix", "--list", "--transport", "pigeon"]);
    assert_eq!(unknown.status, 4, "{unknown:?}");
}

#[test]
fn a_matrix_is_drawn_and_kept_for_people_and_for_programs() {
    let lab = Lab::new();
    let mut command = lab.command(&["migrate-matrix", "--logs-dir"]);
    let said = command.arg(lab.logs()).args(ONE_CELL).output().unwrap();
    let out = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{out}");
    let row = out.lines().find(|line| line.starts_with("q35 unix plain"));
    let row: Vec<&str> = row.unwrap().split_whitespace().collect();
    let ["q35", "unix", "plain", "PASS", downtime, "ms"] = row[..] else {
        panic!("{row:?}");
    };
    let matrix = std::fs::read(lab.latest().join("matrix.json")).unwrap();
    let matrix: serde_json::Value = serde_json::from_slice(&matrix).unwrap();
    let migration = &matrix["cells"][0]["migration"];
    assert_eq!(migration["standstill_ms"].to_string(), downtime);
    assert_eq!(migration["figures"]["status"], "completed");
    let page = std::fs::read_to_string(lab.latest().join("matrix.html")).unwrap();
    assert!(page.contains(&format!("PASS</a> {downtime} ms")), "{page}");
    lab.assert_no_qemu_is_left();
}
