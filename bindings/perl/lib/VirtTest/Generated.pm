# Made by `cargo test -p bindings` from crates/control/idl; not to be edited.

package VirtTest::Generated;

use v5.36;

# Members of what is sent, and their types.
our %TYPES = (
    Device => { kind => 'string', id => 'string', path => 'string', format => 'string', size => 'int', bus => 'string', controller => 'string', cache => 'string', readonly => 'bool', serial => 'string', model => 'string', mac => 'string', network => 'string', requested => 'int', driver => 'string', properties => [map => 'string'] },
    MigrationParameters => { max_bandwidth => 'int', max_postcopy_bandwidth => 'int', downtime_limit => 'float', multifd_channels => 'int', multifd_compression => 'string', xbzrle_cache_size => 'int', cpu_throttle_initial => 'int', cpu_throttle_increment => 'int', max_cpu_throttle => 'int' },
);

# Errors, and what each has beyond what all have.
our %ERRORS = (
    NotFound => [qw(name known)],
    Invalid => [qw()],
    Unsupported => [qw()],
    StartFailed => [qw(stderr)],
    MonitorFailed => [qw(class description)],
    GuestFailed => [qw(agent_class)],
    TimedOut => [qw(awaited waited)],
    Unwell => [qw(finding)],
    Ended => [qw(exit)],
    PlugFailed => [qw(refused)],
    MigrationFailed => [qw(phase source destination source_state)],
    JobFailed => [qw(job)],
    HostFailed => [qw()],
);

package VirtTest::Generated::Test;

use parent -norequire, 'VirtTest::Caller';

=encoding utf8

=head2 $t->image_create($path, %options)

An empty image of `size`, or an overlay of `backing`. qcow2 if `format` is absent. `options` are those of qemu-img -o.

Options: size, format, backing, backing_format, options.

Returns image.

=cut

sub image_create ($self, $path, %options) {
    state $types = { path => 'string', size => 'int', format => 'string', backing => 'string', backing_format => 'string', options => [map => 'string'] };
    return $self->_call('org.virt-test.image.Create', $types, { %options, path => $path }, 'image');
}

=head2 $t->image_info($path)

Returns image.

=cut

sub image_info ($self, $path, %options) {
    state $types = { path => 'string' };
    return $self->_call('org.virt-test.image.Info', $types, { %options, path => $path }, 'image');
}

=head2 $t->image_chain($path)

The image, what it is an overlay of, and so on.

Returns images.

=cut

sub image_chain ($self, $path, %options) {
    state $types = { path => 'string' };
    return $self->_call('org.virt-test.image.Chain', $types, { %options, path => $path }, 'images');
}

=head2 $t->image_check($path, %options)

Options: format, repair.

Returns report.

=cut

sub image_check ($self, $path, %options) {
    state $types = { path => 'string', format => 'string', repair => 'string' };
    return $self->_call('org.virt-test.image.Check', $types, { %options, path => $path }, 'report');
}

=head2 $t->image_convert($path, $target, $format, %options)

Copies an image into one of another format.

Options: target_format.

Returns image.

=cut

sub image_convert ($self, $path, $target, $format, %options) {
    state $types = { path => 'string', target => 'string', format => 'string', target_format => 'string' };
    return $self->_call('org.virt-test.image.Convert', $types, { %options, path => $path, target => $target, format => $format }, 'image');
}

=head2 $t->image_resize($path, $format, $size, %options)

`shrink` must be said where what is cut off may be data.

Options: shrink.

Returns image.

=cut

sub image_resize ($self, $path, $format, $size, %options) {
    state $types = { path => 'string', format => 'string', size => 'int', shrink => 'bool' };
    return $self->_call('org.virt-test.image.Resize', $types, { %options, path => $path, format => $format, size => $size }, 'image');
}

=head2 $t->image_compare($path, $format, $other, $other_format)

Do two images have the same contents?

Returns same.

=cut

sub image_compare ($self, $path, $format, $other, $other_format, %options) {
    state $types = { path => 'string', format => 'string', other => 'string', other_format => 'string' };
    return $self->_call('org.virt-test.image.Compare', $types, { %options, path => $path, format => $format, other => $other, other_format => $other_format }, 'same');
}

=head2 $t->image_snapshot($path, $action, $name)

