//! Sessions with guests, over the channels the parameters of a machine name.

use guest::{Cause, GuestError, Login, SshKey};
use image::{GuestStore, TinyGuest};
use machine::{MachineSpec, Netdev};
use params::{ParamError, Params};
use regex::Regex;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use vm::{SshAccess, Vm};

use crate::verdict::chain;
use crate::{Stop, Test, TestResult};

/// Base time for making a key.
const KEY_LIMIT: Duration = Duration::from_secs(10);

/// A way into a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// The first console.
    Serial,
    /// The first virtio console.
    VirtioConsole,
    /// The guest agent.
    Agent,
    /// SSH.
    Ssh,
}

impl Client {
    const SHELL: &'static str = "shell_client";
    const FILES: &'static str = "file_transfer_client";

    fn named(params: &Params, key: &str) -> Result<Self, ParamError> {
        Ok(match params.need::<String>(key)?.as_str() {
            "virtio_console" => Client::VirtioConsole,
            "agent" => Client::Agent,
            "ssh" | "scp" => Client::Ssh,
            _ => Client::Serial,
        })
    }
}

/// The guest's ports that have to be reached by SSH.
fn ssh_ports(params: &Params) -> Result<Vec<u16>, ParamError> {
    let mut ports = Vec::new();
    for (client, port) in [
        (Client::SHELL, "shell_port"),
        (Client::FILES, "file_transfer_port"),
    ] {
        if Client::named(params, client)? == Client::Ssh {
            ports.push(params.need(port)?);
        }
    }
    ports.dedup();
    Ok(ports)
}

/// Whether a machine's guest is spoken to by SSH.
pub(crate) fn wants_ssh(params: &Params) -> bool {
    ssh_ports(params).is_ok_and(|ports| !ports.is_empty())
}

/// Lets a port of the host lead to the guest's SSH server. The host's kernel chooses which: so no two machines want the same.
///
/// # Errors
/// When the machine has no card on a user network.
pub(crate) fn forward_ssh(params: &Params, spec: &mut MachineSpec) -> Result<(), ParamError> {
    for port in ssh_ports(params)? {
        let networks = spec
            .nics
            .iter_mut()
            .filter_map(|nic| match &mut nic.netdev {
                Netdev::User { forwards, .. } => Some(forwards),
                _ => None,
            });
        let mut networks: Vec<&mut Vec<String>> = networks.collect();
        let leads_there = |rule: &String| rule.ends_with(&format!(":{port}"));
        if networks.iter().any(|rules| rules.iter().any(leads_there)) {
            continue;
        }
        let Some(rules) = networks.first_mut() else {
            return Err(ParamError::Wrong {
                key: "nettype".to_owned(),
                value: params.value("nettype").unwrap_or_default().to_owned(),
                expected: "user, as SSH needs a way to the guest".to_owned(),
            });
        };
        rules.push(format!("tcp:127.0.0.1:0-:{port}"));
    }
    Ok(())
}

/// What a tiny guest is told on its kernel's command line: the consoles that get a shell, and who may log in by SSH.
pub(crate) fn kernel_words(params: &Params, key: Option<&SshKey>) -> Vec<String> {
    let ports = params.objects("virtio_ports").into_iter();
    let consoles =
        ports.filter(|id| params.object_params(id).value("virtio_port_type") == Some("console"));
    let consoles: Vec<String> = (0..consoles.count()).map(|n| format!("hvc{n}")).collect();
    let mut words = Vec::new();
    if !consoles.is_empty() {
        words.push(format!("virt_test.console={}", consoles.join(",")));
    }
    if let Some(key) = key {
        let key = key.public.replace(' ', ":");
        words.push(format!("virt_test.ssh_key={key}"));
    }
    words
}

/// What tests that log in by SSH share: a key of this run, and the guests with a server.
#[derive(Debug)]
pub(crate) struct SshKit {
    pub key: SshKey,
    _directory: host::ledger::Scratch,
    initrds: BTreeMap<String, Result<PathBuf, String>>,
}

