# Hashes, regular expressions, records and sorting. Arguments: size and seed.
use strict;
use warnings;

my ($size, $seed) = @ARGV;
srand $seed;

my @words = map { 'w' . int(rand $size) . 'x' x int(rand 40) } 1 .. $size;
my %count;
$count{$_}++ for @words;
my $total = 0;
$total += $_ for values %count;
die 'words were lost' unless $total == $size;

my $text = join ' ', @words;
my %found;
$found{$1} .= 'y' while $text =~ /\b(w\d+)x*/g;
(my $copy = $text) =~ s/w(\d)(\d*)/sprintf '%03d', $1 + length $2/ge;
die 'nothing was replaced' if $copy =~ /w/;

my @records = map { { id => $_, key => $words[$_], list => [1 .. $_ % 10] } } 0 .. $size - 1;
@records = sort { $a->{key} cmp $b->{key} || $a->{id} <=> $b->{id} } @records;
$records[$_ - 1]{key} le $records[$_]{key} or die 'not sorted' for 1 .. $#records;

my %groups;
push @{ $groups{ substr $_->{key}, 0, 4 } }, $_ for @records;
my $seen = 0;
$seen += @$_ for values %groups;
print "done $seen\n";
