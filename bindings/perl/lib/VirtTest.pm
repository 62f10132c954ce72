package VirtTest;

use v5.36;

our $VERSION = '0.1.0';

use Exporter 'import';
our @EXPORT_OK = qw(main skip fail);

use Scalar::Util qw(blessed);

use VirtTest::Client    ();
use VirtTest::Error     ();
use VirtTest::Generated ();

=encoding utf8

=head1 NAME

VirtTest - tests of virtual machines, with virt-test

=head1 SYNOPSIS

    use VirtTest qw(main fail);

    main(sub ($t) {
        my $vm     = $t->main_vm;
        my $output = $vm->exec('uname -s', timeout => 10);
        fail('this is no Linux') unless $output->{stdout} eq "Linux\n";
    });

=head1 DESCRIPTION

A test finds virt-test by the environment variable C<VIRT_TEST_SOCKET>, which virt-test sets for its tests, and C<virt-test serve> for others.
Replies are hashes with the names of the interface. Errors are objects, see L<VirtTest::Error>. All methods that only ask are in
L<VirtTest::Generated>; here are those that do more.

=head1 FUNCTIONS

=head2 main(sub ($t) { … })

A whole test: connects, runs the code, and ends the program. What the code dies of is the verdict: that of C<skip> and C<fail>, that which
virt-test gave the error, or FAIL. SIGTERM and SIGINT end it, too.

=cut

sub main ($code) {
    my $t = eval { connect_to_virt_test() };
    unless ($t) {
        print STDERR $@;
        exit 1;
    }
    my $error;
    {
        local $SIG{TERM} = sub { die "the test was ended by SIGTERM\n" };
        local $SIG{INT}  = sub { die "the test was ended by SIGINT\n" };
        local $@;
        eval { $code->($t); 1 } or $error = $@ || 'it died of nothing';
    }
    exit $t->_conclude($error);
}

=head2 skip($reason), fail($reason)

Ends a test that cannot be done here, and one that found something wrong.

=cut

sub skip ($reason) { die _stop(skip => $reason) }
sub fail ($reason) { die _stop(fail => $reason) }

sub _stop ($verdict, $reason) { return bless { verdict => $verdict, reason => $reason }, 'VirtTest::Stop' }

=head2 VirtTest::connect_to_virt_test($socket)

Connects, where the environment says if C<$socket> is left out, and returns the test.

=cut