impl SshKit {
    /// Makes the key. A host that cannot is one whose tests are skipped.
    pub(crate) async fn new(ledger: &host::ledger::Ledger, scale: f64) -> Result<Self, Stop> {
        let directory = ledger.scratch("ssh");
        let directory = directory.map_err(|e| Stop::error(chain(&e)))?;
        let key = SshKey::generate(directory.path(), KEY_LIMIT.mul_f64(scale)).await;
        let key = key.map_err(|error: GuestError| match *error.cause {
            Cause::NoProgram { .. } => Stop::skip(chain(&error)),
            _ => Stop::error(chain(&error)),
        })?;
        Ok(Self {
            key,
            _directory: directory,
            initrds: BTreeMap::new(),
        })
    }

    /// Gives a guest its server; what keeps it from having one is told to the tests that want it.
    pub(crate) fn prepare(
        &mut self,
        store: &GuestStore,
        name: &str,
        guest: &TinyGuest,
        progress: &dyn Fn(image::Progress),
    ) {
        let made = store.ensure_ssh_server(guest, progress);
        let made = made.map_err(|error| match error.hint() {
            Some(hint) => format!("{} (hint: {hint})", chain(&error)),
            None => chain(&error),
        });
        self.initrds.insert(name.to_owned(), made);
    }

    /// The initramfs of a guest with a server in it.
    ///
    /// # Errors
    /// ERROR with the reason where there is none.
    pub(crate) fn initrd(&self, guest: &str) -> TestResult<PathBuf> {
        let made = self.initrds.get(guest);
        let made = made.ok_or_else(|| Stop::error(format!("guest {guest} was not prepared")))?;
        made.clone()
            .map_err(|reason| Stop::error(format!("guest {guest} has no SSH server: {reason}")))
    }
}

impl Test {
    /// A session with the guest of `vm` over the channel `shell_client` names; waits for a boot in progress.
    ///
    /// # Errors
    /// FAIL where the guest does not let us in within `login_timeout`, SKIP where this host lacks what the channel needs.
    pub async fn session(&self, vm: &Vm) -> TestResult<vm::Session> {
        let client = Client::named(&self.params_of(vm.name()), Client::SHELL)?;
        self.session_over(vm, client, None).await
    }

    /// A session over a channel of one's choice; `base` in place of `login_timeout`.
    ///
    /// # Errors
    /// As [`Test::session`].
    pub async fn session_over(
        &self,
        vm: &Vm,
        client: Client,
        base: Option<Duration>,
    ) -> TestResult<vm::Session> {
        let params = self.params_of(vm.name());
        let limit = match base {
            Some(base) => base,
            None => params.need("login_timeout")?,
        };
        match client {
            Client::Serial => Ok(vm.wait_for_login(&login(&params)?, limit).await?),
            Client::VirtioConsole => {
                let Some(console) = vm.spec().virtio_consoles.first() else {
                    return Err(Stop::error(format!(
                        "machine {} has no virtio console",
                        vm.name()
                    ))
                    .detail("hint: virtio_ports = vc1, virtio_port_type_vc1 = console"));
                };
                Ok(vm
                    .wait_for_login_on(console, &login(&params)?, limit)
                    .await?)
            }
            Client::Agent => Ok(vm.session(limit).await?),
            Client::Ssh => self.ssh(vm, &params, "shell_port", limit).await,
        }
    }

    /// A session to copy files with, over the channel `file_transfer_client` names.
    ///
    /// # Errors
    /// As [`Test::session`].
    pub async fn file_transfer(&self, vm: &Vm) -> TestResult<vm::Session> {
        let params = self.params_of(vm.name());
        let limit = params.need("login_timeout")?;
        match Client::named(&params, Client::FILES)? {
            Client::Ssh => self.ssh(vm, &params, "file_transfer_port", limit).await,
            _ => Ok(vm.session(limit).await?),
        }
    }

    /// Logs in to the guest of `vm` on its first console, as the parameters of the machine say; waits for a boot in progress.
    ///
    /// # Errors
    /// FAIL where the guest does not let us in within `login_timeout`.
    pub async fn log_in(&self, vm: &Vm) -> TestResult<vm::Session> {
        self.session_over(vm, Client::Serial, None).await
    }

