#!/usr/bin/env perl
# The monitor answers, its events come in order, and what it refuses is an error of its own kind.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm     = $t->main_vm;
    my $status = $vm->qmp('query-status')->{status};
    fail("it is $status") unless $status eq 'running';
    my $since = $vm->info->{cursor};
    $vm->pause;
    my $stop = $vm->wait_event('STOP', since => $since);
    $vm->resume;
    my $resume = $vm->wait_event('RESUME', since => $since);
    fail('they came in the wrong order') unless $stop->{seq} < $resume->{seq};
    fail('QEMU knows no-such-command') if eval { $vm->qmp('no-such-command'); 1 };
    die $@ unless ref $@ && $@->isa('VirtTest::Error::MonitorFailed');
    fail('its class is ' . $@->class) unless $@->class eq 'CommandNotFound';
});