Internal snapshots of an image no machine uses.

Returns image.

=cut

sub image_snapshot ($self, $path, $action, $name, %options) {
    state $types = { path => 'string', action => 'string', name => 'string' };
    return $self->_call('org.virt-test.image.Snapshot', $types, { %options, path => $path, action => $action, name => $name }, 'image');
}

=head2 $t->image_commit($path, $format)

Writes what an overlay holds into what it is an overlay of.

=cut

sub image_commit ($self, $path, $format, %options) {
    state $types = { path => 'string', format => 'string' };
    return $self->_call('org.virt-test.image.Commit', $types, { %options, path => $path, format => $format });
}

=head2 $t->network_info($network)

A private network: how many cards are on it, and the file its traffic is recorded in.

Returns a hash of ports, capture.

=cut

sub network_info ($self, $network, %options) {
    state $types = { network => 'string' };
    return $self->_call('org.virt-test.network.Info', $types, { %options, network => $network });
}

=head2 $t->session_list()

Returns sessions.

=cut

sub session_list ($self, %options) {
    state $types = {  };
    return $self->_call('org.virt-test.session.List', $types, { %options }, 'sessions');
}

=head2 $t->info()

Returns info.

=cut

sub info ($self, %options) {
    state $types = {  };
    return $self->_call('org.virt-test.test.Info', $types, { %options }, 'info');
}

=head2 $t->params(%options)

Parameters as configured, with defaults where the reference has some; with `objects`, as these see them, outermost first:
["vm1", "nic1"] for card nic1 of machine vm1.

Options: objects.

Returns params.

=cut

sub params ($self, %options) {
    state $types = { objects => [array => 'string'] };
    return $self->_call('org.virt-test.test.Params', $types, { %options }, 'params');
}

=head2 $t->phase($phase)

Says what the test does now: shown on the live line, kept in the results.

=cut

sub phase ($self, $phase, %options) {
    state $types = { phase => 'string' };
    return $self->_call('org.virt-test.test.Phase', $types, { %options, phase => $phase });
}

=head2 $t->log($message, %options)

Writes to the test's debug.log.

Options: level.

=cut

sub log ($self, $message, %options) {
    state $types = { message => 'string', level => 'string' };
    return $self->_call('org.virt-test.test.Log', $types, { %options, message => $message });
}

=head2 $t->warn($message)

Something deserves a look: the test goes on, and ends with WARN if it passes.

=cut

sub warn ($self, $message, %options) {
    state $types = { message => 'string' };
    return $self->_call('org.virt-test.test.Warn', $types, { %options, message => $message });
}

sub _raw_skip ($self, $reason, %options) {
    state $types = { reason => 'string' };
    return $self->_call('org.virt-test.test.Skip', $types, { %options, reason => $reason });
}

sub _raw_fail ($self, $reason, %options) {
    state $types = { reason => 'string' };
    return $self->_call('org.virt-test.test.Fail', $types, { %options, reason => $reason });
}

sub _raw_error ($self, $reason, %options) {
    state $types = { reason => 'string' };
    return $self->_call('org.virt-test.test.Error', $types, { %options, reason => $reason });
}

=head2 $t->subtest($name, $verdict, %options)

A part of the test has come to its end. One that fails makes the test fail.

Options: reason.

=cut

sub subtest ($self, $name, $verdict, %options) {
    state $types = { name => 'string', verdict => 'string', reason => 'string' };
    return $self->_call('org.virt-test.test.Subtest', $types, { %options, name => $name, verdict => $verdict });
}

=head2 $t->end()

Ends a session of `virt-test serve` and its machines. Invalid in a test, which ends with its program.

=cut

sub end ($self, %options) {
    state $types = {  };
    return $self->_call('org.virt-test.test.End', $types, { %options });
}

=head2 $t->vm_list()

The machines of the configuration, running or not, and those that run.

Returns machines.

=cut

sub vm_list ($self, %options) {
    state $types = {  };
    return $self->_call('org.virt-test.vm.List', $types, { %options }, 'machines');
}


package VirtTest::Generated::Vm;

use parent -norequire, 'VirtTest::Caller';

=encoding utf8

=head2 $vm->push($guest, %options)

From `path` on the host, or `content`, to `guest`.

Options: path, content, encoding, timeout.

