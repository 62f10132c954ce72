/* Made by `cargo test -p bindings` from crates/control/idl; not to be edited. */

#ifndef VIRT_TEST_INTERNAL_GENERATED_H
#define VIRT_TEST_INTERNAL_GENERATED_H

VtErrorKind vt__error_kind(const char *name);
void vt__decode_image_snapshot(VtReply *reply, json_t *json, VtImageSnapshot *out);
void vt__decode_image(VtReply *reply, json_t *json, VtImage *out);
void vt__decode_report(VtReply *reply, json_t *json, VtReport *out);
void vt__decode_session_info(VtReply *reply, json_t *json, VtSessionInfo *out);
void vt__decode_chunk(VtReply *reply, json_t *json, VtChunk *out);
void vt__decode_output(VtReply *reply, json_t *json, VtOutput *out);
void vt__decode_test_info(VtReply *reply, json_t *json, VtTestInfo *out);
void vt__decode_disk(VtReply *reply, json_t *json, VtDisk *out);
void vt__decode_nic(VtReply *reply, json_t *json, VtNic *out);
void vt__decode_machine(VtReply *reply, json_t *json, VtMachine *out);
void vt__decode_exit(VtReply *reply, json_t *json, VtExit *out);
void vt__decode_finding(VtReply *reply, json_t *json, VtFinding *out);
void vt__decode_event(VtReply *reply, json_t *json, VtEvent *out);
void vt__decode_plugged(VtReply *reply, json_t *json, VtPlugged *out);
void vt__decode_figures(VtReply *reply, json_t *json, VtFigures *out);
void vt__decode_snapshot(VtReply *reply, json_t *json, VtSnapshot *out);
void vt__decode_job(VtReply *reply, json_t *json, VtJob *out);
void vt__put_push_options(json_t *in, const VtPushOptions *o);
void vt__put_pull_options(json_t *in, const VtPullOptions *o);
void vt__put_image_create_options(json_t *in, const VtImageCreateOptions *o);
void vt__put_image_check_options(json_t *in, const VtImageCheckOptions *o);
void vt__put_image_convert_options(json_t *in, const VtImageConvertOptions *o);
void vt__put_image_resize_options(json_t *in, const VtImageResizeOptions *o);
void vt__put_address_options(json_t *in, const VtAddressOptions *o);
void vt__put_open_options(json_t *in, const VtOpenOptions *o);
void vt__put_ssh_options(json_t *in, const VtSshOptions *o);
void vt__put_exec_options(json_t *in, const VtExecOptions *o);
void vt__put_console_options(json_t *in, const VtConsoleOptions *o);
void vt__put_console_send_options(json_t *in, const VtConsoleSendOptions *o);
void vt__put_console_expect_options(json_t *in, const VtConsoleExpectOptions *o);
void vt__put_agent_options(json_t *in, const VtAgentOptions *o);
void vt__put_params_options(json_t *in, const VtParamsOptions *o);
void vt__put_log_options(json_t *in, const VtLogOptions *o);
void vt__put_subtest_options(json_t *in, const VtSubtestOptions *o);
void vt__put_start_options(json_t *in, const VtStartOptions *o);
void vt__put_stop_options(json_t *in, const VtStopOptions *o);
void vt__put_suspend_options(json_t *in, const VtSuspendOptions *o);
void vt__put_wait_exit_options(json_t *in, const VtWaitExitOptions *o);
void vt__put_wait_status_options(json_t *in, const VtWaitStatusOptions *o);
void vt__put_events_options(json_t *in, const VtEventsOptions *o);
void vt__put_wait_event_options(json_t *in, const VtWaitEventOptions *o);
void vt__put_qmp_options(json_t *in, const VtQmpOptions *o);
void vt__put_plug_options(json_t *in, const VtPlugOptions *o);
void vt__put_unplug_options(json_t *in, const VtUnplugOptions *o);
void vt__put_migrate_options(json_t *in, const VtMigrateOptions *o);
void vt__put_save_snapshot_options(json_t *in, const VtSaveSnapshotOptions *o);
void vt__put_load_snapshot_options(json_t *in, const VtLoadSnapshotOptions *o);
void vt__put_delete_snapshot_options(json_t *in, const VtDeleteSnapshotOptions *o);
void vt__put_start_job_options(json_t *in, const VtStartJobOptions *o);
void vt__put_wait_job_options(json_t *in, const VtWaitJobOptions *o);
void vt__put_screendump_options(json_t *in, const VtScreendumpOptions *o);
void vt__put_send_key_options(json_t *in, const VtSendKeyOptions *o);

#endif
