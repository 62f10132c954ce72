/* Made by `cargo test -p bindings` from crates/control/idl; not to be edited. */

#ifndef VIRT_TEST_GENERATED_H
#define VIRT_TEST_GENERATED_H

/* What an error is: the last part of its name on the wire. */
typedef enum VtErrorKind {
    VT_ERROR_OTHER,
    VT_ERROR_CANCELLED, /* A callback returned false. */
    VT_ERROR_NOT_FOUND, /* There is no such machine, session, snapshot, job, parameter. `known` are those there are. */
    VT_ERROR_INVALID, /* What is asked for cannot be, whatever the machine. */
    VT_ERROR_UNSUPPORTED, /* This QEMU or this host cannot do it. The verdict is skip. */
    VT_ERROR_START_FAILED, /* QEMU ended before it spoke. */
    VT_ERROR_MONITOR_FAILED, /* QEMU refused a command, or its monitor failed. `class` and `description` are QEMU's, where it answered. */
    VT_ERROR_GUEST_FAILED, /* Talking to the guest failed. `agent_class` is the guest agent's, where that refused. */
    VT_ERROR_TIMED_OUT, /* It did not come in time. `waited` is in seconds. */
    VT_ERROR_UNWELL, /* The machine was found to be fatally unwell: a panic of the guest, a dead end of the firmware, … `finding` is the kind. */
    VT_ERROR_ENDED, /* The machine ended while something else was awaited. `exit` says how QEMU ended. */
    VT_ERROR_PLUG_FAILED, /* A device could not be plugged or unplugged. `refused` where the guest would not let go of it. */
    VT_ERROR_MIGRATION_FAILED, /* A migration, a save or a restore failed. `phase` is how far it had come; `source` and `destination` what both sides said; `source_state` the state of the source after it, absent where it is gone. */
    VT_ERROR_JOB_FAILED, /* A job of QEMU ended in a way it was not to. */
    VT_ERROR_HOST_FAILED, /* Our side failed: a file, a socket, a process, memory. */
} VtErrorKind;

typedef struct VtImageSnapshot VtImageSnapshot;

typedef struct VtImage VtImage;

typedef struct VtReport VtReport;

typedef struct VtSessionInfo VtSessionInfo;

typedef struct VtChunk VtChunk;

typedef struct VtOutput VtOutput;

typedef struct VtTestInfo VtTestInfo;

typedef struct VtDisk VtDisk;

typedef struct VtNic VtNic;

typedef struct VtMachine VtMachine;

typedef struct VtExit VtExit;

typedef struct VtFinding VtFinding;

typedef struct VtEvent VtEvent;

typedef struct VtDevice VtDevice;

typedef struct VtPlugged VtPlugged;

typedef struct VtFigures VtFigures;

typedef struct VtMigrationParameters VtMigrationParameters;

typedef struct VtSnapshot VtSnapshot;

typedef struct VtJob VtJob;

/*
 * fail: guest or QEMU did wrong. error: our side could not do its part. skip: this QEMU or this host lacks what is asked for.
 */
typedef enum VtVerdict {
    VT_VERDICT_UNSET,
    VT_VERDICT_FAIL,
    VT_VERDICT_ERROR,
    VT_VERDICT_SKIP,
    VT_VERDICT_PASS,
    VT_VERDICT_WARN,
} VtVerdict;

const char *vt_verdict_name(VtVerdict value);

/*
 * text: UTF-8. base64: any bytes.
 */
typedef enum VtEncoding {
    VT_ENCODING_UNSET,
    VT_ENCODING_TEXT,
    VT_ENCODING_BASE64,
} VtEncoding;

const char *vt_encoding_name(VtEncoding value);

struct VtImageSnapshot {
    const char *id;
    const char *name;
    int64_t vm_state_size;
};

/*
 * Sizes are bytes. `format_specific` is what only the format knows, as qemu-img tells it.
 */
struct VtImage {
    const char *path;
    const char *format;
    int64_t virtual_size;
    bool has_actual_size;
    int64_t actual_size;
    bool has_cluster_size;
    int64_t cluster_size;
    const char *backing;
    const char *backing_format;
    bool dirty;
    size_t n_snapshots;
    VtImageSnapshot *snapshots;
    json_t *format_specific;
};