Returns a hash of size, sha256.

=cut

sub push ($self, $guest, %options) {
    state $types = { vm => 'string', guest => 'string', path => 'string', content => 'string', encoding => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.files.Push', $types, { %options, vm => $self->{name}, guest => $guest });
}

=head2 $vm->pull($guest, %options)

From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
UTF-8 is Invalid.

Options: path, encoding, timeout.

Returns a hash of size, sha256, content.

=cut

sub pull ($self, $guest, %options) {
    state $types = { vm => 'string', guest => 'string', path => 'string', encoding => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.files.Pull', $types, { %options, vm => $self->{name}, guest => $guest });
}

=head2 $vm->address(%options)

The address that the guest of `vm` has by a card on a private network; the first such card if `nic` is absent.

Options: nic.

Returns address.

=cut

sub address ($self, %options) {
    state $types = { vm => 'string', nic => 'string' };
    return $self->_call('org.virt-test.network.Address', $types, { %options, vm => $self->{name} }, 'address');
}

=head2 $vm->forwarded_port($port)

The port of this host that leads to one of the guest.

Returns port.

=cut

sub forwarded_port ($self, $port, %options) {
    state $types = { vm => 'string', port => 'int' };
    return $self->_call('org.virt-test.network.ForwardedPort', $types, { %options, vm => $self->{name}, port => $port }, 'port');
}

=head2 $vm->set_link($nic, $up)

Plugs the cable of a card in or pulls it out.

=cut

sub set_link ($self, $nic, $up, %options) {
    state $types = { vm => 'string', nic => 'string', up => 'bool' };
    return $self->_call('org.virt-test.network.SetLink', $types, { %options, vm => $self->{name}, nic => $nic, up => $up });
}

sub _raw_open ($self, %options) {
    state $types = { vm => 'string', channel => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.session.Open', $types, { %options, vm => $self->{name} }, 'session');
}

=head2 $vm->ssh(%options)

Logs in to the guest by SSH, and tells how a program of this host gets there, such as a user's terminal: `command` is a shell in the
guest; with more words behind it, it runs these instead. It joins the session, asks for nothing, and ends with it. The machine is one
with `shell_client = ssh`.

Options: timeout.

Returns a hash of session, command.

=cut

sub ssh ($self, %options) {
    state $types = { vm => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.session.Ssh', $types, { %options, vm => $self->{name} });
}

sub _raw_exec ($self, %options) {
    state $types = { vm => 'string', command => 'string', argv => [array => 'string'], input => 'string', env => [map => 'string'], encoding => 'string', timeout => 'float' };
    return $self->_stream('org.virt-test.session.Exec', $types, { %options, vm => $self->{name} });
}

sub _raw_console ($self, %options) {
    state $types = { vm => 'string', console => 'string', from_now => 'bool' };
    return $self->_stream('org.virt-test.session.Console', $types, { %options, vm => $self->{name} });
}

=head2 $vm->console_send($text, %options)

Types on a console. No newline is added.

Options: console.

=cut

sub console_send ($self, $text, %options) {
    state $types = { vm => 'string', text => 'string', console => 'string' };
    return $self->_call('org.virt-test.session.ConsoleSend', $types, { %options, vm => $self->{name}, text => $text });
}

=head2 $vm->console_expect($pattern, %options)

Waits until a console shows something that matches a regular expression, from the machine's start on. `before`: what came before.
`from_now`: only what is to come counts.

Options: console, from_now, timeout.

Returns a hash of before, text.

=cut

sub console_expect ($self, $pattern, %options) {
    state $types = { vm => 'string', pattern => 'string', console => 'string', from_now => 'bool', timeout => 'float' };
    return $self->_call('org.virt-test.session.ConsoleExpect', $types, { %options, vm => $self->{name}, pattern => $pattern });
}

sub _raw_agent ($self, $command, %options) {
    state $types = { vm => 'string', command => 'string', arguments => 'object', timeout => 'float' };
    return $self->_call('org.virt-test.session.Agent', $types, { %options, vm => $self->{name}, command => $command }, 'reply');
}

=head2 $vm->info()

Returns machine.

=cut

sub info ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Info', $types, { %options, vm => $self->{name} }, 'machine');
}

=head2 $vm->start(%options)

Starts a machine as the configuration says; `params` win over it, for this machine and until its next start. One of that name
that runs is killed first. A name that the configuration does not know makes a machine of the parameters all machines share.
`paused`: its CPUs do not run yet. It returns when QEMU runs; Session.Open or Exec wait for the guest.

Options: params, paused.

Returns machine.

=cut

sub start ($self, %options) {
    state $types = { vm => 'string', params => [map => 'string'], paused => 'bool' };
    return $self->_call('org.virt-test.vm.Start', $types, { %options, vm => $self->{name} }, 'machine');
}

=head2 $vm->stop(%options)

Ends a machine: asks the guest by agent, shell and ACPI, then QEMU, then kills. `ended_by` is what did it. `force`: kills at once.

Options: force.

Returns a hash of ended_by, exit.

=cut

sub stop ($self, %options) {
    state $types = { vm => 'string', force => 'bool' };
    return $self->_call('org.virt-test.vm.Stop', $types, { %options, vm => $self->{name} });
}

=head2 $vm->powerdown()

Presses the power button, and returns when QEMU has: WaitExit waits for the guest to be off.

=cut

sub powerdown ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Powerdown', $types, { %options, vm => $self->{name} });
}

=head2 $vm->reset()

Presses the reset button; returns when the machine has been reset.

=cut

sub reset ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Reset', $types, { %options, vm => $self->{name} });
}

=head2 $vm->pause()

Stops its CPUs, and lets them go on.

=cut

sub pause ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Pause', $types, { %options, vm => $self->{name} });
}

