# What does SpamAssassin say of mails? One process for all: their files as arguments, a line of JSON for each.
use strict;
use warnings;
use JSON::PP;
use Mail::SpamAssassin;

my $filter = Mail::SpamAssassin->new({
    rules_filename => '/usr/share/spamassassin',
    site_rules_filename => '/etc/spamassassin',
    userprefs_filename => '/etc/spamassassin.prefs',
    userstate_dir => '/var/lib/spamassassin',
    dont_copy_prefs => 1,
    local_tests_only => 1,
});
$filter->compile_now(0, 1);
for my $file (@ARGV) {
    open my $in, '<', $file or die "$file: $!";
    my $mail = $filter->parse(do { local $/; <$in> }, 1);
    my $said = $filter->check($mail);
    # Each rule has four scores: for a filter that asks the network or not, and that learns or not.
    my %rules = map { my $rule = $_; $rule => [map { $filter->{conf}{scoreset}[$_]{$rule} + 0 } 0 .. 3] }
        split /,/, $said->get_names_of_tests_hit();
    print encode_json({score => $said->get_score() + 0, rules => \%rules}), "\n";
    $said->finish();
    $mail->finish();
}