/*
 * `clean`: nothing is wrong. `checked`: false where the format has nothing to check.
 */
struct VtReport {
    bool clean;
    bool checked;
    int64_t check_errors;
    int64_t corruptions;
    int64_t leaks;
    int64_t corruptions_fixed;
    int64_t leaks_fixed;
};

typedef enum VtRepair {
    VT_REPAIR_UNSET,
    VT_REPAIR_NONE,
    VT_REPAIR_LEAKS,
    VT_REPAIR_ALL,
} VtRepair;

const char *vt_repair_name(VtRepair value);

typedef enum VtSnapshotAction {
    VT_SNAPSHOT_ACTION_UNSET,
    VT_SNAPSHOT_ACTION_CREATE,
    VT_SNAPSHOT_ACTION_APPLY,
    VT_SNAPSHOT_ACTION_DELETE,
} VtSnapshotAction;

const char *vt_snapshot_action_name(VtSnapshotAction value);

/*
 * standard: as the machine's `shell_client` says, else the agent where the machine has one, else the first console.
 */
typedef enum VtChannel {
    VT_CHANNEL_UNSET,
    VT_CHANNEL_STANDARD,
    VT_CHANNEL_SERIAL,
    VT_CHANNEL_VIRTIO_CONSOLE,
    VT_CHANNEL_AGENT,
    VT_CHANNEL_SSH,
} VtChannel;

const char *vt_channel_name(VtChannel value);

struct VtSessionInfo {
    const char *id;
    const char *vm;
    const char *channel;
};

/*
 * A piece of output of a command: of its standard output, unless `stderr`.
 */
struct VtChunk {
    bool err;
    const char *data;
};

/*
 * `status`: what the command exited with; else it was ended by `signal`. `truncated`: there was more than is kept, 16 MiB.
 * `elapsed` is in seconds.
 */
struct VtOutput {
    bool has_status;
    int64_t status;
    bool has_signal;
    int64_t signal;
    const char *out;
    const char *err;
    bool truncated;
    double elapsed;
};

typedef enum VtLevel {
    VT_LEVEL_UNSET,
    VT_LEVEL_DEBUG,
    VT_LEVEL_INFO,
    VT_LEVEL_WARN,
    VT_LEVEL_ERROR,
} VtLevel;

const char *vt_level_name(VtLevel value);

/*
 * `name`: full name of the variant. `dir`: directory of its evidence, where files of its own belong; relative paths of all
 * methods start there. `main_vm`: the machine a test with one machine uses. `vms`: machines of the configuration, running or not.
 * `elapsed` and `remaining`: seconds since it began, and until it is out of time; absent where it may take as long as it likes.
 * `scale`: how much slower than the reference host this one is now; time limits given to methods are stretched by it.
 * `session`: is this one of `virt-test serve`, rather than a test?
 */
struct VtTestInfo {
    const char *name;
    const char *dir;
    const char *main_vm;
    size_t n_vms;
    const char **vms;
    double elapsed;
    bool has_remaining;
    double remaining;
    double scale;
    bool session;
};

typedef enum VtState {
    VT_STATE_UNSET,
    VT_STATE_ABSENT,
    VT_STATE_RUNNING,
    VT_STATE_ENDED,
} VtState;

const char *vt_state_name(VtState value);

/*
 * `node`: name of the block node, for block commands of QMP.
 */
struct VtDisk {
    const char *id;
    const char *path;
    const char *format;
    const char *node;
    bool readonly;
};

struct VtNic {
    const char *id;
    const char *model;
    const char *mac;
    const char *network;
};

/*
 * `state`: is there a QEMU? `status`: its run state, such as running or paused. `cursor`: number of the next event.
 * `exit`: how QEMU ended. `consoles`: serial and virtio consoles, the first being the one logged in on.
 */
struct VtMachine {
    const char *name;
    VtState state;
    const char *status;
    bool has_pid;
    int64_t pid;
    bool has_uptime;
    double uptime;
    const char *accelerator;
    const char *machine_type;
    const char *qemu_version;
    bool has_cpus;
    int64_t cpus;
    bool has_memory;
    int64_t memory;
    size_t n_disks;
    VtDisk *disks;
    size_t n_nics;
    VtNic *nics;
    size_t n_consoles;
    const char **consoles;
    const char *log_dir;
    bool has_cursor;
    int64_t cursor;
    VtExit *exit;
};