    async fn ssh(
        &self,
        vm: &Vm,
        params: &Params,
        port: &str,
        limit: Duration,
    ) -> TestResult<vm::Session> {
        let mut access = SshAccess {
            port: params.need(port)?,
            user: params.need("username")?,
            key: None,
            password: params.value("password").map(str::to_owned),
        };
        if access.password.is_none() {
            let key = &self.env.ssh_kit()?.key;
            access.key = Some(key.private.clone());
            // Ours was told the key when it was started.
            if crate::furnish::guest_of(params).is_none() {
                let request = json!({"username": access.user, "keys": [key.public]});
                let agent = vm.wait_for_agent(limit).await?;
                let add = agent.execute("guest-ssh-add-authorized-keys", request, vm.limit(limit));
                let added = vm.wait("the guest to take a key", limit, add).await?;
                added.map_err(|error| Stop::fail(chain(&error)))?;
            }
        }
        Ok(vm.ssh(&access, limit).await?)
    }
}

/// How to log in on a console.
pub(crate) fn login(params: &Params) -> TestResult<Login> {
    let mut login = Login {
        user: params.value("username").map(str::to_owned),
        password: params.value("password").map(str::to_owned),
        ..Login::default()
    };
    for (key, place) in [
        ("shell_prompt", &mut login.prompt),
        ("login_prompt", &mut login.login_prompt),
        ("password_prompt", &mut login.password_prompt),
    ] {
        if let Some(pattern) = params.value(key) {
            *place = Regex::new(pattern)
                .map_err(|e| Stop::error(format!("{key} is no pattern: {e}")))?;
        }
    }
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;
    use machine::Nic;

    fn forwards(params: &[(&str, &str)], rules: &[&str]) -> Result<Vec<String>, ParamError> {
        let mut spec = MachineSpec::new("vm1");
        let mut nic = Nic::new("vm1", "nic1");
        nic.netdev = Netdev::User {
            restrict: true,
            forwards: rules.iter().map(|&rule| rule.to_owned()).collect(),
        };
        spec.nics = vec![nic];
        let params: Params = params.iter().copied().collect();
        forward_ssh(&params, &mut spec)?;
        match &spec.nics[0].netdev {
            Netdev::User { forwards, .. } => Ok(forwards.clone()),
            _ => Ok(Vec::new()),
        }
    }

    #[test]
    fn a_port_leads_to_the_ssh_server_only_where_one_is_spoken_to() {
        assert_eq!(forwards(&[], &[]).unwrap(), [""; 0]);
        let ssh = ("shell_client", "ssh");
        let rule = "tcp:127.0.0.1:0-:22";
        assert_eq!(forwards(&[ssh], &[]).unwrap(), [rule]);
        let both = [ssh, ("file_transfer_client", "scp")];
        assert_eq!(forwards(&both, &[]).unwrap(), [rule]);
        let other = [ssh, ("shell_port", "2222")];
        assert_eq!(forwards(&other, &[]).unwrap(), ["tcp:127.0.0.1:0-:2222"]);
        let own = "tcp:127.0.0.1:2022-:22";
        assert_eq!(forwards(&[ssh], &[own]).unwrap(), [own]);
    }

    #[test]
    fn ssh_without_a_user_network_is_told() {
        let params: Params = [("shell_client", "ssh"), ("nettype", "none")].into();
        let mut spec = MachineSpec::new("vm1");
        spec.nics.clear();
        let error = forward_ssh(&params, &mut spec).unwrap_err();
        assert!(error.to_string().contains("nettype"), "{error}");
    }

    #[test]
    fn a_guest_is_told_its_consoles_and_who_may_log_in() {
        let params: Params = [
            ("virtio_ports", "vp1 vc1 vc2"),
            ("virtio_port_type_vc1", "console"),
            ("virtio_port_type_vc2", "console"),
        ]
        .into();
        let key = SshKey {
            private: "/k".into(),
            public: "ssh-ed25519 AAAA".to_owned(),
        };
        assert_eq!(
            kernel_words(&params, Some(&key)),
            [
                "virt_test.console=hvc0,hvc1",
                "virt_test.ssh_key=ssh-ed25519:AAAA"
            ]
        );
        assert_eq!(kernel_words(&Params::default(), None), [""; 0]);
    }
}
