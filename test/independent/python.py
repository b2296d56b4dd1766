"""What Python's `email` package finds in messages: one in base64 per line of input, one JSON object per line of output.

The package is told two things that are IMAP's and not MIME's: of the message types only message/rfc822 and
message/global hold a message (RFC 3501 section 9, body-type-msg), and header fields are kept octet for octet.
"""

import base64
import datetime
import email._header_value_parser as grammar
import email.message
import email.parser
import email.policy
import email.utils
import json
import re
import sys

NAMES = {"from": "from", "sender": "sender", "reply-to": "replyTo", "to": "to", "cc": "cc", "bcc": "bcc"}
TEXTS = {"date": "date", "subject": "subject", "in-reply-to": "inReplyTo", "message-id": "messageId"}
FIELDS = ("subject", "from", "received", "x-none")


class Part(email.message.Message):
    def get_content_type(self):
        found = super().get_content_type()
        nests = found in ("message/rfc822", "message/global")
        return found if nests else found.replace("message/", "message+leaf/")


class Exact(email.policy.Compat32):
    def header_source_parse(self, lines):
        return lines[0].split(":", 1)[0], "".join(lines)

    def header_fetch_parse(self, name, value):
        return unfolded(value)


policy = Exact(message_factory=Part)


def octets(text):
    return text.encode("ascii", "surrogateescape")


def latin(data):
    return data.decode("latin1")


def unfolded(source):
    return re.sub(r"\r?\n", "", source.split(":", 1)[1]).strip(" \t")


def readable(text):
    """Undeclared octets are UTF-8 where they can be, else windows-1252."""
    data = octets(text) if any("\udc80" <= c <= "\udcff" for c in text) else text.encode()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def addresses(values):
    found = []
    for value in values:
        if value == "":
            continue
        for address in grammar.get_address_list(readable(value))[0].addresses:
            members = [mailbox(one) for one in address.all_mailboxes]
            found += members if address.display_name is None else [f"{address.display_name}:", *members, ";"]
    return found


def mailbox(one):
    """A comment is the name where there is no other, as the older of Python's two readers has it."""
    name = one.display_name or email.utils.parseaddr(str(one))[0]
    return f"{name} <{one.local_part or ''}@{one.domain or ''}>".strip()


def sent_at(value):
    try:
        date = email.utils.parsedate_to_datetime(value)
        return int((date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)).timestamp())
    except (TypeError, ValueError, OverflowError):
        return None


def envelope(message, path, seen):
    for field, key in TEXTS.items():
        values = message.get_all(field, [])
        seen[f"{path} {key}"] = latin(octets(values[0])) if values else None
    for field, key in NAMES.items():
        seen[f"{path} {key}"] = addresses(message.get_all(field, []))
    for key in ("sender", "replyTo"):
        seen[f"{path} {key}"] = seen[f"{path} {key}"] or seen[f"{path} from"]
    subject = message["subject"]
    if subject is not None:
        seen[f"{path} readable subject"] = str(email.policy.default.header_factory("subject", readable(subject)))
    if path == "":
        seen[" sent at"] = sent_at(message["date"]) if message["date"] else None
    headers(message, path, seen)


def headers(message, path, seen):
    lines = list(message.raw_items())
    end = blank_line(message)
    first = message.get_unixfrom()
    first = "" if first is None else first + end
    seen[f"{path} HEADER"] = latin(octets(first + "".join(source for _, source in lines) + end))
    chosen = [source for name, source in lines if name.lower() in FIELDS]
    others = [source for name, source in lines if name.lower() not in FIELDS]
    seen[f"{path} HEADER.FIELDS"] = latin(octets("".join(chosen) + end))
    seen[f"{path} HEADER.FIELDS.NOT"] = latin(octets(first + "".join(others) + end))


def blank_line(message):
    sources = [source for _, source in message.raw_items()]
    return "\n" if sources and sources[0].endswith("\n") and not sources[0].endswith("\r\n") else "\r\n"


def parameters(part, header):
    if header == "content-type" and part[header] is None and part.get_content_maintype() == "text":
        return {"charset": "us-ascii"}
    found = {}
    for name, value in (part.get_params(None, header, unquote=True) or [])[1:]:
        extended = isinstance(value, tuple)
        if name != "" and (extended or name.lower() not in found):
            found[name.lower()] = readable(email.utils.collapse_rfc2231_value(value))
    return found


def describe(part, path, seen):
    seen[f"{path} type"] = part.get_content_type().replace("message+leaf/", "message/")
    seen[f"{path} parameters"] = parameters(part, "content-type")
    if part.get_content_maintype() != "multipart":  # body-type-mpart has no place for these
        seen[f"{path} encoding"] = str(part.get("content-transfer-encoding", "7bit")).lower()
        seen[f"{path} id"] = part.get("content-id")
        seen[f"{path} description"] = part.get("content-description")
    disposition = part.get_content_disposition()
    seen[f"{path} disposition"] = (
        [disposition, parameters(part, "content-disposition")] if disposition is not None else None
    )


def leaf(part, path, seen):
    exact = octets(part._payload or "")
    seen[f"{path} octets"] = latin(exact)
    seen[f"{path} size"] = len(exact)
    if part.get_content_maintype() == "text":
        seen[f"{path} lines"] = exact.count(b"\n")
    seen[f"{path} decoded"] = latin(part.get_payload(decode=True) or b"")


def numbered(path, number):
    return f"{path}.{number}" if path else str(number)


def walk(part, label, path, seen):
    """`label` is the name of the part, `path` the number in front of those of its own parts."""
    describe(part, label, seen)
    if not part.is_multipart():
        leaf(part, label, seen)
    elif part.get_content_maintype() == "multipart":
        seen[f"{label} parts"] = len(part.get_payload())
        for number, child in enumerate(part.get_payload(), 1):
            inner = numbered(path, number)
            mime = "".join(source for _, source in child.raw_items())
            seen[f"{inner} MIME"] = latin(octets(mime + blank_line(child if mime else part)))
            walk(child, inner, inner, seen)
    else:
        message(part.get_payload(0), path, seen)


def message(root, path, seen):
    """RFC 3501 section 6.4.5: what is in a message that is no multipart is its part 1."""
    envelope(root, path, seen)
    multipart = root.is_multipart() and root.get_content_maintype() == "multipart"
    part = numbered(path, "TEXT" if multipart else 1)
    walk(root, part, path if multipart else part, seen)


def main():
    for line in sys.stdin:
        seen = {}
        message(email.message_from_bytes(base64.b64decode(line), policy=policy), "", seen)
        print(json.dumps(seen))


main()