/*
 * How a QEMU ended: by an exit code or by a signal. `reason`: ShutdownCause of QEMU, such as guest-shutdown.
 */
struct VtExit {
    bool has_code;
    int64_t code;
    bool has_signal;
    int64_t signal;
    bool clean;
    const char *reason;
    const char *summary;
};

typedef enum VtSuspension {
    VT_SUSPENSION_UNSET,
    VT_SUSPENSION_RAM,
    VT_SUSPENSION_DISK,
} VtSuspension;

const char *vt_suspension_name(VtSuspension value);

/*
 * `at`: seconds since the machine was started. `severity`: note, warning, fatal.
 */
struct VtFinding {
    const char *kind;
    const char *severity;
    const char *summary;
    double at;
};

/*
 * `seq`: number of the event, from 0. `time`: seconds since 1970 by QEMU's clock.
 */
struct VtEvent {
    int64_t seq;
    const char *name;
    json_t *data;
    bool has_time;
    double time;
};

/*
 * A device to be plugged in. `id`: made from the kind where absent. What the kind does not have is refused.
 *   disk              path and format of an image, or the size of an empty one to be made; bus (virtio_blk, virtio_scsi, nvme, usb),
 *                     controller, cache, readonly, serial
 *   nic               model (virtio_net, e1000, e1000e, rtl8139), mac, network: name of a private one; QEMU's user network if absent
 *   dimm              size
 *   virtio_mem        size, requested
 *   pci               driver
 *   usb_*             controller
 *   watchdog          model
 * Sizes are bytes. `properties`: further ones of the device, for disk, nic and pci.
 */
typedef enum VtDeviceKind {
    VT_DEVICE_KIND_UNSET,
    VT_DEVICE_KIND_DISK,
    VT_DEVICE_KIND_NIC,
    VT_DEVICE_KIND_SCSI_CONTROLLER,
    VT_DEVICE_KIND_USB_CONTROLLER,
    VT_DEVICE_KIND_USB_HUB,
    VT_DEVICE_KIND_USB_TABLET,
    VT_DEVICE_KIND_USB_MOUSE,
    VT_DEVICE_KIND_USB_KEYBOARD,
    VT_DEVICE_KIND_CPU,
    VT_DEVICE_KIND_DIMM,
    VT_DEVICE_KIND_VIRTIO_MEM,
    VT_DEVICE_KIND_VIRTIO_PORT,
    VT_DEVICE_KIND_VIRTIO_CONSOLE,
    VT_DEVICE_KIND_PCI_SERIAL,
    VT_DEVICE_KIND_RNG,
    VT_DEVICE_KIND_BALLOON,
    VT_DEVICE_KIND_WATCHDOG,
    VT_DEVICE_KIND_IOTHREAD,
    VT_DEVICE_KIND_PCI,
} VtDeviceKind;

const char *vt_device_kind_name(VtDeviceKind value);

struct VtDevice {
    VtDeviceKind kind;
    const char *id;
    const char *path;
    const char *format;
    bool has_size;
    int64_t size;
    const char *bus;
    const char *controller;
    const char *cache;
    bool has_readonly;
    bool readonly;
    const char *serial;
    const char *model;
    const char *mac;
    const char *network;
    bool has_requested;
    int64_t requested;
    const char *driver;
    const VtPair *properties;
};

/*
 * `pci`: the guest's PCI address of it, or of the controller it hangs on. `guest`: what the guest says of it, where it was asked.
 */
struct VtPlugged {
    const char *id;
    VtDeviceKind kind;
    const char *pci;
    const char *guest;
};

/*
 * Figures of a migration: sizes are bytes, times seconds. `status` is QEMU's MigrationStatus.
 */
struct VtFigures {
    const char *status;
    int64_t transferred;
    int64_t remaining;
    int64_t total;
    double mbps;
    int64_t dirty_pages_rate;
    int64_t dirty_sync_count;
    int64_t postcopy_requests;
    bool has_elapsed;
    double elapsed;
    bool has_setup;
    double setup;
    bool has_expected_downtime;
    double expected_downtime;
    bool has_downtime;
    double downtime;
    bool has_throttle;
    int64_t throttle;
};

