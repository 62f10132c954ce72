#!/usr/bin/env perl
# A disk that is plugged in has its size and keeps what is written to it; unplugged it is gone.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm  = $t->main_vm;
    my $run = sub ($command) {
        my $output = $vm->exec($command);
        fail("$command: $output->{stderr}") unless $output->{status} == 0;
        return $output->{stdout} =~ s/\n\z//r;
    };
    my $disk   = $vm->plug({ kind => 'disk', size => 64 << 20, serial => 'spare' }, guest => 1);
    my $dir    = $run->(q{dirname $(grep -l '^spare$' /sys/block/*/serial)});
    my $device = $dir =~ s{^/sys/block}{/dev}r;
    my $size   = $run->("cat $dir/size");
    fail("$size sectors") unless $size == 131072;
    $run->("printf word >$device && sync");
    my $word = $run->("head -c 4 $device");
    fail("the word has become $word") unless $word eq 'word';
    $vm->unplug($disk->{id}, guest => 1);
    fail('the guest still has it') unless $vm->exec("test -e $dir")->{status} == 1;
});
