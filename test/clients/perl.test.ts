import assert from "node:assert/strict"
import test from "node:test"
import { Mailkeep } from "../harness/mailkeep.ts"
import { absenceOfModule, run } from "./installed.ts"

const password = "correct-horse-battery"
const packages = "libmail-imapclient-perl libio-socket-ssl-perl"

const program = String.raw`
use strict; use warnings;
use Mail::IMAPClient;
my $mail = Mail::IMAPClient->new(
  Server => "localhost", Port => $ENV{PORT}, User => "alice", Password => $ENV{PASSWORD},
  Ssl => [ SSL_ca_file => $ENV{CERTIFICATE} ], Uid => 1, Compress => 1,
) or die "connect: $@";
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
ok("done", $mail->done($tag));
ok("close", $mail->close);
ok("delete", $mail->delete("Lists/perl"));
$mail->logout or die "logout";
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
