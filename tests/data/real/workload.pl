# Perl's hashes, strings, regular expressions, closures, sorting, pipes and interpreter threads.
use strict;
use warnings;
use threads;
use Digest::MD5 'md5_hex';

if (my $library = $ENV{EXPECT_MAPPED}) {
    open my $maps, '<', '/proc/self/maps' or die $!;
    grep { index($_, $library) >= 0 } <$maps> or die "$library is not in the memory map\n";
}

my %count;
my $text = join ' ', map { "w" . ($_ * 7919 % 5003) . "x" x ($_ % 23) } 1 .. 150_000;
$count{$1}++ while $text =~ /\b(w\d+)x*/g;
print scalar(keys %count), ' ', md5_hex(join ',', map { "$_=$count{$_}" } sort keys %count), "\n";

(my $copy = $text) =~ s/w(\d)(\d*)/sprintf '%03d', $1 + length $2/ge;
print length $copy, ' ', md5_hex($copy), "\n";

my @subs = map { my $n = $_; sub { $n += shift; "n$n" } } 1 .. 5000;
print md5_hex(join '', map { $_->(3) . $_->(4) } @subs), "\n";

my @records = map { { id => $_, key => md5_hex($_), list => [1 .. $_ % 20] } } 1 .. 40_000;
@records = sort { $a->{key} cmp $b->{key} } @records;
print join(' ', map { $records[$_ * 1000]{id} } 0 .. 39), "\n";

sub churn {
    my $seed = shift;
    my %table;
    push @{ $table{ $_ * $seed % 701 } }, 'x' x ($_ % 90) for 1 .. 20_000;
    my $sizes = join ',', map { scalar @$_ } @table{ sort keys %table };
    return join ':', $seed, scalar(keys %table), md5_hex($sizes);
}
print "$_\n" for map { $_->join } map { threads->create(\&churn, $_) } 3, 5, 7, 11;

for my $child (1 .. 3) {
    my $pid = open(my $pipe, '-|') // die $!;
    if (!$pid) { print churn(13 + $child), "\n"; exit 0 }
    print while <$pipe>;
    close $pipe or die "child: $?";
}
