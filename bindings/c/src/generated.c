/* Made by `cargo test -p bindings` from crates/control/idl; not to be edited. */

#include "internal.h"

#include <string.h>

VtErrorKind vt__error_kind(const char *name)
{
    if (strcmp(name, "org.virt-test.error.NotFound") == 0) {
        return VT_ERROR_NOT_FOUND;
    }
    if (strcmp(name, "org.virt-test.error.Invalid") == 0) {
        return VT_ERROR_INVALID;
    }
    if (strcmp(name, "org.virt-test.error.Unsupported") == 0) {
        return VT_ERROR_UNSUPPORTED;
    }
    if (strcmp(name, "org.virt-test.error.StartFailed") == 0) {
        return VT_ERROR_START_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.MonitorFailed") == 0) {
        return VT_ERROR_MONITOR_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.GuestFailed") == 0) {
        return VT_ERROR_GUEST_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.TimedOut") == 0) {
        return VT_ERROR_TIMED_OUT;
    }
    if (strcmp(name, "org.virt-test.error.Unwell") == 0) {
        return VT_ERROR_UNWELL;
    }
    if (strcmp(name, "org.virt-test.error.Ended") == 0) {
        return VT_ERROR_ENDED;
    }
    if (strcmp(name, "org.virt-test.error.PlugFailed") == 0) {
        return VT_ERROR_PLUG_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.MigrationFailed") == 0) {
        return VT_ERROR_MIGRATION_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.JobFailed") == 0) {
        return VT_ERROR_JOB_FAILED;
    }
    if (strcmp(name, "org.virt-test.error.HostFailed") == 0) {
        return VT_ERROR_HOST_FAILED;
    }
    return VT_ERROR_OTHER;
}

const char *vt_verdict_name(VtVerdict value)
{
    switch (value) {
    case VT_VERDICT_FAIL:
        return "fail";
    case VT_VERDICT_ERROR:
        return "error";
    case VT_VERDICT_SKIP:
        return "skip";
    case VT_VERDICT_PASS:
        return "pass";
    case VT_VERDICT_WARN:
        return "warn";
    case VT_VERDICT_UNSET:
        break;
    }
    return NULL;
}

const char *vt_encoding_name(VtEncoding value)
{
    switch (value) {
    case VT_ENCODING_TEXT:
        return "text";
    case VT_ENCODING_BASE64:
        return "base64";
    case VT_ENCODING_UNSET:
        break;
    }
    return NULL;
}

const char *vt_repair_name(VtRepair value)
{
    switch (value) {
    case VT_REPAIR_NONE:
        return "none";
    case VT_REPAIR_LEAKS:
        return "leaks";
    case VT_REPAIR_ALL:
        return "all";
    case VT_REPAIR_UNSET:
        break;
    }
    return NULL;
}

const char *vt_snapshot_action_name(VtSnapshotAction value)
{
    switch (value) {
    case VT_SNAPSHOT_ACTION_CREATE:
        return "create";
    case VT_SNAPSHOT_ACTION_APPLY:
        return "apply";
    case VT_SNAPSHOT_ACTION_DELETE:
        return "delete";
    case VT_SNAPSHOT_ACTION_UNSET:
        break;
    }
    return NULL;
}

const char *vt_channel_name(VtChannel value)
{
    switch (value) {
    case VT_CHANNEL_STANDARD:
        return "standard";
    case VT_CHANNEL_SERIAL:
        return "serial";
    case VT_CHANNEL_VIRTIO_CONSOLE:
        return "virtio_console";
    case VT_CHANNEL_AGENT:
        return "agent";
    case VT_CHANNEL_SSH:
        return "ssh";
    case VT_CHANNEL_UNSET:
        break;
    }
    return NULL;
}

const char *vt_level_name(VtLevel value)
{
    switch (value) {
    case VT_LEVEL_DEBUG:
        return "debug";
    case VT_LEVEL_INFO:
        return "info";
    case VT_LEVEL_WARN:
        return "warn";
    case VT_LEVEL_ERROR:
        return "error";
    case VT_LEVEL_UNSET:
        break;
    }
    return NULL;
}

const char *vt_state_name(VtState value)
{
    switch (value) {
    case VT_STATE_ABSENT:
        return "absent";
    case VT_STATE_RUNNING:
        return "running";
    case VT_STATE_ENDED:
        return "ended";
    case VT_STATE_UNSET:
        break;
    }
    return NULL;
}

static VtState decode_state(json_t *json)
{
    const char *word = json_string_value(json);

    if (!word) {
        return VT_STATE_UNSET;
    }
    if (strcmp(word, "absent") == 0) {
        return VT_STATE_ABSENT;
    }
    if (strcmp(word, "running") == 0) {
        return VT_STATE_RUNNING;
    }
    if (strcmp(word, "ended") == 0) {
        return VT_STATE_ENDED;
    }
    return VT_STATE_UNSET;
}

const char *vt_suspension_name(VtSuspension value)
{
    switch (value) {
    case VT_SUSPENSION_RAM:
        return "ram";
    case VT_SUSPENSION_DISK:
        return "disk";
    case VT_SUSPENSION_UNSET:
        break;
    }
    return NULL;
}

const char *vt_device_kind_name(VtDeviceKind value)
{
    switch (value) {
    case VT_DEVICE_KIND_DISK:
        return "disk";
    case VT_DEVICE_KIND_NIC:
        return "nic";
    case VT_DEVICE_KIND_SCSI_CONTROLLER:
        return "scsi_controller";
    case VT_DEVICE_KIND_USB_CONTROLLER:
        return "usb_controller";
    case VT_DEVICE_KIND_USB_HUB:
        return "usb_hub";
    case VT_DEVICE_KIND_USB_TABLET:
        return "usb_tablet";
    case VT_DEVICE_KIND_USB_MOUSE:
        return "usb_mouse";
    case VT_DEVICE_KIND_USB_KEYBOARD:
        return "usb_keyboard";
    case VT_DEVICE_KIND_CPU:
        return "cpu";
    case VT_DEVICE_KIND_DIMM:
        return "dimm";
    case VT_DEVICE_KIND_VIRTIO_MEM:
        return "virtio_mem";
    case VT_DEVICE_KIND_VIRTIO_PORT:
        return "virtio_port";
    case VT_DEVICE_KIND_VIRTIO_CONSOLE:
        return "virtio_console";
    case VT_DEVICE_KIND_PCI_SERIAL:
        return "pci_serial";
    case VT_DEVICE_KIND_RNG:
        return "rng";
    case VT_DEVICE_KIND_BALLOON:
        return "balloon";
    case VT_DEVICE_KIND_WATCHDOG:
        return "watchdog";
    case VT_DEVICE_KIND_IOTHREAD:
        return "iothread";
    case VT_DEVICE_KIND_PCI:
        return "pci";
    case VT_DEVICE_KIND_UNSET:
        break;
    }
    return NULL;
}

