import assert from "node:assert/strict"
import test from "node:test"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absenceOfModule, run } from "./installed.ts"

const password = "correct-horse-battery"
const packages = "libmail-imapclient-perl libio-socket-ssl-perl"

const program = String.raw`
use strict; use warnings;
use Mail::IMAPClient;
sub connected {
  my $client = Mail::IMAPClient->new(
    Server => "localhost", Port => $ENV{PORT}, User => "alice", Password => $ENV{PASSWORD},
    Ssl => [ SSL_ca_file => $ENV{CERTIFICATE} ], Uid => 1, Compress => 1,
  );
  return $client || die "connect: $@";
}
my ($mail, $other) = (connected(), connected());
sub ok { my ($what, $answer) = @_; defined $answer or die "$what: " . $mail->LastError; return $answer }
ok("create", $mail->create("Lists/perl"));
my $letter = "From: Ben <ben\@example.org>\r\nSubject: %s\r\n\r\nbody of %s\r\n";
my $first = ok("append", $mail->append_string("Lists/perl", sprintf($letter, "one", "one"), '\Seen'));
my $second = ok("append", $mail->append_string("Lists/perl", sprintf($letter, "two", "two")));
ok("select", $mail->select("Lists/perl"));
2 == ok("count", $mail->message_count) or die "count";
my @unseen = $mail->unseen;
"@unseen" eq "$second" or die "unseen: @unseen";
my @found = $mail->search("SUBJECT", $mail->Quote("one"));
"@found" eq "$first" or die "search: @found";
ok("string", $mail->message_string($first)) eq sprintf($letter, "one", "one") or die "octets";
"two" eq ok("subject", $mail->subject($second)) or die "subject";
my $envelope = ok("envelope", $mail->get_envelope($second));
$envelope->subject eq "two" or die "envelope";
my $structure = ok("structure", $mail->get_bodystructure($first));
lc($structure->bodytype) eq "text" or die "structure";
ok("flag", $mail->set_flag("Flagged", $first));
grep { $_ eq '\Flagged' } $mail->flags($first) or die "flags";
ok("move", $mail->move("Archive", $first));
ok("expunge", $mail->expunge);
1 == ok("count", $mail->message_count) or die "after move";
1 == ok("status", $mail->message_count("Archive")) or die "archive";
ok("idle", my $tag = $mail->idle);
ok("append", $other->append_string("Lists/perl", sprintf($letter, "three", "three")));
my @pushed = $mail->idle_data(30);
grep { /^\* 2 EXISTS/ } @pushed or die "pushed: @pushed";
ok("done", $mail->done($tag));
my @sorted = $mail->sort("REVERSE ARRIVAL", "UTF-8", "ALL");
"@sorted" eq "3 2" or die "sort: @sorted";
my $thread = ok("thread", scalar $mail->thread("REFERENCES", "UTF-8", "ALL"));
2 == @$thread or die "thread";
my @ages = $mail->since(time - 86400);
"@ages" eq "2 3" or die "since: @ages";
my $seen = $mail->fetch_hash("RFC822.SIZE", "FLAGS", "INTERNALDATE");
$$seen{3}{"RFC822.SIZE"} == length(sprintf($letter, "three", "three")) or die "size";
ok("copy", $mail->copy("Trash", 2, 3));
ok("delete", $mail->delete_message(3));
ok("uidexpunge", $mail->uidexpunge("3"));
1 == ok("count", $mail->message_count) or die "after uidexpunge";
2 == ok("status", $mail->message_count("Trash")) or die "trash";
ok("close", $mail->close);
ok("delete", $mail->delete("Lists/perl"));
ok("create", $mail->create("Lists/&ANw-bersicht"));
ok("rename", $mail->rename("Lists/&ANw-bersicht", "Lists/&AMQ-pfel &- Birnen"));
grep { $_ eq "Lists/&AMQ-pfel &- Birnen" } $mail->folders or die "folders";
$_->logout or die "logout" for $other, $mail;
print "done\n";
`

test("Perl's Mail::IMAPClient works, compressed where it can", {
  skip: absenceOfModule("perl", ["-MMail::IMAPClient", "-MIO::Socket::SSL", "-e1"], packages),
}, async (t) => {
  const mailkeep = await Mailkeep.start(t, { alice: password })
  const { code, stdout, stderr } = await run("perl", ["-e", program], {
    env: { CERTIFICATE: mailkeep.paths.certificate, PORT: String(mailkeep.ports.imaps), PASSWORD: password },
  })
  assert.equal(code, 0, stderr)
  assert.equal(stdout.toString(), "done\n")
})
