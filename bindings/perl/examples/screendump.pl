#!/usr/bin/env perl
# What the graphics card shows comes as a picture.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $dump = $t->main_vm->screendump;
    open my $file, '<:raw', $dump->{file} or die "$dump->{file}: $!\n";
    read $file, my $head, 4;
    fail("it begins with $head") unless $head =~ /^(P6|\x89PNG)/;
    fail("$dump->{width}x$dump->{height}") unless $dump->{width} > 0 && $dump->{height} > 0;
});