static VtDeviceKind decode_device_kind(json_t *json)
{
    const char *word = json_string_value(json);

    if (!word) {
        return VT_DEVICE_KIND_UNSET;
    }
    if (strcmp(word, "disk") == 0) {
        return VT_DEVICE_KIND_DISK;
    }
    if (strcmp(word, "nic") == 0) {
        return VT_DEVICE_KIND_NIC;
    }
    if (strcmp(word, "scsi_controller") == 0) {
        return VT_DEVICE_KIND_SCSI_CONTROLLER;
    }
    if (strcmp(word, "usb_controller") == 0) {
        return VT_DEVICE_KIND_USB_CONTROLLER;
    }
    if (strcmp(word, "usb_hub") == 0) {
        return VT_DEVICE_KIND_USB_HUB;
    }
    if (strcmp(word, "usb_tablet") == 0) {
        return VT_DEVICE_KIND_USB_TABLET;
    }
    if (strcmp(word, "usb_mouse") == 0) {
        return VT_DEVICE_KIND_USB_MOUSE;
    }
    if (strcmp(word, "usb_keyboard") == 0) {
        return VT_DEVICE_KIND_USB_KEYBOARD;
    }
    if (strcmp(word, "cpu") == 0) {
        return VT_DEVICE_KIND_CPU;
    }
    if (strcmp(word, "dimm") == 0) {
        return VT_DEVICE_KIND_DIMM;
    }
    if (strcmp(word, "virtio_mem") == 0) {
        return VT_DEVICE_KIND_VIRTIO_MEM;
    }
    if (strcmp(word, "virtio_port") == 0) {
        return VT_DEVICE_KIND_VIRTIO_PORT;
    }
    if (strcmp(word, "virtio_console") == 0) {
        return VT_DEVICE_KIND_VIRTIO_CONSOLE;
    }
    if (strcmp(word, "pci_serial") == 0) {
        return VT_DEVICE_KIND_PCI_SERIAL;
    }
    if (strcmp(word, "rng") == 0) {
        return VT_DEVICE_KIND_RNG;
    }
    if (strcmp(word, "balloon") == 0) {
        return VT_DEVICE_KIND_BALLOON;
    }
    if (strcmp(word, "watchdog") == 0) {
        return VT_DEVICE_KIND_WATCHDOG;
    }
    if (strcmp(word, "iothread") == 0) {
        return VT_DEVICE_KIND_IOTHREAD;
    }
    if (strcmp(word, "pci") == 0) {
        return VT_DEVICE_KIND_PCI;
    }
    return VT_DEVICE_KIND_UNSET;
}

static json_t *encode_device(const VtDevice *o)
{
    json_t *in = json_object();
    json_object_set_new(in, "kind", vt__string(vt_device_kind_name(o->kind)));
    if (o->id) {
        json_object_set_new(in, "id", vt__string(o->id));
    }
    if (o->path) {
        json_object_set_new(in, "path", vt__string(o->path));
    }
    if (o->format) {
        json_object_set_new(in, "format", vt__string(o->format));
    }
    if (o->has_size) {
        json_object_set_new(in, "size", json_integer(o->size));
    }
    if (o->bus) {
        json_object_set_new(in, "bus", vt__string(o->bus));
    }
    if (o->controller) {
        json_object_set_new(in, "controller", vt__string(o->controller));
    }
    if (o->cache) {
        json_object_set_new(in, "cache", vt__string(o->cache));
    }
    if (o->has_readonly) {
        json_object_set_new(in, "readonly", json_boolean(o->readonly));
    }
    if (o->serial) {
        json_object_set_new(in, "serial", vt__string(o->serial));
    }
    if (o->model) {
        json_object_set_new(in, "model", vt__string(o->model));
    }
    if (o->mac) {
        json_object_set_new(in, "mac", vt__string(o->mac));
    }
    if (o->network) {
        json_object_set_new(in, "network", vt__string(o->network));
    }
    if (o->has_requested) {
        json_object_set_new(in, "requested", json_integer(o->requested));
    }
    if (o->driver) {
        json_object_set_new(in, "driver", vt__string(o->driver));
    }
    if (o->properties) {
        json_object_set_new(in, "properties", vt__pairs(o->properties));
    }
    return in;
}

static json_t *encode_migration_parameters(const VtMigrationParameters *o)
{
    json_t *in = json_object();
    if (o->has_max_bandwidth) {
        json_object_set_new(in, "max_bandwidth", json_integer(o->max_bandwidth));
    }
    if (o->has_max_postcopy_bandwidth) {
        json_object_set_new(in, "max_postcopy_bandwidth", json_integer(o->max_postcopy_bandwidth));
    }
    if (o->has_downtime_limit) {
        json_object_set_new(in, "downtime_limit", json_real(o->downtime_limit));
    }
    if (o->has_multifd_channels) {
        json_object_set_new(in, "multifd_channels", json_integer(o->multifd_channels));
    }
    if (o->multifd_compression) {
        json_object_set_new(in, "multifd_compression", vt__string(o->multifd_compression));
    }
    if (o->has_xbzrle_cache_size) {
        json_object_set_new(in, "xbzrle_cache_size", json_integer(o->xbzrle_cache_size));
    }
    if (o->has_cpu_throttle_initial) {
        json_object_set_new(in, "cpu_throttle_initial", json_integer(o->cpu_throttle_initial));
    }
    if (o->has_cpu_throttle_increment) {
        json_object_set_new(in, "cpu_throttle_increment", json_integer(o->cpu_throttle_increment));
    }
    if (o->has_max_cpu_throttle) {
        json_object_set_new(in, "max_cpu_throttle", json_integer(o->max_cpu_throttle));
    }
    return in;
}

const char *vt_job_kind_name(VtJobKind value)
{
    switch (value) {
    case VT_JOB_KIND_MIRROR:
        return "mirror";
    case VT_JOB_KIND_BACKUP:
        return "backup";
    case VT_JOB_KIND_COMMIT:
        return "commit";
    case VT_JOB_KIND_STREAM:
        return "stream";
    case VT_JOB_KIND_UNSET:
        break;
    }
    return NULL;
}

const char *vt_job_action_name(VtJobAction value)
{
    switch (value) {
    case VT_JOB_ACTION_COMPLETE:
        return "complete";
    case VT_JOB_ACTION_CANCEL:
        return "cancel";
    case VT_JOB_ACTION_PAUSE:
        return "pause";
    case VT_JOB_ACTION_RESUME:
        return "resume";
    case VT_JOB_ACTION_UNSET:
        break;
    }
    return NULL;
}