=head2 $vm->resume()

=cut

sub resume ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Resume', $types, { %options, vm => $self->{name} });
}

=head2 $vm->suspend(%options)

Lets the guest suspend itself, by its agent, and waits until it has. Suspended to disk the machine has ended.

Options: to, timeout.

=cut

sub suspend ($self, %options) {
    state $types = { vm => 'string', to => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.Suspend', $types, { %options, vm => $self->{name} });
}

=head2 $vm->wakeup()

Wakes a guest that is suspended to RAM.

=cut

sub wakeup ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Wakeup', $types, { %options, vm => $self->{name} });
}

=head2 $vm->nmi()

Sends a non-maskable interrupt.

=cut

sub nmi ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Nmi', $types, { %options, vm => $self->{name} });
}

=head2 $vm->wait_exit(%options)

Waits until QEMU has ended, however that comes.

Options: timeout.

Returns exit.

=cut

sub wait_exit ($self, %options) {
    state $types = { vm => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.WaitExit', $types, { %options, vm => $self->{name} }, 'exit');
}

=head2 $vm->wait_status($status, %options)

Waits until the machine is in a run state, such as paused.

Options: timeout.

=cut

sub wait_status ($self, $status, %options) {
    state $types = { vm => 'string', status => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.WaitStatus', $types, { %options, vm => $self->{name}, status => $status });
}

=head2 $vm->findings()

What was found to be wrong with the machine and its guest: oopses, lockups, I/O errors, …

Returns findings.

=cut

sub findings ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Findings', $types, { %options, vm => $self->{name} }, 'findings');
}

=head2 $vm->allow($finding)

Findings of this kind are what the test wants, and do not make it fail.

=cut

sub allow ($self, $finding, %options) {
    state $types = { vm => 'string', finding => 'string' };
    return $self->_call('org.virt-test.vm.Allow', $types, { %options, vm => $self->{name}, finding => $finding });
}

sub _raw_events ($self, %options) {
    state $types = { vm => 'string', since => 'int', names => [array => 'string'] };
    return $self->_stream('org.virt-test.vm.Events', $types, { %options, vm => $self->{name} });
}

=head2 $vm->wait_event($name, %options)

Waits for an event that comes, or came, from number `since` on, or since the machine's start. `match`: members its data must
have, such as {"status": "completed"}.

Options: since, match, timeout.

Returns event.

=cut

sub wait_event ($self, $name, %options) {
    state $types = { vm => 'string', name => 'string', since => 'int', match => 'object', timeout => 'float' };
    return $self->_call('org.virt-test.vm.WaitEvent', $types, { %options, vm => $self->{name}, name => $name }, 'event');
}

sub _raw_qmp ($self, $command, %options) {
    state $types = { vm => 'string', command => 'string', arguments => 'object', timeout => 'float' };
    return $self->_call('org.virt-test.vm.Qmp', $types, { %options, vm => $self->{name}, command => $command }, 'reply');
}

=head2 $vm->hmp($line)

A line of QEMU's human monitor.

Returns output.

=cut

sub hmp ($self, $line, %options) {
    state $types = { vm => 'string', line => 'string' };
    return $self->_call('org.virt-test.vm.Hmp', $types, { %options, vm => $self->{name}, line => $line }, 'output');
}

=head2 $vm->plug($device, %options)

Plugs a device in. `guest`: waits until the guest sees it, too; that needs the agent.

Options: guest, timeout.

Returns device.

=cut

sub plug ($self, $device, %options) {
    state $types = { vm => 'string', device => 'Device', guest => 'bool', timeout => 'float' };
    return $self->_call('org.virt-test.vm.Plug', $types, { %options, vm => $self->{name}, device => $device }, 'device');
}

=head2 $vm->unplug($id, %options)

Asks the guest to let go of a device, waits until it has, and takes what was behind it back. `took` is in seconds.
`guest`: waits until the guest does not see it any more, too.

Options: guest, timeout.

Returns took.

=cut

sub unplug ($self, $id, %options) {
    state $types = { vm => 'string', id => 'string', guest => 'bool', timeout => 'float' };
    return $self->_call('org.virt-test.vm.Unplug', $types, { %options, vm => $self->{name}, id => $id }, 'took');
}

=head2 $vm->devices()

Devices that were plugged in and are there still.

Returns devices.

=cut

sub devices ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.Devices', $types, { %options, vm => $self->{name} }, 'devices');
}