/*
 * What is absent stays as QEMU has it. Sizes are bytes (a second), times seconds.
 */
struct VtMigrationParameters {
    bool has_max_bandwidth;
    int64_t max_bandwidth;
    bool has_max_postcopy_bandwidth;
    int64_t max_postcopy_bandwidth;
    bool has_downtime_limit;
    double downtime_limit;
    bool has_multifd_channels;
    int64_t multifd_channels;
    const char *multifd_compression;
    bool has_xbzrle_cache_size;
    int64_t xbzrle_cache_size;
    bool has_cpu_throttle_initial;
    int64_t cpu_throttle_initial;
    bool has_cpu_throttle_increment;
    int64_t cpu_throttle_increment;
    bool has_max_cpu_throttle;
    int64_t max_cpu_throttle;
};

/*
 * Snapshots of memory and disks inside the disks, which must be qcow2.
 */
struct VtSnapshot {
    const char *name;
    const char *id;
    int64_t vm_state_size;
};

/*
 * A background job of QEMU. `progress` of `total` in units of its own.
 */
struct VtJob {
    const char *id;
    const char *kind;
    const char *status;
    int64_t progress;
    int64_t total;
    const char *error;
};

typedef enum VtJobKind {
    VT_JOB_KIND_UNSET,
    VT_JOB_KIND_MIRROR,
    VT_JOB_KIND_BACKUP,
    VT_JOB_KIND_COMMIT,
    VT_JOB_KIND_STREAM,
} VtJobKind;

const char *vt_job_kind_name(VtJobKind value);

typedef enum VtJobAction {
    VT_JOB_ACTION_UNSET,
    VT_JOB_ACTION_COMPLETE,
    VT_JOB_ACTION_CANCEL,
    VT_JOB_ACTION_PAUSE,
    VT_JOB_ACTION_RESUME,
} VtJobAction;

const char *vt_job_action_name(VtJobAction value);

typedef enum VtJobEnd {
    VT_JOB_END_UNSET,
    VT_JOB_END_SUCCEEDED,
    VT_JOB_END_CANCELLED,
} VtJobEnd;

const char *vt_job_end_name(VtJobEnd value);

typedef struct VtPushOptions {
    const char *path;
    const char *content;
    VtEncoding encoding;
    double timeout;
} VtPushOptions;

typedef struct VtPushReply {
    int64_t size;
    const char *sha256;
} VtPushReply;

typedef struct VtPullOptions {
    const char *path;
    VtEncoding encoding;
    double timeout;
} VtPullOptions;

typedef struct VtPullReply {
    int64_t size;
    const char *sha256;
    const char *content;
} VtPullReply;

typedef struct VtImageCreateOptions {
    int64_t size;
    const char *format;
    const char *backing;
    const char *backing_format;
    const VtPair *options;
} VtImageCreateOptions;

typedef struct VtImageCheckOptions {
    const char *format;
    VtRepair repair;
} VtImageCheckOptions;

typedef struct VtImageConvertOptions {
    const char *target_format;
} VtImageConvertOptions;

typedef struct VtImageResizeOptions {
    bool shrink;
} VtImageResizeOptions;

typedef struct VtAddressOptions {
    const char *nic;
} VtAddressOptions;

typedef struct VtNetworkInfoReply {
    int64_t ports;
    const char *capture;
} VtNetworkInfoReply;

typedef struct VtOpenOptions {
    VtChannel channel;
    double timeout;
} VtOpenOptions;

typedef struct VtSshOptions {
    double timeout;
} VtSshOptions;

typedef struct VtSshReply {
    VtSessionInfo *session;
    size_t n_command;
    const char **command;
} VtSshReply;

typedef struct VtExecOptions {
    const char *command;
    const char *const *argv;
    const char *input;
    const VtPair *env;
    VtEncoding encoding;
    double timeout;
} VtExecOptions;

typedef struct VtConsoleOptions {
    const char *console;
    bool from_now;
} VtConsoleOptions;

typedef struct VtConsoleSendOptions {
    const char *console;
} VtConsoleSendOptions;

typedef struct VtConsoleExpectOptions {
    const char *console;
    bool from_now;
    double timeout;
} VtConsoleExpectOptions;