const char *vt_job_end_name(VtJobEnd value)
{
    switch (value) {
    case VT_JOB_END_SUCCEEDED:
        return "succeeded";
    case VT_JOB_END_CANCELLED:
        return "cancelled";
    case VT_JOB_END_UNSET:
        break;
    }
    return NULL;
}

static VtJobEnd decode_job_end(json_t *json)
{
    const char *word = json_string_value(json);

    if (!word) {
        return VT_JOB_END_UNSET;
    }
    if (strcmp(word, "succeeded") == 0) {
        return VT_JOB_END_SUCCEEDED;
    }
    if (strcmp(word, "cancelled") == 0) {
        return VT_JOB_END_CANCELLED;
    }
    return VT_JOB_END_UNSET;
}

void vt__decode_image_snapshot(VtReply *reply, json_t *json, VtImageSnapshot *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->name = json_string_value(json_object_get(json, "name"));
    out->vm_state_size = json_integer_value(json_object_get(json, "vm_state_size"));
}

void vt__decode_image(VtReply *reply, json_t *json, VtImage *out)
{
    (void)reply;
    out->path = json_string_value(json_object_get(json, "path"));
    out->format = json_string_value(json_object_get(json, "format"));
    out->virtual_size = json_integer_value(json_object_get(json, "virtual_size"));
    out->has_actual_size = vt__is_there(json_object_get(json, "actual_size"));
    out->actual_size = json_integer_value(json_object_get(json, "actual_size"));
    out->has_cluster_size = vt__is_there(json_object_get(json, "cluster_size"));
    out->cluster_size = json_integer_value(json_object_get(json, "cluster_size"));
    out->backing = json_string_value(json_object_get(json, "backing"));
    out->backing_format = json_string_value(json_object_get(json, "backing_format"));
    out->dirty = json_is_true(json_object_get(json, "dirty"));
    out->n_snapshots = json_array_size(json_object_get(json, "snapshots"));
    out->snapshots = vt__room(reply, out->n_snapshots, sizeof(VtImageSnapshot));
    for (size_t i = 0; i < out->n_snapshots; i++) {
        vt__decode_image_snapshot(reply, json_array_get(json_object_get(json, "snapshots"), i), &out->snapshots[i]);
    }
    out->format_specific = json_object_get(json, "format_specific");
}

void vt__decode_report(VtReply *reply, json_t *json, VtReport *out)
{
    (void)reply;
    out->clean = json_is_true(json_object_get(json, "clean"));
    out->checked = json_is_true(json_object_get(json, "checked"));
    out->check_errors = json_integer_value(json_object_get(json, "check_errors"));
    out->corruptions = json_integer_value(json_object_get(json, "corruptions"));
    out->leaks = json_integer_value(json_object_get(json, "leaks"));
    out->corruptions_fixed = json_integer_value(json_object_get(json, "corruptions_fixed"));
    out->leaks_fixed = json_integer_value(json_object_get(json, "leaks_fixed"));
}

void vt__decode_session_info(VtReply *reply, json_t *json, VtSessionInfo *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->vm = json_string_value(json_object_get(json, "vm"));
    out->channel = json_string_value(json_object_get(json, "channel"));
}

void vt__decode_chunk(VtReply *reply, json_t *json, VtChunk *out)
{
    (void)reply;
    out->err = json_is_true(json_object_get(json, "stderr"));
    out->data = json_string_value(json_object_get(json, "data"));
}

void vt__decode_output(VtReply *reply, json_t *json, VtOutput *out)
{
    (void)reply;
    out->has_status = vt__is_there(json_object_get(json, "status"));
    out->status = json_integer_value(json_object_get(json, "status"));
    out->has_signal = vt__is_there(json_object_get(json, "signal"));
    out->signal = json_integer_value(json_object_get(json, "signal"));
    out->out = json_string_value(json_object_get(json, "stdout"));
    out->err = json_string_value(json_object_get(json, "stderr"));
    out->truncated = json_is_true(json_object_get(json, "truncated"));
    out->elapsed = json_number_value(json_object_get(json, "elapsed"));
}

void vt__decode_test_info(VtReply *reply, json_t *json, VtTestInfo *out)
{
    (void)reply;
    out->name = json_string_value(json_object_get(json, "name"));
    out->dir = json_string_value(json_object_get(json, "dir"));
    out->main_vm = json_string_value(json_object_get(json, "main_vm"));
    out->n_vms = json_array_size(json_object_get(json, "vms"));
    out->vms = vt__room(reply, out->n_vms, sizeof(char *));
    for (size_t i = 0; i < out->n_vms; i++) {
        out->vms[i] = json_string_value(json_array_get(json_object_get(json, "vms"), i));
    }
    out->elapsed = json_number_value(json_object_get(json, "elapsed"));
    out->has_remaining = vt__is_there(json_object_get(json, "remaining"));
    out->remaining = json_number_value(json_object_get(json, "remaining"));
    out->scale = json_number_value(json_object_get(json, "scale"));
    out->session = json_is_true(json_object_get(json, "session"));
}

void vt__decode_disk(VtReply *reply, json_t *json, VtDisk *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->path = json_string_value(json_object_get(json, "path"));
    out->format = json_string_value(json_object_get(json, "format"));
    out->node = json_string_value(json_object_get(json, "node"));
    out->readonly = json_is_true(json_object_get(json, "readonly"));
}

void vt__decode_nic(VtReply *reply, json_t *json, VtNic *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->model = json_string_value(json_object_get(json, "model"));
    out->mac = json_string_value(json_object_get(json, "mac"));
    out->network = json_string_value(json_object_get(json, "network"));
}

