//! The tiny VM, run in a process of its own since a `/dev/kvm` may not only refuse but hang.
//!
//! Interface: the kernel's "KVM API documentation". Processor state: Intel's manual, volume 3, for 64-bit mode.

use std::io::Write;

use super::decision::Finding;

/// What starts the line on which the process tells what it found; others may print around it.
pub(super) const PREFIX: &str = "kvm-probe ";

/// Finds out about `/dev/kvm`, prints it on standard output and exits. For a hidden command of the program that [`super::probe`] starts
/// again.
pub fn kvm_probe_child() -> ! {
    let finding = find();
    let status = match serde_json::to_string(&finding) {
        // On a line of its own, whatever was printed before.
        Ok(text) if writeln!(std::io::stdout(), "\n{PREFIX}{text}").is_ok() => 0,
        _ => 1,
    };
    std::process::exit(status)
}

#[cfg(not(target_arch = "x86_64"))]
fn find() -> Finding {
    match std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
    {
        Ok(_) => Finding::Unmeasured,
        Err(error) => unopened(&error),
    }
}

#[cfg(target_arch = "x86_64")]
fn find() -> Finding {
    x86_64::find().unwrap_or_else(|finding| finding)
}

fn unopened(error: &std::io::Error) -> Finding {
    match error.kind() {
        std::io::ErrorKind::NotFound => Finding::Absent,
        std::io::ErrorKind::PermissionDenied => Finding::Denied,
        _ => Finding::Unopened {
            error: error.to_string(),
        },
    }
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::io;

    use kvm_bindings::{KVM_API_VERSION, kvm_regs, kvm_segment, kvm_userspace_memory_region};
    use kvm_ioctls::{Cap, Kvm, VcpuExit, VcpuFd};
    use rustix::time::{ClockId, clock_gettime};

    use super::{Finding, unopened};

    /// Rounds of the loop; a real processor needs some 5 to 10 ms.
    const ROUNDS: u64 = 10_000_000;

    /// Instructions in a round.
    const PER_ROUND: u64 = 2;

    /// How long the loop may take, and how often it is interrupted from then on, should it not notice.
    const LIMIT: libc::timespec = libc::timespec {
        tv_sec: 0,
        tv_nsec: 250_000_000,
    };
    const AGAIN: libc::timespec = libc::timespec {
        tv_sec: 0,
        tv_nsec: 10_000_000,
    };

    /// `again: dec rcx; jnz again; out 0x80, al; hlt`.
    const CODE: [u8; 8] = [0x48, 0xff, 0xc9, 0x75, 0xfb, 0xe6, 0x80, 0xf4];

    const PAGE: usize = 4096;
    const MEMORY: usize = 2 << 20;

    /// Where the page tables and the code are in the guest's memory.
    const PML4: usize = 0x1000;
    const PDPT: usize = 0x2000;
    const DIRECTORY: usize = 0x3000;
    const START: usize = 0x4000;

    pub(super) fn find() -> Result<Finding, Finding> {
        let kvm = Kvm::new().map_err(|error| unopened(&error.into()))?;
        let api = kvm.get_api_version();
        if u32::try_from(api) != Ok(KVM_API_VERSION) {
            return Err(Finding::Unfit {
                why: format!("its API is version {api}"),
            });
        }
        if !kvm.check_extension(Cap::UserMemory) {
            return Err(Finding::Unfit {
                why: "it lacks KVM_CAP_USER_MEMORY".into(),
            });
        }
        let failed = |step: &str| {
            let step = step.to_owned();
            move |error: kvm_ioctls::Error| Finding::Failed {
                step,
                error: io::Error::from(error).to_string(),
            }
        };
        let vm = kvm.create_vm().map_err(failed("create a VM"))?;
        let mut memory = vec![0_u8; MEMORY + PAGE];
        let offset = memory.as_ptr().align_offset(PAGE);
        let guest = &mut memory[offset..offset + MEMORY];
        fill(guest);
        let region = kvm_userspace_memory_region {
            slot: 0,
            flags: 0,
            guest_phys_addr: 0,
            memory_size: guest.len() as u64,
            userspace_addr: guest.as_mut_ptr() as u64,
        };
        // SAFETY: the memory is page-aligned, as long as said, and outlives the VM, which this function drops before it.
        unsafe { vm.set_user_memory_region(region) }.map_err(failed("give the VM memory"))?;
        let mut vcpu = vm.create_vcpu(0).map_err(failed("create a vCPU"))?;
        set_up(&mut vcpu).map_err(failed("set up the vCPU"))?;
        let finding = run(&mut vcpu);
        drop((vcpu, vm));
        drop(memory);
        Ok(finding)
    }

    /// Page tables that map the first 2 MiB to themselves, and the code.
    fn fill(guest: &mut [u8]) {
        // Present and writable; the last one, a page of 2 MiB.
        for (table, entry) in [
            (PML4, PDPT as u64 | 3),
            (PDPT, DIRECTORY as u64 | 3),
            (DIRECTORY, 0x83),
        ] {
            guest[table..table + 8].copy_from_slice(&entry.to_le_bytes());
        }
        guest[START..START + CODE.len()].copy_from_slice(&CODE);
    }

    /// Puts the vCPU into 64-bit mode at the most privileged level, where a guest's kernel spends its time.
    fn set_up(vcpu: &mut VcpuFd) -> Result<(), kvm_ioctls::Error> {
        let mut special = vcpu.get_sregs()?;
        let segment = |kind, selector| kvm_segment {
            base: 0,
            limit: 0xffff_ffff,
            selector,
            type_: kind,
            present: 1,
            s: 1,
            g: 1,
            ..kvm_segment::default()
        };
        special.cs = kvm_segment {
            l: 1,
            ..segment(0xb, 8)
        };
        let data = kvm_segment {
            db: 1,
            ..segment(3, 16)
        };
        (special.ds, special.es, special.ss, special.fs, special.gs) =
            (data, data, data, data, data);
        special.cr3 = PML4 as u64;
        special.cr4 = 1 << 5; // PAE
        special.cr0 = 1 << 31 | 1 << 5 | 1 << 4 | 1; // PG, NE, ET, PE
        special.efer = 1 << 10 | 1 << 8; // LMA, LME
        vcpu.set_sregs(&special)?;
        vcpu.set_regs(&kvm_regs {
            rip: START as u64,
            rcx: ROUNDS,
            rflags: 2,
            ..kvm_regs::default()
        })
    }

    fn run(vcpu: &mut VcpuFd) -> Finding {
        if let Err(error) = arm_timer() {
            return Finding::Failed {
                step: "set a timer".into(),
                error: error.to_string(),
            };
        }
        // Processor time, so that a busy host does not make the loop look slow. A guest's time is its vCPU thread's.
        let start = processor_time();
        let end = match vcpu.run() {
            Ok(VcpuExit::IoOut(..)) => Ok(()),
            Ok(exit) => Err(format!("unexpected exit {exit:?}")),
            Err(error) if error.errno() == libc::EINTR => Ok(()),
            Err(error) => Err(io::Error::from(error).to_string()),
        };
        let nanoseconds = processor_time().saturating_sub(start);
        let error = match end.and_then(|()| vcpu.get_regs().map_err(|error| error.to_string())) {
            Ok(registers) => {
                let rounds = ROUNDS.saturating_sub(registers.rcx);
                return Finding::Ran {
                    instructions: rounds * PER_ROUND,
                    nanoseconds,
                };
            }
            Err(error) => error,
        };
        Finding::Failed {
            step: "run code".into(),
            error,
        }
    }

    fn processor_time() -> u64 {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or_default()
    }

    /// Has the kernel interrupt this thread, and with it `KVM_RUN`, after [`LIMIT`].
    fn arm_timer() -> io::Result<()> {
        extern "C" fn interrupted(_: libc::c_int) {}
        let handler: extern "C" fn(libc::c_int) = interrupted;
        // SAFETY: the handler does nothing, and all-zero is a valid mask and no flags: above all not SA_RESTART.
        let installed = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = handler as libc::sighandler_t;
            libc::sigaction(libc::SIGALRM, &action, std::ptr::null_mut())
        };
        let period = libc::itimerspec {
            it_value: LIMIT,
            it_interval: AGAIN,
        };
        // SAFETY: both structures are whole, the timer is created before it is set, and no old value is asked for.
        let armed = unsafe {
            let mut event: libc::sigevent = std::mem::zeroed();
            event.sigev_notify = libc::SIGEV_THREAD_ID;
            event.sigev_signo = libc::SIGALRM;
            event.sigev_notify_thread_id = libc::gettid();
            let mut timer: libc::timer_t = std::mem::zeroed();
            match libc::timer_create(libc::CLOCK_MONOTONIC, &mut event, &mut timer) {
                0 => libc::timer_settime(timer, 0, &period, std::ptr::null_mut()),
                failed => failed,
            }
        };
        if installed != 0 || armed != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}
