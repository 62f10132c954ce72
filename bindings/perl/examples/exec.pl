#!/usr/bin/env perl
# A command gets its input; its status, output and errors come back, and its output comes while it runs.
use v5.36;
use FindBin;
use lib "$FindBin::Bin/../lib";
use VirtTest qw(main fail);

main(sub ($t) {
    my $vm     = $t->main_vm;
    my $output = $vm->exec([ 'sh', '-c', 'cat; echo err >&2; exit 3' ], input => 'in');
    fail("status $output->{status}")          unless $output->{status} == 3;
    fail("standard output $output->{stdout}") unless $output->{stdout} eq 'in';
    fail("standard error $output->{stderr}")  unless $output->{stderr} eq "err\n";

    my @pieces;
    $vm->exec('for i in 1 2 3; do echo $i; sleep 0.1; done', on_output => sub ($data, $is_stderr) { push @pieces, $data });
    fail('all output came at once') unless @pieces > 1;
    fail("it said @pieces")         unless join('', @pieces) eq "1\n2\n3\n";
});
