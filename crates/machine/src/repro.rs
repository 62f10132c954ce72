//! A script that starts the very same machine by hand.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::argv::{Argv, shell_quote};
use crate::capabilities::Capabilities;
use crate::devices::{ImageFormat, Made, fnv1a};
use crate::endpoints::{Endpoint, Endpoints, Link};
use crate::error::MachineError;
use crate::render::render;
use crate::spec::MachineSpec;

/// A QEMU binary and what it is always started with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The binary.
    pub path: PathBuf,
    /// Arguments that come before the machine's, such as `-L DIR`.
    pub args: Vec<String>,
    /// Environment variables.
    pub env: Vec<(String, String)>,
}

/// The command line as a POSIX shell reads it, an option a line.
#[must_use]
pub fn command_line(program: &Program, argv: &Argv) -> String {
    let mut text = String::new();
    for (name, value) in &program.env {
        text.push_str(&format!("{name}={} ", shell_quote(value)));
    }
    text.push_str(&shell_quote(&program.path.to_string_lossy()));
    for arg in &program.args {
        text.push(' ');
        text.push_str(&shell_quote(arg));
    }
    text.push_str(" \\\n");
    text.push_str(&argv.to_shell());
    text
}

/// A shell script that starts this machine by hand: the first serial port on the terminal, the other channels as sockets
/// beside the script, a throw-away disk made anew from its backing image.
///
/// # Errors
/// As [`render`].
pub fn repro_script(
    spec: &MachineSpec,
    capabilities: &Capabilities,
    program: &Program,
) -> Result<String, MachineError> {
    let mut spec = spec.clone();
    // Whatever lies in the file, the script starts a machine of its own from the beginning.
    spec.memory_file = None;
    let mut setup = String::new();
    for disk in &mut spec.disks {
        let Some(made) = &disk.made else { continue };
        // An overlay saves the time and room a copy would take.
        if matches!(made, Made::Of(..)) {
            disk.format = ImageFormat::Qcow2;
        }
        let image = format!("repro-{}.{}", disk.id, disk.format.qemu_name());
        setup.push_str(&make_image(&image, &disk.format, made));
        disk.path = PathBuf::from(image);
    }
    if spec.serials.is_empty() {
        spec.extra_args
            .extend(["-monitor".to_owned(), "stdio".to_owned()]);
    }
    let terminal = spec.serials.first().cloned();
    let mut endpoints = Endpoints::for_each(&spec, |channel| {
        if Some(channel) == terminal.as_deref() {
            Endpoint::Stdio
        } else if channel == MachineSpec::FIRMWARE {
            Endpoint::File("repro-firmware.log".into())
        } else {
            Endpoint::Socket(format!("{channel}.sock").into())
        }
    });
    for (netdev, network) in spec.links() {
        endpoints.set_link(netdev, multicast_group(network));
    }
    let argv = render(&spec, capabilities, &endpoints)?.without("-S");
    let sockets = spec
        .channels()
        .into_iter()
        .filter(|channel| matches!(endpoints.get(channel), Ok(Endpoint::Socket(_))));
    let mut script = format!(
        "#!/bin/sh\n\
         # Starts machine {name} by hand. Arguments are passed on to QEMU: -s -S waits for a debugger.\n\
         # The terminal is {terminal}. Ctrl-A C switches to QEMU's monitor and back, Ctrl-A X ends QEMU.\n",
        name = shell_quote(&spec.name),
        terminal = terminal.as_deref().unwrap_or("QEMU's monitor"),
    );
    for channel in sockets {
        // Writing to a String cannot fail.
        let _ = writeln!(
            script,
            "# Channel {channel}: socat -,rawer UNIX-CONNECT:{channel}.sock (in this directory)"
        );
    }
    script.push_str("set -eu\ncd -- \"$(dirname -- \"$0\")\"\n");
    script.push_str(&setup);
    script.push_str("exec env ");
    script.push_str(&command_line(program, &argv));
    script.push_str(" \\\n    \"$@\"\n");
    Ok(script)
}

/// The group by which machines started by hand meet on a private network: always the same for the same name.
fn multicast_group(network: &str) -> Link {
    let hash = fnv1a(network.bytes());
    let [a, b, c, ..] = hash.to_le_bytes();
    Link::Multicast {
        // 239.0.0.0/8 is for everybody's own use (RFC 2365).
        address: Ipv4Addr::new(239, a, b, c),
        port: 0x8000 | (hash >> 32) as u16,
    }
}

fn make_image(image: &str, format: &ImageFormat, made: &Made) -> String {
    let image = shell_quote(image);
    let (from, size) = match made {
        Made::Blank(size) => (String::new(), format!(" {}", size.as_bytes())),
        Made::Of(backing, format) => {
            let backing = shell_quote(&backing.to_string_lossy());
            (
                format!(" -b {backing} -F {}", shell_quote(format.qemu_name())),
                String::new(),
            )
        }
    };
    let format = shell_quote(format.qemu_name());
    format!("[ -e {image} ] || qemu-img create -q -f {format}{from} {image}{size}\n")
}