=head2 $vm->resize_memory($id, $size)

Requests that the guest has so much of a virtio_mem device, and waits until it has.

=cut

sub resize_memory ($self, $id, $size, %options) {
    state $types = { vm => 'string', id => 'string', size => 'int' };
    return $self->_call('org.virt-test.vm.ResizeMemory', $types, { %options, vm => $self->{name}, id => $id, size => $size });
}

sub _raw_migrate ($self, %options) {
    state $types = { vm => 'string', transport => 'string', capabilities => [array => 'string'], parameters => 'MigrationParameters', postcopy => 'bool', timeout => 'float' };
    return $self->_stream('org.virt-test.vm.Migrate', $types, { %options, vm => $self->{name} });
}

=head2 $vm->cancel_migration()

Cancels a migration under way: Migrate fails with MigrationFailed, and the source goes on.

=cut

sub cancel_migration ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.CancelMigration', $types, { %options, vm => $self->{name} });
}

=head2 $vm->save($file)

Stops the machine and writes its state to a file. Its disks go with the state.

Returns figures.

=cut

sub save ($self, $file, %options) {
    state $types = { vm => 'string', file => 'string' };
    return $self->_call('org.virt-test.vm.Save', $types, { %options, vm => $self->{name}, file => $file }, 'figures');
}

=head2 $vm->restore($file)

Starts a machine with the state of a file, and its disks as they are. The one of that name must have been saved, and is killed
first. Resume lets it run.

Returns machine.

=cut

sub restore ($self, $file, %options) {
    state $types = { vm => 'string', file => 'string' };
    return $self->_call('org.virt-test.vm.Restore', $types, { %options, vm => $self->{name}, file => $file }, 'machine');
}

=head2 $vm->save_snapshot($name, %options)

Options: timeout.

=cut

