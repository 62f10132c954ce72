use v5.36;

use FindBin;
use lib "$FindBin::Bin/../lib", "$FindBin::Bin/lib";

use Test::More;

use Fake;
use VirtTest;

sub always ($message) {
    return sub ($request, $send) { $send->($message) };
}

sub connected ($answer) {
    my $fake = Fake->new($answer);
    return ($fake, VirtTest::connect_to_virt_test($fake->{path}));
}

subtest 'without a socket the error names virt-test serve' => sub {
    ok !eval { VirtTest::connect_to_virt_test(undef) };
    like $@, qr/VIRT_TEST_SOCKET is not set.*virt-test serve/;
    ok !eval { VirtTest::connect_to_virt_test('/nowhere') };
    like $@, qr{does not answer at /nowhere};
};

subtest 'parameters and options are sent with their types' => sub {
    my ($fake, $t) = connected(always({ parameters => { device => { id => 'extra', kind => 'disk' } } }));
    my $device = { kind => 'disk', size => '64', readonly => 0, properties => { write_zeroes => 1 } };
    my $plugged = $t->vm('vm1')->plug($device, guest => 1, timeout => '2.5');
    is $plugged->{id}, 'extra';
    my $request = JSON::PP->new->canonical->encode($fake->heard);
    is $request,
        '{"method":"org.virt-test.vm.Plug","parameters":{"device":{"kind":"disk","properties":{"write_zeroes":"1"},'
        . '"readonly":false,"size":64},"guest":true,"timeout":2.5,"vm":"vm1"}}';
};

subtest 'an option that there is not is refused, with those there are' => sub {
    my ($fake, $t) = connected(always({}));
    ok !eval { $t->vm('vm1')->wait_status('paused', patience => 3) };
    like $@, qr/WaitStatus has no 'patience'; it has: status, timeout, vm/;
};

subtest 'an error has its class' => sub {
    my ($fake, $t) = connected(always({
        error      => 'org.virt-test.error.NotFound',
        parameters => { message => 'no vm9', hint => 'try vm1', verdict => 'error', name => 'vm9', known => ['vm1'] },
    }));
    ok !eval { $t->vm('vm9')->info };
    my $error = $@;
    isa_ok $error, 'VirtTest::Error::NotFound';
    isa_ok $error, 'VirtTest::Error';
    is $error->code, 'org.virt-test.error.NotFound';
    is "$error", "no vm9 (hint: try vm1)\n";
    is_deeply $error->known, ['vm1'];
};

subtest 'an error of an unknown name is a VirtTest::Error' => sub {
    my ($fake, $t) = connected(always({ error => 'org.varlink.service.MethodNotFound', parameters => { method => 'x' } }));
    ok !eval { $t->phase('x') };
    is ref $@, 'VirtTest::Error';
    is $@->verdict, 'error';
    is $@->message, 'org.varlink.service.MethodNotFound {"method":"x"}';
};

subtest 'output comes while the command runs, and may call' => sub {
    my ($fake, $t) = connected(sub ($request, $send) {
        state $first;
        if ($request->{method} =~ /Exec/) {
            $first = $send;
            $send->({ parameters => { chunk => { stderr => JSON::PP::false, data => '1' } }, continues => JSON::PP::true });
        } else {
            $send->({ parameters => {} });
            $first->({ parameters => { chunk => { stderr => JSON::PP::true, data => '2' } }, continues => JSON::PP::true });
            $first->({ parameters => { output => { status => 3, stdout => '', stderr => '' } } });
        }
    });
    my $all    = '';
    my $output = $t->vm('vm1')->exec([ 'x', 1 ], on_output => sub ($data, $is_stderr) {
        $all .= $is_stderr ? "($data)" : $data;
        $t->phase('seen') if $data eq '1';
    });
    is $all, '1(2)';
    is $output->{status}, 3;
    is_deeply $fake->heard,
        { method => 'org.virt-test.session.Exec', parameters => { vm => 'vm1', argv => [ 'x', '1' ] }, more => JSON::PP::true };
};

