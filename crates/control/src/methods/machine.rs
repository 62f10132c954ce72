//! Machines of `org.virt-test.vm`: what there is, their life and their power.

use std::sync::Arc;
use std::time::Duration;

use ::machine::Netdev;
use params::Params;
use vm::qmp::RunState;
use vm::{ExitReport, FindingKind, Ladder, Severity, Vm};

use crate::call::{Call, limit, number};
use crate::failure::Failure;
use crate::generated::vm::*;

/// Base time for a guest to suspend itself, or for a state or an end to come, unless a call says otherwise.
const LIMIT: Duration = Duration::from_secs(60);

impl Call<'_> {
    pub(crate) async fn vm_list(&self, _: ListCall) -> Result<ListReply, Failure> {
        let mut names = self.test.machine_names();
        for vm in self.test.machines() {
            if !names.iter().any(|name| name == vm.name()) {
                names.push(vm.name().to_owned());
            }
        }
        let mut machines = Vec::new();
        for name in names {
            machines.push(self.machine(name).await);
        }
        Ok(ListReply { machines })
    }

    pub(crate) async fn vm_info(&self, it: InfoCall) -> Result<InfoReply, Failure> {
        if !self.test.machine_names().contains(&it.vm) {
            self.vm(&it.vm)?;
        }
        Ok(InfoReply {
            machine: self.machine(it.vm).await,
        })
    }

    pub(crate) async fn machine(&self, name: String) -> Machine {
        match self.test.vm(&name) {
            Ok(vm) => describe(&vm).await,
            Err(_) => absent(name),
        }
    }

    pub(crate) async fn vm_start(&self, it: StartCall) -> Result<StartReply, Failure> {
        let mut params: Params = it.params.unwrap_or_default().into();
        if it.paused == Some(true) {
            params.set("paused_after_start_vm", "yes");
        }
        let vm = self.test.start_vm_with(&it.vm, params).await?;
        Ok(StartReply {
            machine: describe(&vm).await,
        })
    }

    pub(crate) async fn vm_stop(&self, it: StopCall) -> Result<StopReply, Failure> {
        let vm = self.vm(&it.vm)?;
        if it.force == Some(true) {
            let exit = vm.destroy().await?;
            return Ok(StopReply {
                ended_by: "kill".to_owned(),
                exit: told(&exit),
            });
        }
        let report = vm.shutdown(&Ladder::default()).await?;
        Ok(StopReply {
            ended_by: report.ended_by.to_string(),
            exit: told(&report.exit),
        })
    }

    pub(crate) async fn vm_powerdown(&self, it: PowerdownCall) -> Result<PowerdownReply, Failure> {
        self.vm(&it.vm)?.powerdown().await?;
        Ok(PowerdownReply {})
    }

    pub(crate) async fn vm_reset(&self, it: ResetCall) -> Result<ResetReply, Failure> {
        self.vm(&it.vm)?.reset().await?;
        Ok(ResetReply {})
    }

    pub(crate) async fn vm_pause(&self, it: PauseCall) -> Result<PauseReply, Failure> {
        self.vm(&it.vm)?.pause().await?;
        Ok(PauseReply {})
    }

    pub(crate) async fn vm_resume(&self, it: ResumeCall) -> Result<ResumeReply, Failure> {
        self.vm(&it.vm)?.resume().await?;
        Ok(ResumeReply {})
    }

    pub(crate) async fn vm_suspend(&self, it: SuspendCall) -> Result<SuspendReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let base = limit(it.timeout, LIMIT)?;
        vm.wait_for_agent(base).await?;
        match it.to.unwrap_or(Suspension::Ram) {
            Suspension::Ram => vm.suspend_to_ram(base).await?,
            Suspension::Disk => {
                vm.suspend_to_disk(base).await?;
            }
        }
        Ok(SuspendReply {})
    }

    pub(crate) async fn vm_wakeup(&self, it: WakeupCall) -> Result<WakeupReply, Failure> {
        self.vm(&it.vm)?.wakeup().await?;
        Ok(WakeupReply {})
    }

    pub(crate) async fn vm_nmi(&self, it: NmiCall) -> Result<NmiReply, Failure> {
        self.vm(&it.vm)?.nmi().await?;
        Ok(NmiReply {})
    }

    pub(crate) async fn vm_wait_exit(&self, it: WaitExitCall) -> Result<WaitExitReply, Failure> {
        let vm = self.vm(&it.vm)?;
        let exit = vm.wait_exit(limit(it.timeout, LIMIT)?).await?;
        Ok(WaitExitReply { exit: told(&exit) })
    }

    pub(crate) async fn vm_wait_status(
        &self,
        it: WaitStatusCall,
    ) -> Result<WaitStatusReply, Failure> {
        let wanted = RunState::from(it.status);
        let base = limit(it.timeout, LIMIT)?;
        self.vm(&it.vm)?.wait_for_status(wanted, base).await?;
        Ok(WaitStatusReply {})
    }

    pub(crate) async fn vm_findings(&self, it: FindingsCall) -> Result<FindingsReply, Failure> {
        let findings = self.vm(&it.vm)?.health().findings().into_iter();
        let findings = findings.map(|finding| Finding {
            kind: finding.kind.to_string(),
            severity: match finding.severity {
                Severity::Note => "note",
                Severity::Warning => "warning",
                Severity::Fatal => "fatal",
            }
            .to_owned(),
            summary: finding.summary,
            at: finding.at.as_secs_f64(),
        });
        Ok(FindingsReply {
            findings: findings.collect(),
        })
    }

    pub(crate) async fn vm_allow(&self, it: AllowCall) -> Result<AllowReply, Failure> {
        let all = FindingKind::ALL;
        let found = all.iter().find(|kind| kind.to_string() == it.finding);
        let Some(&kind) = found else {
            let known = all.iter().map(ToString::to_string).collect();
            return Err(Failure::not_found("kind of finding", &it.finding, known));
        };
        self.vm(&it.vm)?.health().allow(kind);
        Ok(AllowReply {})
    }
}