sub connect_to_virt_test ($socket = $ENV{VIRT_TEST_SOCKET}) {
    die "VIRT_TEST_SOCKET is not set: run this as a test of virt-test, or in a session of `virt-test serve`\n"
        unless length($socket // '');
    my $client = VirtTest::Client->new($socket =~ s/^unix://r);
    return bless { client => $client }, 'VirtTest::Test';
}

# The verdict that an error stands for, and why.
sub _judge ($error) {
    return ('pass', undef) unless defined $error;
    return ($error->verdict, $error->reason)
        if blessed $error && ($error->isa('VirtTest::Error') || $error->isa('VirtTest::Stop'));
    chomp(my $reason = "$error");
    return ('fail', $reason);
}

package VirtTest::Test;

use parent -norequire, 'VirtTest::Generated::Test';

=head1 THE TEST

=head2 $t->vm($name)

The machine of a name. Nothing is asked of virt-test yet.

=cut

sub vm ($self, $name) { return bless { client => $self->{client}, name => $name }, 'VirtTest::Vm' }

=head2 $t->main_vm

The machine that a test with one machine uses.

=cut

sub main_vm ($self) {
    my $name = $self->info->{main_vm}
        // die VirtTest::_stop(error => 'the configuration has no machine (hint: set vms and main_vm)');
    return $self->vm($name);
}

=head2 $t->skip($reason), $t->fail($reason), $t->error($reason)

Sets the verdict; the program should then end. The first verdict counts.

=cut

sub skip  ($self, $reason) { return $self->_raw_skip($reason) }
sub fail  ($self, $reason) { return $self->_raw_fail($reason) }
sub error ($self, $reason) { return $self->_raw_error($reason) }

=head2 $t->run($name, sub { … })

Does a part of the test and reports how that went, and whether it passed. If it failed, so will the test in the end.

=cut

sub run ($self, $name, $code) {
    my $error;
    {
        local $@;
        eval { $code->(); 1 } or $error = $@ || 'it died of nothing';
    }
    my ($verdict, $reason) = VirtTest::_judge($error);
    $self->subtest($name, $verdict, reason => $reason);
    return !defined $error;
}

=head2 $t->close

Hangs up. Machines and sessions stay as they are.

=cut

sub close ($self) { return $self->{client}->close }

sub _conclude ($self, $error) {
    my ($verdict, $reason) = VirtTest::_judge($error);
    return 0 if $verdict eq 'pass' || $verdict eq 'warn';
    print STDERR "$verdict: $error", "$error" =~ /\n\z/ ? '' : "\n";
    unless (eval { $self->can($verdict)->($self, $reason); 1 }) {
        print STDERR $@;
        return 1;
    }
    return $verdict eq 'skip' ? 0 : 1;
}

package VirtTest::Executor;

# What machines and sessions have in common.

sub exec ($self, $command, %options) {
    my $each = delete $options{on_output};
    my %what = ref $command ? (argv => $command) : (command => $command);
    my $next = $self->_raw_exec(%options, %what, more => defined $each);
    while (my ($reply) = $next->()) {
        return $reply->{output} if $reply->{output};
        my $chunk = $reply->{chunk} // next;
        $each->($chunk->{data}, $chunk->{stderr}) if $each;
    }
    return;
}

package VirtTest::Session;

use parent -norequire, 'VirtTest::Executor', 'VirtTest::Generated::Session';

sub id ($self) { return $self->{id} }

package VirtTest::Vm;

use parent -norequire, 'VirtTest::Executor', 'VirtTest::Generated::Vm';

=head1 MACHINES

=head2 $vm->name

Its name in the configuration.

=cut

sub name ($self) { return $self->{name} }

=head2 $vm->exec($command, %options), $session->exec($command, %options)

Runs a command in the guest: a line of shell, or a reference to an array of a program and its arguments. A status other than 0 is no error.
Returns a hash of status, signal, stdout, stderr, truncated, elapsed. Options: input, env, encoding, timeout; and
C<< on_output => sub ($data, $is_stderr) { … } >>, which is called as output comes; the hash does not repeat that. If it dies, the command is
killed.

=head2 $vm->session(%options)

Logs in to the guest; waits for a boot in progress. C<exec> does that by itself. Options: channel, timeout.

=cut

sub session ($self, %options) {
    my $id = $self->_raw_open(%options)->{id};
    return bless { client => $self->{client}, id => $id }, 'VirtTest::Session';
}

=head2 $vm->console(%options)

What a console has said so far. Option: console.

=head2 $vm->follow_console(%options)

What a console has said and will say, in pieces, until the machine ends: C<< while (defined(my $text = $console->next)) { … } >>.
It ends as well when nobody holds it any more. Options: console, from_now.

=cut

sub console ($self, %options) {
    my ($reply) = $self->_raw_console(%options, more => 0)->();
    return $reply->{text};
}

sub follow_console ($self, %options) {
    return VirtTest::Stream->new($self->_raw_console(%options), sub ($reply) { length $reply->{text} ? $reply->{text} : () });
}

=head2 $vm->events(%options)

A reference to an array of the events there have been. Options: since, names.

=head2 $vm->watch_events(%options)

The events there have been and those to come, until the machine ends: C<< while (my $event = $events->next) { … } >>. It ends as well when
nobody holds it any more. Options: since, names.

=cut

sub events ($self, %options) {
    my ($reply) = $self->_raw_events(%options, more => 0)->();
    return $reply->{events};
}

sub watch_events ($self, %options) {
    return VirtTest::Stream->new($self->_raw_events(%options),
        sub ($reply) { ($reply->{event} // (), @{ $reply->{events} // [] }) });
}

=head2 $vm->migrate(%options)

Moves the machine to another QEMU on this host. Returns a hash of figures, and standstill: for how many seconds the guest's CPUs stood still.
Options: transport, capabilities, parameters, postcopy, timeout; and C<< on_progress => sub ($figures) { … } >>. If that dies, the migration is
cancelled.

=cut

sub migrate ($self, %options) {
    my $each = delete $options{on_progress};
    my $next = $self->_raw_migrate(%options, more => defined $each);
    while (my ($reply, $last) = $next->()) {
        return $reply if $last;
        $each->($reply->{progress}) if $reply->{progress};
    }
    return;
}

=head2 $vm->qmp($command, %options), $vm->agent($command, %options)

A command of QEMU's monitor, or of the guest's agent, and what it returns. Options: arguments, timeout.

=cut

sub qmp   ($self, $command, %options) { return $self->_raw_qmp($command, %options)->{return} }
sub agent ($self, $command, %options) { return $self->_raw_agent($command, %options)->{return} }

package VirtTest::Stream;

sub new ($class, $next, $items) { return bless { next => $next, items => $items, ready => [] }, $class }

sub next ($self) {
    until (@{ $self->{ready} }) {
        my ($reply) = $self->{next}->() or return;
        push @{ $self->{ready} }, $self->{items}->($reply);
    }
    return shift @{ $self->{ready} };
}

1;