subtest 'a callback that dies hangs up, and the next call connects anew' => sub {
    my ($fake, $t) = connected(sub ($request, $send) {
        $send->({ parameters => { progress => { status => 'active' } }, continues => JSON::PP::true })
            if $request->{method} =~ /Migrate/;
        $send->({ parameters => {} }) if $request->{method} =~ /Phase/;
    });
    ok !eval { $t->vm('vm1')->migrate(transport => 'unix', on_progress => sub ($figures) { die "enough\n" }) };
    is $@, "enough\n";
    $fake->heard;
    is $fake->heard, 'left';
    ok eval { $t->phase('x'); 1 };
};

subtest 'events come until they are forgotten' => sub {
    my ($fake, $t) = connected(sub ($request, $send) {
        $send->({ parameters => { events => [ { name => 'STOP' }, { name => 'RESUME' } ] }, continues => JSON::PP::true });
        $send->({ parameters => { event => { name => 'RESET' }, events => [] }, continues => JSON::PP::true });
    });
    my $events = $t->vm('vm1')->watch_events;
    is join(' ', map { $events->next->{name} } 1 .. 3), 'STOP RESUME RESET';
    $fake->heard;
    undef $events;
    is $fake->heard, 'left';
};

subtest 'qmp gives what QEMU returns' => sub {
    my ($fake, $t) = connected(always({ parameters => { reply => { return => { status => 'running' } } } }));
    is $t->vm('vm1')->qmp('query-status')->{status}, 'running';
};

subtest 'a session is of its id' => sub {
    my ($fake, $t) = connected(sub ($request, $send) {
        $send->({ parameters => $request->{method} =~ /Open/ ? { session => { id => 's1' } } : { output => { stdout => 'x' } } });
    });
    my $session = $t->vm('vm1')->session(channel => 'agent');
    is $session->exec('x')->{stdout}, 'x';
    $fake->heard;
    is_deeply $fake->heard, { method => 'org.virt-test.session.Exec', parameters => { session => 's1', command => 'x' } };
};

subtest 'a server that hangs up is an error that says so' => sub {
    my ($fake, $t) = connected(sub ($request, $send) { $send->() });
    ok !eval { $t->phase('x') };
    like $@, qr/virt-test has hung up/;
};

subtest 'a long message comes whole' => sub {
    my ($fake, $t) = connected(always({ parameters => { output => "\x{e4}" x 50_000 } }));
    is $t->vm('vm1')->hmp('info'), "\x{e4}" x 50_000;
};

subtest 'a part that fails is reported' => sub {
    my ($fake, $t) = connected(always({ parameters => {} }));
    ok !$t->run(half => sub { die "odd\n" });
    my $told = $fake->heard->{parameters};
    is "$told->{name} $told->{verdict} $told->{reason}", 'half fail odd';
};

for my $case (
    [ 'skip("no disk")',        'Skip',  'no disk',                 0 ],
    [ 'fail("wrong")',          'Fail',  'wrong',                   1 ],
    [ 'die "oops\n"',           'Fail',  'oops',                    1 ],
    [ '$t->phase("x")',         'Skip',  'no NUMA (hint: buy some)', 0 ],
    [ 'kill TERM => $$; sleep', 'Fail',  'the test was ended by SIGTERM', 1 ],
    [ '1',                      undef,   undef,                     0 ],
    )
{
    my ($body, $method, $reason, $status) = @$case;
    subtest "a program of $body ends with " . ($method // 'Pass') => sub {
        my $fake = Fake->new(sub ($request, $send) {
            my %unsupported = (message => 'no NUMA', hint => 'buy some', verdict => 'skip');
            $send->($request->{method} =~ /Phase/
                ? { error => 'org.virt-test.error.Unsupported', parameters => \%unsupported }
                : { parameters => {} });
        });
        local $ENV{VIRT_TEST_SOCKET} = "unix:$fake->{path}";
        open my $errors, '>&', \*STDERR or die $!;
        open STDERR, '>', '/dev/null' or die $!;
        my $exit = system $^X, (map { "-I$_" } @INC), '-MVirtTest=main,skip,fail', '-E', "use v5.36; main(sub (\$t) { $body })";
        open STDERR, '>&', $errors or die $!;
        is $exit >> 8, $status;
        my @told;
        while ((my $heard = $fake->heard) ne 'left') {
            push @told, $heard unless $heard->{method} =~ /Phase/;
        }
        is_deeply \@told,
            $method ? [ { method => "org.virt-test.test.$method", parameters => { reason => $reason } } ] : [];
    };
}

done_testing;