typedef struct VtConsoleExpectReply {
    const char *before;
    const char *text;
} VtConsoleExpectReply;

typedef struct VtAgentOptions {
    json_t *arguments;
    double timeout;
} VtAgentOptions;

typedef struct VtParamsOptions {
    const char *const *objects;
} VtParamsOptions;

typedef struct VtLogOptions {
    VtLevel level;
} VtLogOptions;

typedef struct VtSubtestOptions {
    const char *reason;
} VtSubtestOptions;

typedef struct VtStartOptions {
    const VtPair *params;
    bool paused;
} VtStartOptions;

typedef struct VtStopOptions {
    bool force;
} VtStopOptions;

typedef struct VtStopReply {
    const char *ended_by;
    VtExit *exit;
} VtStopReply;

typedef struct VtSuspendOptions {
    VtSuspension to;
    double timeout;
} VtSuspendOptions;

typedef struct VtWaitExitOptions {
    double timeout;
} VtWaitExitOptions;

typedef struct VtWaitStatusOptions {
    double timeout;
} VtWaitStatusOptions;

typedef struct VtEventsOptions {
    int64_t since;
    const char *const *names;
} VtEventsOptions;

typedef struct VtWaitEventOptions {
    int64_t since;
    json_t *match;
    double timeout;
} VtWaitEventOptions;

typedef struct VtQmpOptions {
    json_t *arguments;
    double timeout;
} VtQmpOptions;

typedef struct VtPlugOptions {
    bool guest;
    double timeout;
} VtPlugOptions;

typedef struct VtUnplugOptions {
    bool guest;
    double timeout;
} VtUnplugOptions;

typedef struct VtMigrateOptions {
    const char *transport;
    const char *const *capabilities;
    const VtMigrationParameters *parameters;
    bool postcopy;
    double timeout;
} VtMigrateOptions;

typedef struct VtSaveSnapshotOptions {
    double timeout;
} VtSaveSnapshotOptions;

typedef struct VtLoadSnapshotOptions {
    double timeout;
} VtLoadSnapshotOptions;

typedef struct VtDeleteSnapshotOptions {
    double timeout;
} VtDeleteSnapshotOptions;

typedef struct VtStartJobOptions {
    const char *id;
    const char *target;
    int64_t speed;
} VtStartJobOptions;

typedef struct VtStartJobReply {
    const char *id;
    const char *path;
} VtStartJobReply;

typedef struct VtWaitJobOptions {
    bool ready;
    double timeout;
} VtWaitJobOptions;

typedef struct VtScreendumpOptions {
    const char *file;
} VtScreendumpOptions;

typedef struct VtScreendumpReply {
    const char *file;
    int64_t width;
    int64_t height;
} VtScreendumpReply;

typedef struct VtSendKeyOptions {
    double hold;
} VtSendKeyOptions;

/*
 * From `path` on the host, or `content`, to `guest`.
 */
VtPushReply *vt_vm_push(VtVm *vm, const char *guest, const VtPushOptions *options, VtError **errp);

/*
 * From `path` on the host, or `content`, to `guest`.
 */
VtPushReply *vt_session_push(VtSession *session, const char *guest, const VtPushOptions *options, VtError **errp);

/*
 * From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
 * UTF-8 is Invalid.
 */
VtPullReply *vt_vm_pull(VtVm *vm, const char *guest, const VtPullOptions *options, VtError **errp);

/*
 * From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
 * UTF-8 is Invalid.
 */
VtPullReply *vt_session_pull(VtSession *session, const char *guest, const VtPullOptions *options, VtError **errp);

/*
 * An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o.
 */
VtImage *vt_image_create(VtTest *t, const char *path, const VtImageCreateOptions *options, VtError **errp);

VtImage *vt_image_info(VtTest *t, const char *path, VtError **errp);

/*
 * The image, what it is an overlay of, and so on.
 */
VtImage *vt_image_chain(VtTest *t, const char *path, size_t *n_images, VtError **errp);

VtReport *vt_image_check(VtTest *t, const char *path, const VtImageCheckOptions *options, VtError **errp);

/*
 * Copies an image into one of another format.
 */
