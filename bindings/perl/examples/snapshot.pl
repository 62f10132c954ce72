#!/usr/bin/env perl
# A snapshot takes the machine back to when it was made.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm    = $t->main_vm;
    my $names = sub { join ' ', map { $_->{name} } @{ $vm->list_snapshots } };
    $vm->exec('echo before >/tmp/when');
    $vm->save_snapshot('one');
    fail('snapshots: ' . $names->()) unless $names->() eq 'one';
    $vm->exec('echo after >/tmp/when');
    $vm->load_snapshot('one');
    my $when = $vm->exec('cat /tmp/when')->{stdout};
    fail("it is $when") unless $when eq "before\n";
    $vm->delete_snapshot('one');
    fail('snapshots: ' . $names->()) unless $names->() eq '';
});
