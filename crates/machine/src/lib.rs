//! What machine is that? A machine specification and its rendering to a QEMU command line.
//!
//! Everything here is pure: [`MachineSpec`] is data, [`render`] turns it into arguments for a QEMU that has the given
//! [`Capabilities`], and [`repro_script`] into a script that starts the same machine by hand.
//!
//! ```
//! use machine::{Boot, Capabilities, Endpoint, Endpoints, MachineError, MachineSpec, render};
//!
//! let mut spec = MachineSpec::new("vm1");
//! spec.cpu.count = 2;
//! let endpoints = Endpoints::for_each(&spec, |_| Endpoint::Null);
//! // A QEMU that can do nothing lacks something; which is named.
//! let error = render(&spec, &Capabilities::default(), &endpoints);
//! assert!(matches!(error, Err(MachineError::Unsupported(_))));
//! ```

pub mod capabilities;

mod argv;
mod devices;
mod endpoints;
mod error;
mod plug;
mod render;
mod repro;
mod spec;
mod validate;

pub use argv::{Argv, shell_quote};
pub use capabilities::{Capabilities, Missing, Need};
pub use devices::{
    CacheMode, Disk, DiskBus, ImageFormat, MacAddr, MacAddrError, Made, Media, Netdev, Nic,
    NicModel, VgaModel, VirtioPort, WatchdogModel,
};
pub use endpoints::{Endpoint, Endpoints, Link};
pub use error::MachineError;
pub use plug::{Device, Dimm, PciDevice, Place, Placed, UsbDevice, UsbModel, VirtioMem, Wants};
pub use render::{Part, render};
pub use repro::{Program, command_line, repro_script};
pub use spec::{
    Accel, Actions, Board, Boot, Cpu, Firmware, MachineSpec, MachineType, Memory, MemoryFile,
    Monitor, MonitorProtocol, PanicAction, RebootAction, Rtc, RtcClock, ShutdownAction, TcgThread,
    Topology, WatchdogAction,
};

pub use units::{ByteSize, SizeUnit};