VtImage *vt_image_convert(VtTest *t, const char *path, const char *target, const char *format, const VtImageConvertOptions *options, VtError **errp);

/*
 * `shrink` must be said where what is cut off may be data.
 */
VtImage *vt_image_resize(VtTest *t, const char *path, const char *format, int64_t size, const VtImageResizeOptions *options, VtError **errp);

/*
 * Do two images have the same contents?
 */
bool vt_image_compare(VtTest *t, const char *path, const char *format, const char *other, const char *other_format, bool *same_out, VtError **errp);

/*
 * Internal snapshots of an image no machine uses.
 */
VtImage *vt_image_snapshot(VtTest *t, const char *path, VtSnapshotAction action, const char *name, VtError **errp);

/*
 * Writes what an overlay holds into what it is an overlay of.
 */
bool vt_image_commit(VtTest *t, const char *path, const char *format, VtError **errp);

/*
 * The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent.
 */
const char *vt_vm_address(VtVm *vm, const VtAddressOptions *options, VtError **errp);

/*
 * The port of this host that leads to one of the guest.
 */
bool vt_vm_forwarded_port(VtVm *vm, int64_t port, int64_t *port_out, VtError **errp);

/*
 * Plugs the cable of a card in or pulls it out.
 */
bool vt_vm_set_link(VtVm *vm, const char *nic, bool up, VtError **errp);

/*
 * A private network: how many cards are on it, and the file its traffic is recorded in.
 */
VtNetworkInfoReply *vt_network_info(VtTest *t, const char *network, VtError **errp);

/*
 * Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
 * guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
 * with `shell_client = ssh`.
 */
VtSshReply *vt_vm_ssh(VtVm *vm, const VtSshOptions *options, VtError **errp);

VtSessionInfo *vt_session_list(VtTest *t, size_t *n_sessions, VtError **errp);

bool vt_session_close(VtSession *session, VtError **errp);

/*
 * Types on a console. No newline is added.
 */
bool vt_vm_console_send(VtVm *vm, const char *text, const VtConsoleSendOptions *options, VtError **errp);

/*
 * Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
 * `from_now`: only what is to come counts.
 */
VtConsoleExpectReply *vt_vm_console_expect(VtVm *vm, const char *pattern, const VtConsoleExpectOptions *options, VtError **errp);

VtTestInfo *vt_info(VtTest *t, VtError **errp);

/*
 * Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
 * ["vm1", "nic1"] for card nic1 of machine vm1.
 */
json_t *vt_params(VtTest *t, const VtParamsOptions *options, VtError **errp);

/*
 * Says what the test does now: shown on the live line, kept in the results.
 */
bool vt_phase(VtTest *t, const char *phase, VtError **errp);

/*
 * Writes to the test's debug.log.
 */
bool vt_log(VtTest *t, const char *message, const VtLogOptions *options, VtError **errp);

/*
 * Something deserves a look: the test goes on, and ends with WARN if it passes.
 */
bool vt_warn(VtTest *t, const char *message, VtError **errp);

/*
 * A part of the test has come to its end. One that fails makes the test fail.
 */
bool vt_subtest(VtTest *t, const char *name, VtVerdict verdict, const VtSubtestOptions *options, VtError **errp);

/*
 * Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program.
 */
bool vt_end(VtTest *t, VtError **errp);

/*
 * The machines of the configuration, running or not, and those that run.
 */
VtMachine *vt_vm_list(VtTest *t, size_t *n_machines, VtError **errp);

VtMachine *vt_vm_info(VtVm *vm, VtError **errp);

/*
 * Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
 * that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
 * `paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.
 */
VtMachine *vt_vm_start(VtVm *vm, const VtStartOptions *options, VtError **errp);

/*
 * Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once.
 */
VtStopReply *vt_vm_stop(VtVm *vm, const VtStopOptions *options, VtError **errp);

/*
 * Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off.
 */
bool vt_vm_powerdown(VtVm *vm, VtError **errp);

/*
 * Presses the reset button; returns when the machine has been reset.
 */
bool vt_vm_reset(VtVm *vm, VtError **errp);

/*
 * Stops its CPUs, and lets them go on.
 */
bool vt_vm_pause(VtVm *vm, VtError **errp);

bool vt_vm_resume(VtVm *vm, VtError **errp);

