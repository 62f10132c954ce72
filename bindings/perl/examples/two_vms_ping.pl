#!/usr/bin/env perl
# Two machines on a private network reach each other, and the network has seen it.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my ($one, $two) = map { $t->vm($_) } qw(vm1 vm2);
    $two->exec('true');    # it has booted
    my $ping = $one->exec('ping -c 3 ' . $two->address, timeout => 60);
    fail("ping: $ping->{stdout}$ping->{stderr}") unless $ping->{status} == 0;
    my $network = $t->network_info($one->info->{nics}[0]{network});
    fail("$network->{ports} cards are on it") unless $network->{ports} >= 2;
    # An empty recording has a header of 24 bytes.
    fail('no traffic was recorded') unless -s $network->{capture} > 24;
});