sub save_snapshot ($self, $name, %options) {
    state $types = { vm => 'string', name => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.SaveSnapshot', $types, { %options, vm => $self->{name}, name => $name });
}

=head2 $vm->load_snapshot($name, %options)

Options: timeout.

=cut

sub load_snapshot ($self, $name, %options) {
    state $types = { vm => 'string', name => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.LoadSnapshot', $types, { %options, vm => $self->{name}, name => $name });
}

=head2 $vm->delete_snapshot($name, %options)

Options: timeout.

=cut

sub delete_snapshot ($self, $name, %options) {
    state $types = { vm => 'string', name => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.vm.DeleteSnapshot', $types, { %options, vm => $self->{name}, name => $name });
}

=head2 $vm->list_snapshots()

Returns snapshots.

=cut

sub list_snapshots ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.ListSnapshots', $types, { %options, vm => $self->{name} }, 'snapshots');
}

=head2 $vm->start_job($disk, $kind, %options)

Starts a job on a disk of the machine. `target`: where mirror and backup copy to, a new qcow2 image; named and placed by itself where
absent. Further jobs are started by Qmp. `path` is the target's.

Options: id, target, speed.

Returns a hash of id, path.

=cut

sub start_job ($self, $disk, $kind, %options) {
    state $types = { vm => 'string', disk => 'string', kind => 'string', id => 'string', target => 'string', speed => 'int' };
    return $self->_call('org.virt-test.vm.StartJob', $types, { %options, vm => $self->{name}, disk => $disk, kind => $kind });
}

=head2 $vm->list_jobs()

Returns jobs.

=cut

sub list_jobs ($self, %options) {
    state $types = { vm => 'string' };
    return $self->_call('org.virt-test.vm.ListJobs', $types, { %options, vm => $self->{name} }, 'jobs');
}

=head2 $vm->wait_job($id, %options)

Waits until a job has ended; JobFailed where it failed. `ready`: only until it can be completed.

Options: ready, timeout.

Returns end.

=cut

sub wait_job ($self, $id, %options) {
    state $types = { vm => 'string', id => 'string', ready => 'bool', timeout => 'float' };
    return $self->_call('org.virt-test.vm.WaitJob', $types, { %options, vm => $self->{name}, id => $id }, 'end');
}

=head2 $vm->control_job($id, $action)

=cut

sub control_job ($self, $id, $action, %options) {
    state $types = { vm => 'string', id => 'string', action => 'string' };
    return $self->_call('org.virt-test.vm.ControlJob', $types, { %options, vm => $self->{name}, id => $id, action => $action });
}

=head2 $vm->screendump(%options)

Writes what a graphics card shows to a file (PNG where QEMU can, and the name ends so; else PPM), by default in the test's directory.
A machine has a card with `vga = std`.

Options: file.

Returns a hash of file, width, height.

=cut

sub screendump ($self, %options) {
    state $types = { vm => 'string', file => 'string' };
    return $self->_call('org.virt-test.vm.Screendump', $types, { %options, vm => $self->{name} });
}

=head2 $vm->send_key($keys, %options)

Presses keys at once and lets them go: QKeyCode of QEMU, such as ["ctrl", "alt", "delete"]. `hold` is in seconds.

Options: hold.

=cut

sub send_key ($self, $keys, %options) {
    state $types = { vm => 'string', keys => [array => 'string'], hold => 'float' };
    return $self->_call('org.virt-test.vm.SendKey', $types, { %options, vm => $self->{name}, keys => $keys });
}


package VirtTest::Generated::Session;

use parent -norequire, 'VirtTest::Caller';

=encoding utf8

=head2 $session->push($guest, %options)

From `path` on the host, or `content`, to `guest`.

Options: path, content, encoding, timeout.

Returns a hash of size, sha256.

=cut

sub push ($self, $guest, %options) {
    state $types = { session => 'string', guest => 'string', path => 'string', content => 'string', encoding => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.files.Push', $types, { %options, session => $self->{id}, guest => $guest });
}

=head2 $session->pull($guest, %options)

From `guest` to `path` on the host, or, where that is absent, into `content`, which can be 8 MiB at most. As text, a file that is no
UTF-8 is Invalid.

Options: path, encoding, timeout.

Returns a hash of size, sha256, content.

=cut

sub pull ($self, $guest, %options) {
    state $types = { session => 'string', guest => 'string', path => 'string', encoding => 'string', timeout => 'float' };
    return $self->_call('org.virt-test.files.Pull', $types, { %options, session => $self->{id}, guest => $guest });
}

=head2 $session->close()

=cut

sub close ($self, %options) {
    state $types = { session => 'string' };
    return $self->_call('org.virt-test.session.Close', $types, { %options, session => $self->{id} });
}

sub _raw_exec ($self, %options) {
    state $types = { session => 'string', command => 'string', argv => [array => 'string'], input => 'string', env => [map => 'string'], encoding => 'string', timeout => 'float' };
    return $self->_stream('org.virt-test.session.Exec', $types, { %options, session => $self->{id} });
}

1;
