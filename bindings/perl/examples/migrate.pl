#!/usr/bin/env perl
# A machine migrates to another QEMU, and its guest has not forgotten anything.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm = $t->main_vm;
    $vm->exec('echo word >/tmp/word');
    my $pid      = $vm->info->{pid};
    my $progress = 0;
    my $migrated = $vm->migrate(transport => 'unix', on_progress => sub ($figures) { $progress++ });
    my $status   = $migrated->{figures}{status};
    fail('there was no progress before the end') unless $progress;
    fail("it ended as $status")                  unless $status eq 'completed';
    fail('QEMU is the same')                     unless $vm->info->{pid} != $pid;
    my $word = $vm->exec('cat /tmp/word')->{stdout};
    fail("the word has become $word") unless $word eq "word\n";
});
