//! The guest finds its CPUs arranged as the machine was told: as many sockets, dies in each, cores in each of those and threads in
//! each of those, and no two CPUs in one place.

use std::collections::BTreeSet;

use virt_test::{Stop, Test, TestResult, check};

use crate::ask::ask;

/// A line a CPU: socket, die, core, and how many threads its core has.
const PLACES: &str = "cd /sys/devices/system/cpu; for cpu in cpu[0-9]*; do cd $cpu/topology; \
                      echo $(cat physical_package_id die_id core_id thread_siblings_list); cd ../..; done";

#[virt_test::test(type_specific)]
async fn smp_topology(test: &mut Test) -> TestResult {
    let vm = test.main_vm()?;
    let mut session = vm.session(test.span("login_timeout")?).await?;
    let mut wanted = [0; 4];
    for (number, part) in wanted
        .iter_mut()
        .zip(["sockets", "dies", "cores", "threads"])
    {
        *number = test.param::<u32>(&format!("vcpu_{part}"))?.max(1) as usize;
    }
    let [sockets, dies, cores, threads] = wanted;
    let text = ask(&mut session, PLACES).await?;
    let places: Vec<Vec<&str>> = text
        .lines()
        .map(|l| l.split_whitespace().collect())
        .collect();
    if places.iter().any(|place| place.len() != 4) {
        return Err(Stop::fail(format!("the guest's CPUs are at '{text}'")));
    }
    // Ids of dies and cores need not be unique beyond what they are in.
    let distinct = |parts: usize| {
        let ids = places.iter().map(|place| place[..parts].join("."));
        ids.collect::<BTreeSet<_>>().len()
    };
    let siblings: BTreeSet<_> = places.iter().map(|place| place[3]).collect();
    let found = [
        distinct(1),
        distinct(2) / sockets,
        distinct(3) / (sockets * dies),
        places.len() / siblings.len(),
    ];
    check!(
        found == wanted && places.len() == sockets * dies * cores * threads,
        "{sockets} sockets of {dies} dies of {cores} cores of {threads} threads, and the guest finds {found:?} in:\n{text}"
    );
    Ok(())
}
