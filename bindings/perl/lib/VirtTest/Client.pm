package VirtTest::Client;

# The wire: messages of JSON that end with NUL, over a Unix socket. A connection carries one call at a time, so there are as many as there
# are calls at once.

use v5.36;

use Carp qw(croak);
use IO::Socket::UNIX;
use JSON::PP ();
use Socket qw(SOCK_STREAM);

use VirtTest::Error     ();
use VirtTest::Generated ();

use constant LONGEST => 16 << 20;

my $json = JSON::PP->new->utf8->canonical->allow_nonref;

sub new ($class, $path) {
    my $self = bless { path => $path, idle => [] }, $class;
    $self->give_back($self->take);
    return $self;
}

sub take ($self) {
    croak 'the test has been closed' unless $self->{idle};
    my $connection = pop @{ $self->{idle} };
    return $connection if $connection;
    my $socket = IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $self->{path})
        or die "virt-test does not answer at $self->{path} (is it still running?): $!\n";
    return { socket => $socket, buffer => '' };
}

sub give_back ($self, $connection) {
    push @{ $self->{idle} }, $connection if $self->{idle};
    return;
}

sub close ($self) {
    delete $self->{idle};
    return;
}

# Begins a call. What it returns gives reply after reply; when that is forgotten before the last one, the connection is closed, by which
# virt-test cancels the call.
sub talk ($self, $method, $parameters, $more) {
    my $connection = $self->take;
    my $message = $json->encode({ method => $method, parameters => $parameters, $more ? (more => JSON::PP::true) : () });
    send_all($connection->{socket}, "$message\0");
    return sub {
        return unless $connection;
        my $answer = receive($connection, $method);
        my $reply  = $answer->{parameters} // {};
        unless ($answer->{continues} && !$answer->{error}) {
            $self->give_back($connection);
            undef $connection;
        }
        die VirtTest::Error::decode($answer->{error}, $reply) if $answer->{error};
        return ($reply, !$connection);
    };
}

sub send_all ($socket, $bytes) {
    local $SIG{PIPE} = 'IGNORE';
    my $sent = 0;
    while ($sent < length $bytes) {
        my $count = syswrite $socket, $bytes, length($bytes) - $sent, $sent;
        next if !defined $count && $!{EINTR};
        die "virt-test has hung up: $!\n" unless defined $count;
        $sent += $count;
    }
    return;
}

sub receive ($connection, $method) {
    my $buffer = \$connection->{buffer};
    my $seen   = 0;
    while ((my $end = index $$buffer, "\0", $seen) < 0) {
        $seen = length $$buffer;
        die "$method: virt-test answers more than 16 MiB\n" if $seen > LONGEST;
        my $count = sysread $connection->{socket}, $$buffer, 1 << 16, $seen;
        next if !defined $count && $!{EINTR};
        die "$method: virt-test has hung up" . (defined $count ? '' : ": $!") . "\n" unless $count;
    }
    my $text = substr $$buffer, 0, index($$buffer, "\0") + 1, '';
    chop $text;
    return $json->decode($text);
}

package VirtTest::Caller;

# Makes the calls of the classes in VirtTest::Generated.

use Carp qw(croak);

sub _call ($self, $method, $types, $values, $only = undef) {
    my $next = $self->{client}->talk($method, encode($method, $types, $values), 0);
    my ($reply) = $next->();
    return defined $only ? $reply->{$only} : $reply;
}

sub _stream ($self, $method, $types, $values) {
    my $more = delete $values->{more} // 1;
    return $self->{client}->talk($method, encode($method, $types, $values), $more);
}

# Perl does not tell numbers, words and truth apart, JSON does. What is undefined is not sent.
sub encode ($place, $types, $values) {
    my %encoded;
    for my $name (keys %$values) {
        my $type = $types->{$name} // croak "$place has no '$name'; it has: " . join ', ', sort keys %$types;
        $encoded{$name} = encode_value("$place, $name", $type, $values->{$name}) if defined $values->{$name};
    }
    return \%encoded;
}

sub encode_value ($place, $type, $value) {
    if (ref $type) {
        my ($many, $inner) = @$type;
        return [map { encode_value($place, $inner, $_) } @$value] if $many eq 'array';
        return { map { ($_ => encode_value($place, $inner, $value->{$_})) } keys %$value };
    }
    return $value                                        if $type eq 'object';
    return "$value"                                      if $type eq 'string';
    return int $value                                    if $type eq 'int';
    return $value + 0                                    if $type eq 'float';
    return $value ? JSON::PP::true() : JSON::PP::false() if $type eq 'bool';
    return encode($place, $VirtTest::Generated::TYPES{$type}, $value);
}

1;
