package VirtTest::Error;

use v5.36;

use JSON::PP ();

use VirtTest::Generated ();

use overload '""' => \&text, bool => sub { 1 }, fallback => 1;

=encoding utf8

=head1 NAME

VirtTest::Error - what every error of virt-test is

=head1 SYNOPSIS

    eval { $vm->pull('/nonexistent'); 1 } or do {
        my $error = $@;
        die $error unless ref $error && $error->isa('VirtTest::Error::GuestFailed');
        say $error->message;
    };

=head1 METHODS

C<code>, its name on the wire, such as C<org.virt-test.error.NotFound>; C<message>, a sentence that says what failed; C<hint>, what may mend
it; C<where>, the machine, file or other thing it is about; C<verdict>, what a test that knows nothing better ends with; C<last_words>, the last
that was heard of guest, firmware, monitor and QEMU. Classes such as C<VirtTest::Error::NotFound> have more, by the names of the interface.

=cut

for my $field (qw(code message hint where verdict last_words)) {
    no strict 'refs';
    *{$field} = sub ($self) { $self->{$field} };
}

for my $name (keys %VirtTest::Generated::ERRORS) {
    no strict 'refs';
    my $class = "VirtTest::Error::$name";
    @{"${class}::ISA"} = ('VirtTest::Error');
    for my $field (@{ $VirtTest::Generated::ERRORS{$name} }) {
        *{"${class}::$field"} = sub ($self) { $self->{$field} };
    }
}

sub decode ($code, $parameters) {
    my ($name) = $code =~ /^org\.virt-test\.error\.(\w+)$/;
    my $class = $name && $VirtTest::Generated::ERRORS{$name} ? "VirtTest::Error::$name" : 'VirtTest::Error';
    my $self = bless { verdict => 'error', %$parameters, code => $code }, $class;
    $self->{message} //= "$code " . JSON::PP->new->canonical->encode($parameters);
    return $self;
}

sub reason ($self) {
    return $self->message . (defined $self->hint ? ' (hint: ' . $self->hint . ')' : '');
}

sub text ($self, @) {
    return join "\n", $self->reason, $self->last_words // (), '';
}

package VirtTest::Stop;

use overload '""' => sub ($self, @) { "$self->{reason}\n" }, bool => sub { 1 }, fallback => 1;

sub verdict ($self) { $self->{verdict} }
sub reason  ($self) { $self->{reason} }

1;
