#!/usr/bin/env perl
# The guest boots, and knows what it is.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm     = $t->main_vm;
    my $kernel = $vm->exec('uname -s')->{stdout};
    fail("this is no Linux: $kernel") unless $kernel eq "Linux\n";
    my ($uptime) = split ' ', $vm->exec('cat /proc/uptime')->{stdout};
    fail("it is up for $uptime s") unless $uptime > 0;
});
