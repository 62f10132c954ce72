#!/usr/bin/env perl
# A file of any bytes goes into the guest and comes back as it was; one that is not there does not.
use v5.36;
use Digest::SHA qw(sha256_hex);
use File::Compare qw(compare);
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm     = $t->main_vm;
    my $dir    = $t->info->{dir};
    my $bytes  = join '', map { chr($_ % 256) } 0 .. 99_999;
    my $digest = sha256_hex($bytes);
    open my $file, '>:raw', "$dir/there" or die "$dir/there: $!\n";
    print {$file} $bytes;
    close $file or die "$dir/there: $!\n";

    my $pushed = $vm->push('/tmp/there', path => "$dir/there");
    fail("pushed with $pushed->{sha256}") unless $pushed->{sha256} eq $digest;
    my ($inside) = split ' ', $vm->exec('sha256sum /tmp/there')->{stdout};
    fail("in the guest with $inside") unless $inside eq $digest;

    my $pulled = $vm->pull('/tmp/there', path => "$dir/back");
    fail("pulled with $pulled->{sha256}") unless $pulled->{sha256} eq $digest;
    fail('it came back changed')          unless compare("$dir/there", "$dir/back") == 0;

    fail('what is not there was pulled') if eval { $vm->pull('/nonexistent', path => "$dir/nothing"); 1 };
    die $@ unless ref $@ && $@->isa('VirtTest::Error::GuestFailed');
});