void vt__decode_machine(VtReply *reply, json_t *json, VtMachine *out)
{
    (void)reply;
    out->name = json_string_value(json_object_get(json, "name"));
    out->state = decode_state(json_object_get(json, "state"));
    out->status = json_string_value(json_object_get(json, "status"));
    out->has_pid = vt__is_there(json_object_get(json, "pid"));
    out->pid = json_integer_value(json_object_get(json, "pid"));
    out->has_uptime = vt__is_there(json_object_get(json, "uptime"));
    out->uptime = json_number_value(json_object_get(json, "uptime"));
    out->accelerator = json_string_value(json_object_get(json, "accelerator"));
    out->machine_type = json_string_value(json_object_get(json, "machine_type"));
    out->qemu_version = json_string_value(json_object_get(json, "qemu_version"));
    out->has_cpus = vt__is_there(json_object_get(json, "cpus"));
    out->cpus = json_integer_value(json_object_get(json, "cpus"));
    out->has_memory = vt__is_there(json_object_get(json, "memory"));
    out->memory = json_integer_value(json_object_get(json, "memory"));
    out->n_disks = json_array_size(json_object_get(json, "disks"));
    out->disks = vt__room(reply, out->n_disks, sizeof(VtDisk));
    for (size_t i = 0; i < out->n_disks; i++) {
        vt__decode_disk(reply, json_array_get(json_object_get(json, "disks"), i), &out->disks[i]);
    }
    out->n_nics = json_array_size(json_object_get(json, "nics"));
    out->nics = vt__room(reply, out->n_nics, sizeof(VtNic));
    for (size_t i = 0; i < out->n_nics; i++) {
        vt__decode_nic(reply, json_array_get(json_object_get(json, "nics"), i), &out->nics[i]);
    }
    out->n_consoles = json_array_size(json_object_get(json, "consoles"));
    out->consoles = vt__room(reply, out->n_consoles, sizeof(char *));
    for (size_t i = 0; i < out->n_consoles; i++) {
        out->consoles[i] = json_string_value(json_array_get(json_object_get(json, "consoles"), i));
    }
    out->log_dir = json_string_value(json_object_get(json, "log_dir"));
    out->has_cursor = vt__is_there(json_object_get(json, "cursor"));
    out->cursor = json_integer_value(json_object_get(json, "cursor"));
    if (vt__is_there(json_object_get(json, "exit"))) {
        out->exit = vt__room(reply, 1, sizeof(VtExit));
        vt__decode_exit(reply, json_object_get(json, "exit"), out->exit);
    }
}

void vt__decode_exit(VtReply *reply, json_t *json, VtExit *out)
{
    (void)reply;
    out->has_code = vt__is_there(json_object_get(json, "code"));
    out->code = json_integer_value(json_object_get(json, "code"));
    out->has_signal = vt__is_there(json_object_get(json, "signal"));
    out->signal = json_integer_value(json_object_get(json, "signal"));
    out->clean = json_is_true(json_object_get(json, "clean"));
    out->reason = json_string_value(json_object_get(json, "reason"));
    out->summary = json_string_value(json_object_get(json, "summary"));
}

void vt__decode_finding(VtReply *reply, json_t *json, VtFinding *out)
{
    (void)reply;
    out->kind = json_string_value(json_object_get(json, "kind"));
    out->severity = json_string_value(json_object_get(json, "severity"));
    out->summary = json_string_value(json_object_get(json, "summary"));
    out->at = json_number_value(json_object_get(json, "at"));
}

void vt__decode_event(VtReply *reply, json_t *json, VtEvent *out)
{
    (void)reply;
    out->seq = json_integer_value(json_object_get(json, "seq"));
    out->name = json_string_value(json_object_get(json, "name"));
    out->data = json_object_get(json, "data");
    out->has_time = vt__is_there(json_object_get(json, "time"));
    out->time = json_number_value(json_object_get(json, "time"));
}

void vt__decode_plugged(VtReply *reply, json_t *json, VtPlugged *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->kind = decode_device_kind(json_object_get(json, "kind"));
    out->pci = json_string_value(json_object_get(json, "pci"));
    out->guest = json_string_value(json_object_get(json, "guest"));
}

void vt__decode_figures(VtReply *reply, json_t *json, VtFigures *out)
{
    (void)reply;
    out->status = json_string_value(json_object_get(json, "status"));
    out->transferred = json_integer_value(json_object_get(json, "transferred"));
    out->remaining = json_integer_value(json_object_get(json, "remaining"));
    out->total = json_integer_value(json_object_get(json, "total"));
    out->mbps = json_number_value(json_object_get(json, "mbps"));
    out->dirty_pages_rate = json_integer_value(json_object_get(json, "dirty_pages_rate"));
    out->dirty_sync_count = json_integer_value(json_object_get(json, "dirty_sync_count"));
    out->postcopy_requests = json_integer_value(json_object_get(json, "postcopy_requests"));
    out->has_elapsed = vt__is_there(json_object_get(json, "elapsed"));
    out->elapsed = json_number_value(json_object_get(json, "elapsed"));
    out->has_setup = vt__is_there(json_object_get(json, "setup"));
    out->setup = json_number_value(json_object_get(json, "setup"));
    out->has_expected_downtime = vt__is_there(json_object_get(json, "expected_downtime"));
    out->expected_downtime = json_number_value(json_object_get(json, "expected_downtime"));
    out->has_downtime = vt__is_there(json_object_get(json, "downtime"));
    out->downtime = json_number_value(json_object_get(json, "downtime"));
    out->has_throttle = vt__is_there(json_object_get(json, "throttle"));
    out->throttle = json_integer_value(json_object_get(json, "throttle"));
}

void vt__decode_snapshot(VtReply *reply, json_t *json, VtSnapshot *out)
{
    (void)reply;
    out->name = json_string_value(json_object_get(json, "name"));
    out->id = json_string_value(json_object_get(json, "id"));
    out->vm_state_size = json_integer_value(json_object_get(json, "vm_state_size"));
}

void vt__decode_job(VtReply *reply, json_t *json, VtJob *out)
{
    (void)reply;
    out->id = json_string_value(json_object_get(json, "id"));
    out->kind = json_string_value(json_object_get(json, "kind"));
    out->status = json_string_value(json_object_get(json, "status"));
    out->progress = json_integer_value(json_object_get(json, "progress"));
    out->total = json_integer_value(json_object_get(json, "total"));
    out->error = json_string_value(json_object_get(json, "error"));
}

