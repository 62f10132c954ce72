#!/usr/bin/env perl
# The guest sees a network card that is plugged in, and does not when it is unplugged.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm     = $t->main_vm;
    my $cards  = sub { $vm->exec('ls /sys/class/net | wc -l')->{stdout} + 0 };
    my $before = $cards->();
    $vm->plug({ kind => 'nic', id => 'extra' }, guest => 1);
    fail("$before cards, and after plugging " . $cards->()) unless $cards->() == $before + 1;
    $vm->unplug('extra', guest => 1);
    fail("$before cards, and after unplugging " . $cards->()) unless $cards->() == $before;
});