/*
 * Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended.
 */
bool vt_vm_suspend(VtVm *vm, const VtSuspendOptions *options, VtError **errp);

/*
 * Wakes a guest that is suspended to RAM.
 */
bool vt_vm_wakeup(VtVm *vm, VtError **errp);

/*
 * Sends a non-maskable interrupt.
 */
bool vt_vm_nmi(VtVm *vm, VtError **errp);

/*
 * Waits until QEMU has ended, however that comes.
 */
VtExit *vt_vm_wait_exit(VtVm *vm, const VtWaitExitOptions *options, VtError **errp);

/*
 * Waits until the machine is in a run state, such as paused.
 */
bool vt_vm_wait_status(VtVm *vm, const char *status, const VtWaitStatusOptions *options, VtError **errp);

/*
 * What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …
 */
VtFinding *vt_vm_findings(VtVm *vm, size_t *n_findings, VtError **errp);

/*
 * Findings of this kind are what the test wants, and do not make it fail.
 */
bool vt_vm_allow(VtVm *vm, const char *finding, VtError **errp);

/*
 * Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
 * have, such as {"status": "completed"}.
 */
VtEvent *vt_vm_wait_event(VtVm *vm, const char *name, const VtWaitEventOptions *options, VtError **errp);

/*
 * A line of QEMU's human monitor.
 */
const char *vt_vm_hmp(VtVm *vm, const char *line, VtError **errp);

/*
 * Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent.
 */
VtPlugged *vt_vm_plug(VtVm *vm, const VtDevice *device, const VtPlugOptions *options, VtError **errp);

/*
 * Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
 * `guest`: waits until the guest does not see it any more, too.
 */
bool vt_vm_unplug(VtVm *vm, const char *id, const VtUnplugOptions *options, double *took_out, VtError **errp);

/*
 * Devices that were plugged in and are there still.
 */
VtPlugged *vt_vm_devices(VtVm *vm, size_t *n_devices, VtError **errp);

/*
 * Requests that the guest has so much of a virtio_mem device, and waits until it has.
 */
bool vt_vm_resize_memory(VtVm *vm, const char *id, int64_t size, VtError **errp);

/*
 * Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on.
 */
bool vt_vm_cancel_migration(VtVm *vm, VtError **errp);

/*
 * Stops the machine and writes its state to a file. Its disks go with the state.
 */
VtFigures *vt_vm_save(VtVm *vm, const char *file, VtError **errp);

/*
 * Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
 * first. Resume lets it run.
 */
VtMachine *vt_vm_restore(VtVm *vm, const char *file, VtError **errp);

bool vt_vm_save_snapshot(VtVm *vm, const char *name, const VtSaveSnapshotOptions *options, VtError **errp);

bool vt_vm_load_snapshot(VtVm *vm, const char *name, const VtLoadSnapshotOptions *options, VtError **errp);

bool vt_vm_delete_snapshot(VtVm *vm, const char *name, const VtDeleteSnapshotOptions *options, VtError **errp);

VtSnapshot *vt_vm_list_snapshots(VtVm *vm, size_t *n_snapshots, VtError **errp);

/*
 * Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
 * absent. Further jobs are started by Qmp. `path` is the target's.
 */
VtStartJobReply *vt_vm_start_job(VtVm *vm, const char *disk, VtJobKind kind, const VtStartJobOptions *options, VtError **errp);

VtJob *vt_vm_list_jobs(VtVm *vm, size_t *n_jobs, VtError **errp);

/*
 * Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed.
 */
bool vt_vm_wait_job(VtVm *vm, const char *id, const VtWaitJobOptions *options, VtJobEnd *end_out, VtError **errp);

bool vt_vm_control_job(VtVm *vm, const char *id, VtJobAction action, VtError **errp);

/*
 * Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
 * A machine has a card with `vga = std`.
 */
VtScreendumpReply *vt_vm_screendump(VtVm *vm, const VtScreendumpOptions *options, VtError **errp);

/*
 * Presses keys at once and lets them go: QKeyCode of QEMU, such as ["ctrl", "alt", "delete"]. `hold` is in seconds.
 */
bool vt_vm_send_key(VtVm *vm, const char *const *keys, const VtSendKeyOptions *options, VtError **errp);

#endif
