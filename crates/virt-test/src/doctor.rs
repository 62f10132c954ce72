//! `virt-test doctor`: what this host can do on one screen, and the command that mends each thing missing.

use crate::args::DoctorArgs;
use crate::execute::dirs;
use crate::exit::Status;
use crate::run::kvm_probe;
use crate::say;

pub fn doctor(args: &DoctorArgs) -> Status {
    let dirs = match dirs(args.data.data_dir.as_deref()) {
        Ok(dirs) => dirs,
        Err(status) => return status,
    };
    let (program, arguments) = kvm_probe();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let accel = host::accel::probe(&program, &arguments, &dirs.cache());
    let report = host::doctor::collect(&dirs, &accel, args.qemu.as_deref());
    say::line(report.to_string().trim_end());
    match image::GuestStore::new(dirs.data()).list() {
        Ok(guests) => {
            say::line("guests:");
            for guest in guests {
                let name = guest.recipe.name;
                match guest.ready {
                    Some(ready) => {
                        say::line(format!("  {name}: ready, Linux {}", ready.kernel_release()))
                    }
                    None => say::line(format!(
                        "  {name}: not built yet (virt-test guest build {name})"
                    )),
                }
            }
        }
        Err(error) => say::error(
            harness::chain(&error),
            &error.hint().into_iter().collect::<Vec<_>>(),
        ),
    }
    if report.is_usable() {
        Status::Passed
    } else {
        Status::Setup
    }
}