fn absent(name: String) -> Machine {
    Machine {
        name,
        state: State::Absent,
        status: None,
        pid: None,
        uptime: None,
        accelerator: None,
        machine_type: None,
        qemu_version: None,
        cpus: None,
        memory: None,
        disks: Vec::new(),
        nics: Vec::new(),
        consoles: Vec::new(),
        log_dir: None,
        cursor: None,
        exit: None,
    }
}

async fn describe(vm: &Arc<Vm>) -> Machine {
    let spec = vm.spec();
    let exit = vm.ended();
    let disks = spec.disks.iter().map(|disk| Disk {
        id: disk.id.clone(),
        path: disk.path.display().to_string(),
        format: disk.format.qemu_name().to_owned(),
        node: disk.node_name(),
        readonly: disk.readonly,
    });
    let nics = spec.nics.iter().map(|nic| Nic {
        id: nic.id.clone(),
        model: nic.model.qemu_name().to_owned(),
        mac: nic.mac.to_string(),
        network: match &nic.netdev {
            Netdev::Private(name) => Some(name.clone()),
            _ => None,
        },
    });
    let consoles = spec.serials.iter().chain(&spec.virtio_consoles);
    Machine {
        name: vm.name().to_owned(),
        state: match exit {
            Some(_) => State::Ended,
            None => State::Running,
        },
        status: match exit {
            Some(_) => None,
            None => vm.status().await.ok().map(|status| status.to_string()),
        },
        pid: exit.is_none().then(|| vm.process_id().pid.into()),
        uptime: Some(vm.uptime().as_secs_f64()),
        accelerator: Some(spec.accel.qemu_name().to_owned()),
        machine_type: Some(spec.machine.qemu_name().to_owned()),
        qemu_version: Some(vm.capabilities().version.to_string()),
        cpus: Some(spec.cpu.count.into()),
        memory: Some(number(spec.memory.size.as_bytes())),
        disks: disks.collect(),
        nics: nics.collect(),
        consoles: consoles.cloned().collect(),
        log_dir: Some(vm.log_dir().display().to_string()),
        cursor: Some(number(vm.cursor().seq())),
        exit: exit.as_ref().map(told),
    }
}

fn told(report: &ExitReport) -> Exit {
    Exit {
        code: report.exit.code.map(Into::into),
        signal: report.exit.signal.map(Into::into),
        clean: report.is_clean(),
        reason: report
            .shutdown
            .as_ref()
            .map(|shutdown| shutdown.reason.clone()),
        summary: report.to_string(),
    }
}