void vt__put_push_options(json_t *in, const VtPushOptions *o)
{
    if (!o) {
        return;
    }
    if (o->path) {
        json_object_set_new(in, "path", vt__string(o->path));
    }
    if (o->content) {
        json_object_set_new(in, "content", vt__string(o->content));
    }
    if (o->encoding) {
        json_object_set_new(in, "encoding", vt__string(vt_encoding_name(o->encoding)));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_pull_options(json_t *in, const VtPullOptions *o)
{
    if (!o) {
        return;
    }
    if (o->path) {
        json_object_set_new(in, "path", vt__string(o->path));
    }
    if (o->encoding) {
        json_object_set_new(in, "encoding", vt__string(vt_encoding_name(o->encoding)));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_image_create_options(json_t *in, const VtImageCreateOptions *o)
{
    if (!o) {
        return;
    }
    if (o->size) {
        json_object_set_new(in, "size", json_integer(o->size));
    }
    if (o->format) {
        json_object_set_new(in, "format", vt__string(o->format));
    }
    if (o->backing) {
        json_object_set_new(in, "backing", vt__string(o->backing));
    }
    if (o->backing_format) {
        json_object_set_new(in, "backing_format", vt__string(o->backing_format));
    }
    if (o->options) {
        json_object_set_new(in, "options", vt__pairs(o->options));
    }
}

void vt__put_image_check_options(json_t *in, const VtImageCheckOptions *o)
{
    if (!o) {
        return;
    }
    if (o->format) {
        json_object_set_new(in, "format", vt__string(o->format));
    }
    if (o->repair) {
        json_object_set_new(in, "repair", vt__string(vt_repair_name(o->repair)));
    }
}

void vt__put_image_convert_options(json_t *in, const VtImageConvertOptions *o)
{
    if (!o) {
        return;
    }
    if (o->target_format) {
        json_object_set_new(in, "target_format", vt__string(o->target_format));
    }
}

void vt__put_image_resize_options(json_t *in, const VtImageResizeOptions *o)
{
    if (!o) {
        return;
    }
    if (o->shrink) {
        json_object_set_new(in, "shrink", json_boolean(o->shrink));
    }
}

void vt__put_address_options(json_t *in, const VtAddressOptions *o)
{
    if (!o) {
        return;
    }
    if (o->nic) {
        json_object_set_new(in, "nic", vt__string(o->nic));
    }
}

void vt__put_open_options(json_t *in, const VtOpenOptions *o)
{
    if (!o) {
        return;
    }
    if (o->channel) {
        json_object_set_new(in, "channel", vt__string(vt_channel_name(o->channel)));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_ssh_options(json_t *in, const VtSshOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_exec_options(json_t *in, const VtExecOptions *o)
{
    if (!o) {
        return;
    }
    if (o->command) {
        json_object_set_new(in, "command", vt__string(o->command));
    }
    if (o->argv) {
        json_object_set_new(in, "argv", vt__strings(o->argv));
    }
    if (o->input) {
        json_object_set_new(in, "input", vt__string(o->input));
    }
    if (o->env) {
        json_object_set_new(in, "env", vt__pairs(o->env));
    }
    if (o->encoding) {
        json_object_set_new(in, "encoding", vt__string(vt_encoding_name(o->encoding)));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_console_options(json_t *in, const VtConsoleOptions *o)
{
    if (!o) {
        return;
    }
    if (o->console) {
        json_object_set_new(in, "console", vt__string(o->console));
    }
    if (o->from_now) {
        json_object_set_new(in, "from_now", json_boolean(o->from_now));
    }
}

void vt__put_console_send_options(json_t *in, const VtConsoleSendOptions *o)
{
    if (!o) {
        return;
    }
    if (o->console) {
        json_object_set_new(in, "console", vt__string(o->console));
    }
}

void vt__put_console_expect_options(json_t *in, const VtConsoleExpectOptions *o)
{
    if (!o) {
        return;
    }
    if (o->console) {
        json_object_set_new(in, "console", vt__string(o->console));
    }
    if (o->from_now) {
        json_object_set_new(in, "from_now", json_boolean(o->from_now));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_agent_options(json_t *in, const VtAgentOptions *o)
{
    if (!o) {
        return;
    }
    if (o->arguments) {
        json_object_set_new(in, "arguments", o->arguments);
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_params_options(json_t *in, const VtParamsOptions *o)
{
    if (!o) {
        return;
    }
    if (o->objects) {
        json_object_set_new(in, "objects", vt__strings(o->objects));
    }
}

void vt__put_log_options(json_t *in, const VtLogOptions *o)
{
    if (!o) {
        return;
    }
    if (o->level) {
        json_object_set_new(in, "level", vt__string(vt_level_name(o->level)));
    }
}

void vt__put_subtest_options(json_t *in, const VtSubtestOptions *o)
{
    if (!o) {
        return;
    }
    if (o->reason) {
        json_object_set_new(in, "reason", vt__string(o->reason));
    }
}

void vt__put_start_options(json_t *in, const VtStartOptions *o)
{
    if (!o) {
        return;
    }
    if (o->params) {
        json_object_set_new(in, "params", vt__pairs(o->params));
    }
    if (o->paused) {
        json_object_set_new(in, "paused", json_boolean(o->paused));
    }
}

void vt__put_stop_options(json_t *in, const VtStopOptions *o)
{
    if (!o) {
        return;
    }
    if (o->force) {
        json_object_set_new(in, "force", json_boolean(o->force));
    }
}

void vt__put_suspend_options(json_t *in, const VtSuspendOptions *o)
{
    if (!o) {
        return;
    }
    if (o->to) {
        json_object_set_new(in, "to", vt__string(vt_suspension_name(o->to)));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_wait_exit_options(json_t *in, const VtWaitExitOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_wait_status_options(json_t *in, const VtWaitStatusOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_events_options(json_t *in, const VtEventsOptions *o)
{
    if (!o) {
        return;
    }
    if (o->since) {
        json_object_set_new(in, "since", json_integer(o->since));
    }
    if (o->names) {
        json_object_set_new(in, "names", vt__strings(o->names));
    }
}

void vt__put_wait_event_options(json_t *in, const VtWaitEventOptions *o)
{
    if (!o) {
        return;
    }
    if (o->since) {
        json_object_set_new(in, "since", json_integer(o->since));
    }
    if (o->match) {
        json_object_set_new(in, "match", o->match);
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_qmp_options(json_t *in, const VtQmpOptions *o)
{
    if (!o) {
        return;
    }
    if (o->arguments) {
        json_object_set_new(in, "arguments", o->arguments);
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_plug_options(json_t *in, const VtPlugOptions *o)
{
    if (!o) {
        return;
    }
    if (o->guest) {
        json_object_set_new(in, "guest", json_boolean(o->guest));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_unplug_options(json_t *in, const VtUnplugOptions *o)
{
    if (!o) {
        return;
    }
    if (o->guest) {
        json_object_set_new(in, "guest", json_boolean(o->guest));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_migrate_options(json_t *in, const VtMigrateOptions *o)
{
    if (!o) {
        return;
    }
    if (o->transport) {
        json_object_set_new(in, "transport", vt__string(o->transport));
    }
    if (o->capabilities) {
        json_object_set_new(in, "capabilities", vt__strings(o->capabilities));
    }
    if (o->parameters) {
        json_object_set_new(in, "parameters", encode_migration_parameters(o->parameters));
    }
    if (o->postcopy) {
        json_object_set_new(in, "postcopy", json_boolean(o->postcopy));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_save_snapshot_options(json_t *in, const VtSaveSnapshotOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_load_snapshot_options(json_t *in, const VtLoadSnapshotOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_delete_snapshot_options(json_t *in, const VtDeleteSnapshotOptions *o)
{
    if (!o) {
        return;
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_start_job_options(json_t *in, const VtStartJobOptions *o)
{
    if (!o) {
        return;
    }
    if (o->id) {
        json_object_set_new(in, "id", vt__string(o->id));
    }
    if (o->target) {
        json_object_set_new(in, "target", vt__string(o->target));
    }
    if (o->speed) {
        json_object_set_new(in, "speed", json_integer(o->speed));
    }
}

void vt__put_wait_job_options(json_t *in, const VtWaitJobOptions *o)
{
    if (!o) {
        return;
    }
    if (o->ready) {
        json_object_set_new(in, "ready", json_boolean(o->ready));
    }
    if (o->timeout) {
        json_object_set_new(in, "timeout", json_real(o->timeout));
    }
}

void vt__put_screendump_options(json_t *in, const VtScreendumpOptions *o)
{
    if (!o) {
        return;
    }
    if (o->file) {
        json_object_set_new(in, "file", vt__string(o->file));
    }
}

void vt__put_send_key_options(json_t *in, const VtSendKeyOptions *o)
{
    if (!o) {
        return;
    }
    if (o->hold) {
        json_object_set_new(in, "hold", json_real(o->hold));
    }
}

VtPushReply *vt_vm_push(VtVm *vm, const char *guest, const VtPushOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "guest", vt__string(guest));
    vt__put_push_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.files.Push", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtPushReply));
    VtPushReply *out = vt__body(reply);
    out->size = json_integer_value(json_object_get(json, "size"));
    out->sha256 = json_string_value(json_object_get(json, "sha256"));
    return out;
}

VtPushReply *vt_session_push(VtSession *session, const char *guest, const VtPushOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "session", vt__string(session->id));
    json_object_set_new(in, "guest", vt__string(guest));
    vt__put_push_options(in, options);
    json_t *json = vt__call(session->test, "org.virt-test.files.Push", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(session->test, json, sizeof(VtPushReply));
    VtPushReply *out = vt__body(reply);
    out->size = json_integer_value(json_object_get(json, "size"));
    out->sha256 = json_string_value(json_object_get(json, "sha256"));
    return out;
}

VtPullReply *vt_vm_pull(VtVm *vm, const char *guest, const VtPullOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "guest", vt__string(guest));
    vt__put_pull_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.files.Pull", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtPullReply));
    VtPullReply *out = vt__body(reply);
    out->size = json_integer_value(json_object_get(json, "size"));
    out->sha256 = json_string_value(json_object_get(json, "sha256"));
    out->content = json_string_value(json_object_get(json, "content"));
    return out;
}

VtPullReply *vt_session_pull(VtSession *session, const char *guest, const VtPullOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "session", vt__string(session->id));
    json_object_set_new(in, "guest", vt__string(guest));
    vt__put_pull_options(in, options);
    json_t *json = vt__call(session->test, "org.virt-test.files.Pull", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(session->test, json, sizeof(VtPullReply));
    VtPullReply *out = vt__body(reply);
    out->size = json_integer_value(json_object_get(json, "size"));
    out->sha256 = json_string_value(json_object_get(json, "sha256"));
    out->content = json_string_value(json_object_get(json, "content"));
    return out;
}

VtImage *vt_image_create(VtTest *t, const char *path, const VtImageCreateOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    vt__put_image_create_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.image.Create", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtImage));
    vt__decode_image(reply, json_object_get(json, "image"), vt__body(reply));
    return vt__body(reply);
}

VtImage *vt_image_info(VtTest *t, const char *path, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_t *json = vt__call(t, "org.virt-test.image.Info", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtImage));
    vt__decode_image(reply, json_object_get(json, "image"), vt__body(reply));
    return vt__body(reply);
}

VtImage *vt_image_chain(VtTest *t, const char *path, size_t *n_images, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_t *json = vt__call(t, "org.virt-test.image.Chain", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "images"));
    VtReply *reply = vt__reply(t, json, (count + 1) * sizeof(VtImage));
    VtImage *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_image(reply, json_array_get(json_object_get(json, "images"), i), &out[i]);
    }
    *n_images = count;
    return out;
}

VtReport *vt_image_check(VtTest *t, const char *path, const VtImageCheckOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    vt__put_image_check_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.image.Check", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtReport));
    vt__decode_report(reply, json_object_get(json, "report"), vt__body(reply));
    return vt__body(reply);
}

VtImage *vt_image_convert(VtTest *t, const char *path, const char *target, const char *format, const VtImageConvertOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_object_set_new(in, "target", vt__string(target));
    json_object_set_new(in, "format", vt__string(format));
    vt__put_image_convert_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.image.Convert", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtImage));
    vt__decode_image(reply, json_object_get(json, "image"), vt__body(reply));
    return vt__body(reply);
}

VtImage *vt_image_resize(VtTest *t, const char *path, const char *format, int64_t size, const VtImageResizeOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_object_set_new(in, "format", vt__string(format));
    json_object_set_new(in, "size", json_integer(size));
    vt__put_image_resize_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.image.Resize", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtImage));
    vt__decode_image(reply, json_object_get(json, "image"), vt__body(reply));
    return vt__body(reply);
}

bool vt_image_compare(VtTest *t, const char *path, const char *format, const char *other, const char *other_format, bool *same_out, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_object_set_new(in, "format", vt__string(format));
    json_object_set_new(in, "other", vt__string(other));
    json_object_set_new(in, "other_format", vt__string(other_format));
    json_t *json = vt__call(t, "org.virt-test.image.Compare", in, errp);
    if (!json) {
        return false;
    }
    if (same_out) {
        *same_out = json_is_true(json_object_get(json, "same"));
    }
    json_decref(json);
    return true;
}

VtImage *vt_image_snapshot(VtTest *t, const char *path, VtSnapshotAction action, const char *name, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_object_set_new(in, "action", vt__string(vt_snapshot_action_name(action)));
    json_object_set_new(in, "name", vt__string(name));
    json_t *json = vt__call(t, "org.virt-test.image.Snapshot", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtImage));
    vt__decode_image(reply, json_object_get(json, "image"), vt__body(reply));
    return vt__body(reply);
}

bool vt_image_commit(VtTest *t, const char *path, const char *format, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "path", vt__string(path));
    json_object_set_new(in, "format", vt__string(format));
    json_t *json = vt__call(t, "org.virt-test.image.Commit", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

const char *vt_vm_address(VtVm *vm, const VtAddressOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_address_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.network.Address", in, errp);
    if (!json) {
        return NULL;
    }
    return vt__text(vm->test, json, json_object_get(json, "address"));
}

bool vt_vm_forwarded_port(VtVm *vm, int64_t port, int64_t *port_out, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "port", json_integer(port));
    json_t *json = vt__call(vm->test, "org.virt-test.network.ForwardedPort", in, errp);
    if (!json) {
        return false;
    }
    if (port_out) {
        *port_out = json_integer_value(json_object_get(json, "port"));
    }
    json_decref(json);
    return true;
}

bool vt_vm_set_link(VtVm *vm, const char *nic, bool up, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "nic", vt__string(nic));
    json_object_set_new(in, "up", json_boolean(up));
    json_t *json = vt__call(vm->test, "org.virt-test.network.SetLink", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtNetworkInfoReply *vt_network_info(VtTest *t, const char *network, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "network", vt__string(network));
    json_t *json = vt__call(t, "org.virt-test.network.Info", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtNetworkInfoReply));
    VtNetworkInfoReply *out = vt__body(reply);
    out->ports = json_integer_value(json_object_get(json, "ports"));
    out->capture = json_string_value(json_object_get(json, "capture"));
    return out;
}

VtSshReply *vt_vm_ssh(VtVm *vm, const VtSshOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_ssh_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.session.Ssh", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtSshReply));
    VtSshReply *out = vt__body(reply);
    if (vt__is_there(json_object_get(json, "session"))) {
        out->session = vt__room(reply, 1, sizeof(VtSessionInfo));
        vt__decode_session_info(reply, json_object_get(json, "session"), out->session);
    }
    out->n_command = json_array_size(json_object_get(json, "command"));
    out->command = vt__room(reply, out->n_command, sizeof(char *));
    for (size_t i = 0; i < out->n_command; i++) {
        out->command[i] = json_string_value(json_array_get(json_object_get(json, "command"), i));
    }
    return out;
}

VtSessionInfo *vt_session_list(VtTest *t, size_t *n_sessions, VtError **errp)
{
    json_t *in = json_object();

    json_t *json = vt__call(t, "org.virt-test.session.List", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "sessions"));
    VtReply *reply = vt__reply(t, json, (count + 1) * sizeof(VtSessionInfo));
    VtSessionInfo *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_session_info(reply, json_array_get(json_object_get(json, "sessions"), i), &out[i]);
    }
    *n_sessions = count;
    return out;
}

bool vt_session_close(VtSession *session, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "session", vt__string(session->id));
    json_t *json = vt__call(session->test, "org.virt-test.session.Close", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_console_send(VtVm *vm, const char *text, const VtConsoleSendOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "text", vt__string(text));
    vt__put_console_send_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.session.ConsoleSend", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtConsoleExpectReply *vt_vm_console_expect(VtVm *vm, const char *pattern, const VtConsoleExpectOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "pattern", vt__string(pattern));
    vt__put_console_expect_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.session.ConsoleExpect", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtConsoleExpectReply));
    VtConsoleExpectReply *out = vt__body(reply);
    out->before = json_string_value(json_object_get(json, "before"));
    out->text = json_string_value(json_object_get(json, "text"));
    return out;
}

VtTestInfo *vt_info(VtTest *t, VtError **errp)
{
    json_t *in = json_object();

    json_t *json = vt__call(t, "org.virt-test.test.Info", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(t, json, sizeof(VtTestInfo));
    vt__decode_test_info(reply, json_object_get(json, "info"), vt__body(reply));
    return vt__body(reply);
}

json_t *vt_params(VtTest *t, const VtParamsOptions *options, VtError **errp)
{
    json_t *in = json_object();

    vt__put_params_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.test.Params", in, errp);
    if (!json) {
        return NULL;
    }
    json_t *out = json_incref(json_object_get(json, "params"));
    json_decref(json);
    return out;
}

bool vt_phase(VtTest *t, const char *phase, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "phase", vt__string(phase));
    json_t *json = vt__call(t, "org.virt-test.test.Phase", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_log(VtTest *t, const char *message, const VtLogOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "message", vt__string(message));
    vt__put_log_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.test.Log", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_warn(VtTest *t, const char *message, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "message", vt__string(message));
    json_t *json = vt__call(t, "org.virt-test.test.Warn", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_subtest(VtTest *t, const char *name, VtVerdict verdict, const VtSubtestOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "name", vt__string(name));
    json_object_set_new(in, "verdict", vt__string(vt_verdict_name(verdict)));
    vt__put_subtest_options(in, options);
    json_t *json = vt__call(t, "org.virt-test.test.Subtest", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_end(VtTest *t, VtError **errp)
{
    json_t *in = json_object();

    json_t *json = vt__call(t, "org.virt-test.test.End", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtMachine *vt_vm_list(VtTest *t, size_t *n_machines, VtError **errp)
{
    json_t *in = json_object();

    json_t *json = vt__call(t, "org.virt-test.vm.List", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "machines"));
    VtReply *reply = vt__reply(t, json, (count + 1) * sizeof(VtMachine));
    VtMachine *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_machine(reply, json_array_get(json_object_get(json, "machines"), i), &out[i]);
    }
    *n_machines = count;
    return out;
}

VtMachine *vt_vm_info(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Info", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtMachine));
    vt__decode_machine(reply, json_object_get(json, "machine"), vt__body(reply));
    return vt__body(reply);
}

VtMachine *vt_vm_start(VtVm *vm, const VtStartOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_start_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Start", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtMachine));
    vt__decode_machine(reply, json_object_get(json, "machine"), vt__body(reply));
    return vt__body(reply);
}

VtStopReply *vt_vm_stop(VtVm *vm, const VtStopOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_stop_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Stop", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtStopReply));
    VtStopReply *out = vt__body(reply);
    out->ended_by = json_string_value(json_object_get(json, "ended_by"));
    if (vt__is_there(json_object_get(json, "exit"))) {
        out->exit = vt__room(reply, 1, sizeof(VtExit));
        vt__decode_exit(reply, json_object_get(json, "exit"), out->exit);
    }
    return out;
}

bool vt_vm_powerdown(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Powerdown", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_reset(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Reset", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_pause(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Pause", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_resume(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Resume", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_suspend(VtVm *vm, const VtSuspendOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_suspend_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Suspend", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_wakeup(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Wakeup", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_nmi(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Nmi", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtExit *vt_vm_wait_exit(VtVm *vm, const VtWaitExitOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_wait_exit_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.WaitExit", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtExit));
    vt__decode_exit(reply, json_object_get(json, "exit"), vt__body(reply));
    return vt__body(reply);
}

bool vt_vm_wait_status(VtVm *vm, const char *status, const VtWaitStatusOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "status", vt__string(status));
    vt__put_wait_status_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.WaitStatus", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtFinding *vt_vm_findings(VtVm *vm, size_t *n_findings, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Findings", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "findings"));
    VtReply *reply = vt__reply(vm->test, json, (count + 1) * sizeof(VtFinding));
    VtFinding *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_finding(reply, json_array_get(json_object_get(json, "findings"), i), &out[i]);
    }
    *n_findings = count;
    return out;
}

bool vt_vm_allow(VtVm *vm, const char *finding, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "finding", vt__string(finding));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Allow", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtEvent *vt_vm_wait_event(VtVm *vm, const char *name, const VtWaitEventOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "name", vt__string(name));
    vt__put_wait_event_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.WaitEvent", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtEvent));
    vt__decode_event(reply, json_object_get(json, "event"), vt__body(reply));
    return vt__body(reply);
}

const char *vt_vm_hmp(VtVm *vm, const char *line, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "line", vt__string(line));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Hmp", in, errp);
    if (!json) {
        return NULL;
    }
    return vt__text(vm->test, json, json_object_get(json, "output"));
}

VtPlugged *vt_vm_plug(VtVm *vm, const VtDevice *device, const VtPlugOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "device", encode_device(device));
    vt__put_plug_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Plug", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtPlugged));
    vt__decode_plugged(reply, json_object_get(json, "device"), vt__body(reply));
    return vt__body(reply);
}

bool vt_vm_unplug(VtVm *vm, const char *id, const VtUnplugOptions *options, double *took_out, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "id", vt__string(id));
    vt__put_unplug_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Unplug", in, errp);
    if (!json) {
        return false;
    }
    if (took_out) {
        *took_out = json_number_value(json_object_get(json, "took"));
    }
    json_decref(json);
    return true;
}

VtPlugged *vt_vm_devices(VtVm *vm, size_t *n_devices, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Devices", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "devices"));
    VtReply *reply = vt__reply(vm->test, json, (count + 1) * sizeof(VtPlugged));
    VtPlugged *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_plugged(reply, json_array_get(json_object_get(json, "devices"), i), &out[i]);
    }
    *n_devices = count;
    return out;
}

bool vt_vm_resize_memory(VtVm *vm, const char *id, int64_t size, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "id", vt__string(id));
    json_object_set_new(in, "size", json_integer(size));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.ResizeMemory", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_cancel_migration(VtVm *vm, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.CancelMigration", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtFigures *vt_vm_save(VtVm *vm, const char *file, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "file", vt__string(file));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Save", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtFigures));
    vt__decode_figures(reply, json_object_get(json, "figures"), vt__body(reply));
    return vt__body(reply);
}

VtMachine *vt_vm_restore(VtVm *vm, const char *file, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "file", vt__string(file));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Restore", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtMachine));
    vt__decode_machine(reply, json_object_get(json, "machine"), vt__body(reply));
    return vt__body(reply);
}

bool vt_vm_save_snapshot(VtVm *vm, const char *name, const VtSaveSnapshotOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "name", vt__string(name));
    vt__put_save_snapshot_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.SaveSnapshot", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_load_snapshot(VtVm *vm, const char *name, const VtLoadSnapshotOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "name", vt__string(name));
    vt__put_load_snapshot_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.LoadSnapshot", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

bool vt_vm_delete_snapshot(VtVm *vm, const char *name, const VtDeleteSnapshotOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "name", vt__string(name));
    vt__put_delete_snapshot_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.DeleteSnapshot", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtSnapshot *vt_vm_list_snapshots(VtVm *vm, size_t *n_snapshots, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.ListSnapshots", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "snapshots"));
    VtReply *reply = vt__reply(vm->test, json, (count + 1) * sizeof(VtSnapshot));
    VtSnapshot *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_snapshot(reply, json_array_get(json_object_get(json, "snapshots"), i), &out[i]);
    }
    *n_snapshots = count;
    return out;
}

VtStartJobReply *vt_vm_start_job(VtVm *vm, const char *disk, VtJobKind kind, const VtStartJobOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "disk", vt__string(disk));
    json_object_set_new(in, "kind", vt__string(vt_job_kind_name(kind)));
    vt__put_start_job_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.StartJob", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtStartJobReply));
    VtStartJobReply *out = vt__body(reply);
    out->id = json_string_value(json_object_get(json, "id"));
    out->path = json_string_value(json_object_get(json, "path"));
    return out;
}

VtJob *vt_vm_list_jobs(VtVm *vm, size_t *n_jobs, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.ListJobs", in, errp);
    if (!json) {
        return NULL;
    }
    size_t count = json_array_size(json_object_get(json, "jobs"));
    VtReply *reply = vt__reply(vm->test, json, (count + 1) * sizeof(VtJob));
    VtJob *out = vt__body(reply);
    for (size_t i = 0; i < count; i++) {
        vt__decode_job(reply, json_array_get(json_object_get(json, "jobs"), i), &out[i]);
    }
    *n_jobs = count;
    return out;
}

bool vt_vm_wait_job(VtVm *vm, const char *id, const VtWaitJobOptions *options, VtJobEnd *end_out, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "id", vt__string(id));
    vt__put_wait_job_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.WaitJob", in, errp);
    if (!json) {
        return false;
    }
    if (end_out) {
        *end_out = decode_job_end(json_object_get(json, "end"));
    }
    json_decref(json);
    return true;
}

bool vt_vm_control_job(VtVm *vm, const char *id, VtJobAction action, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "id", vt__string(id));
    json_object_set_new(in, "action", vt__string(vt_job_action_name(action)));
    json_t *json = vt__call(vm->test, "org.virt-test.vm.ControlJob", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}

VtScreendumpReply *vt_vm_screendump(VtVm *vm, const VtScreendumpOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    vt__put_screendump_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.Screendump", in, errp);
    if (!json) {
        return NULL;
    }
    VtReply *reply = vt__reply(vm->test, json, sizeof(VtScreendumpReply));
    VtScreendumpReply *out = vt__body(reply);
    out->file = json_string_value(json_object_get(json, "file"));
    out->width = json_integer_value(json_object_get(json, "width"));
    out->height = json_integer_value(json_object_get(json, "height"));
    return out;
}

bool vt_vm_send_key(VtVm *vm, const char *const *keys, const VtSendKeyOptions *options, VtError **errp)
{
    json_t *in = json_object();

    json_object_set_new(in, "vm", vt__string(vm->name));
    json_object_set_new(in, "keys", vt__strings(keys));
    vt__put_send_key_options(in, options);
    json_t *json = vt__call(vm->test, "org.virt-test.vm.SendKey", in, errp);
    if (!json) {
        return false;
    }
    json_decref(json);
    return true;
}
