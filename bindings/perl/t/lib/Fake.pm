package Fake;

# A server that answers as a test says. It tells what it hears, line by line: requests as JSON, and "left" when a client has hung up.

use v5.36;

use File::Temp ();
use IO::Select;
use IO::Socket::UNIX;
use JSON::PP ();
use POSIX    ();

my $json = JSON::PP->new->utf8->canonical;

# $answer->($request, $send) is called for each request; $send->() without a message hangs up.
sub new ($class, $answer) {
    my $dir    = File::Temp->newdir;
    my $path   = "$dir/socket";
    my $server = IO::Socket::UNIX->new(Local => $path, Listen => 10) or die "$path: $!";
    pipe my $reader, my $writer or die "pipe: $!";
    my $child = fork // die "fork: $!";
    unless ($child) {
        $writer->autoflush;
        _serve($server, $writer, $answer);
        POSIX::_exit(0);
    }
    return bless { dir => $dir, path => $path, reader => $reader, child => $child, test => $$ }, $class;
}

sub _serve ($server, $writer, $answer) {
    my $all = IO::Select->new($server);
    my %text;
    while (my @ready = $all->can_read) {
        for my $socket (@ready) {
            if ($socket == $server) {
                $all->add($server->accept);
            } elsif (sysread $socket, $text{$socket}, 1 << 16, length($text{$socket} // '')) {
                while ($text{$socket} =~ s/^([^\0]*)\0//) {
                    print $writer "$1\n";
                    $answer->($json->decode("$1"), sub ($message = undef) {
                        return $socket->shutdown(2) unless $message;
                        syswrite $socket, $json->encode($message) . "\0";
                    });
                }
            } else {
                print $writer "left\n";
                $all->remove($socket);
                delete $text{$socket};
            }
        }
    }
    return;
}

# The next thing heard.
sub heard ($self) {
    my $line = readline $self->{reader} // die 'the server is gone';
    chomp $line;
    return $line eq 'left' ? $line : $json->decode($line);
}

sub DESTROY ($self) {
    return unless $$ == $self->{test};
    kill TERM => $self->{child};
    local $?;
    waitpid $self->{child}, 0;
    return;
}

1;
