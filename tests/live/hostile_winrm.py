#!/usr/bin/env python3
"""Machines that speak WinRM as nobody should, each on an address of its own: for tests/live/windows_hostile.sh alone.

usage: hostile_winrm.py list            name, address, certificate, schedule and the reasons that its wsfc probe may give, a line each
       hostile_winrm.py serve FOLDER    until killed; certificates in FOLDER/NAME.pem (key included), FOLDER/counts.json once a second

A machine is one function, called for every request: it writes what it likes to the wire. What it does not spoil, it answers well, so that
only the one evil is tried. Owns no assertion: those are the shell's."""

import gzip
import re
import sys
import time

from hostile_wire import CANARY, Ask, Gone, fragments, honest, serve

MACHINES = {}  # name: (function, reasons, certificate, schedule)
QUICK = "every: 3s, timeout: 1500ms"
PATIENT = "every: 25s, timeout: 24s"


def machine(reasons, certificate="good", schedule=QUICK):
    def add(function):
        MACHINES[function.__name__.replace("_", "-")] = (function, reasons, certificate, schedule)
        return function

    return add


def address_of(name):
    return "127.0.80.%d" % (list(MACHINES).index(name) + 1)


# ---- XML ----------------------------------------------------------------------------------------------------------------------------


@machine("bad-reply")
def truncated(ask):
    whole = ask.envelope(ask.page(fragments(honest(ask.name)["MSCluster_Node"]))).encode()
    ask.http(whole[: len(whole) * 2 // 3])


@machine("reply-too-large")
def huge(ask):
    ask.http(b"<s:Envelope>", length=400_000_000)
    for _ in range(6400):
        ask.send(b" " * 65536)


@machine("reply-too-large")
def huge_chunked(ask):
    ask.begin_chunks()
    ask.chunk(ask.envelope("").encode().replace(b"</s:Body></s:Envelope>", b"<n:EnumerateResponse><w:Items>"))
    for _ in range(4000):
        ask.chunk(b"<w:XmlFragment><Name>A</Name></w:XmlFragment>" * 1500)


@machine("reply-timeout")
def dripped(ask):
    ask.begin_chunks()
    ask.chunk(ask.envelope("").encode().replace(b"</s:Body></s:Envelope>", b"<n:EnumerateResponse><w:Items>"))
    while True:
        ask.chunk(b"<w:XmlFragment><Name>A</Name></w:XmlFragment>")
        time.sleep(0.05)


@machine("reply-timeout")
def a_byte_a_second(ask):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 1000\r\n\r\n":
        ask.send(bytes([byte]))
        time.sleep(1)


@machine("reply-too-large")
def deep(ask):
    ask.http(ask.envelope("<x>" * 100_000 + "</x>" * 100_000).encode())


@machine("reply-too-large")
def deep_row(ask):
    ask.http(ask.envelope(ask.page("<w:XmlFragment>" + "<x>" * 60_000 + "</x>" * 60_000 + "</w:XmlFragment>")).encode())


@machine("bad-reply")
def entity_bomb(ask):
    bomb = '<!DOCTYPE s [<!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaa">' + "".join(
        '<!ENTITY %s "%s">' % (chr(98 + i), ("&%s;" % chr(97 + i)) * 20) for i in range(12)) + "]>"
    ask.http((bomb + ask.envelope(ask.page("<w:XmlFragment><Name>&m;</Name></w:XmlFragment>"))).encode())


@machine("bad-reply")
def external_entity(ask):
    doctype = '<!DOCTYPE s SYSTEM "http://%s:%d/x.dtd" [<!ENTITY f SYSTEM "file:///etc/passwd"><!ENTITY %% p SYSTEM "http://%s:%d/p">%%p;]>' % (
        CANARY + CANARY)
    ask.http((doctype + ask.envelope(ask.page("<w:XmlFragment><Name>&f;</Name></w:XmlFragment>"))).encode())


@machine("bad-reply")
def wrong_namespace(ask):
    ask.http(ask.envelope(ask.page(fragments(honest(ask.name)["MSCluster_Node"])), space="http://example.org/no-soap").encode())


@machine("nothing-came")
def foreign_answer(ask):
    ask.http(ask.envelope('<x:EnumerateResponse xmlns:x="http://example.org/other"><x:Items/></x:EnumerateResponse>').encode())


@machine("bad-reply")
def wrong_encoding(ask):
    ask.http(b'<?xml version="1.0" encoding="UTF-16"?>' + ask.envelope(ask.page("")).encode())


@machine("bad-reply")
def unknown_encoding(ask):
    ask.http(b'<?xml version="1.0" encoding="x-klingon"?>' + ask.envelope(ask.page("")).encode())


@machine("bad-reply")
def broken_utf8(ask):
    ask.http(ask.envelope(ask.page("<w:XmlFragment><Name>@</Name></w:XmlFragment>")).encode().replace(b"@", b"M\xfcnchen \xc0\xaf"))


@machine("ok")
def utf16(ask):
    class Wide:  # the same, as every XML parser must be able to read it
        def sendall(self, data):
            head, _, body = data.partition(b"\r\n\r\n")
            body = body.decode().encode("utf-16")
            ask.wire.sendall(re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body)

    wide = Ask.__new__(Ask)
    wide.__dict__.update(ask.__dict__, wire=Wide())
    wide.good()


@machine("bad-reply")
def escapes(ask):
    ask.http(ask.envelope(ask.page("<w:XmlFragment><Name>&#x1b;[2J</Name></w:XmlFragment>")).encode())


# ---- WS-Management --------------------------------------------------------------------------------------------------------------------


def paged(ask, items, context, ended=False):
    if ask.verb in ("Enumerate", "Pull") and ask.wmi_class_of() == "MSCluster_Node":
        ask.http(ask.envelope(ask.page(items, "" if ended else ask.open(context), ended)).encode())
    else:
        ask.good()


def wmi_class_of(ask):
    """A Pull says nothing of its class: its context does."""
    return ask.context.split("/")[0] if ask.context else ask.wmi_class


Ask.wmi_class_of = wmi_class_of
serial = iter(range(1, 1 << 60))


@machine("too-many-rows", schedule=PATIENT)
def endless_pull(ask):
    number = next(serial)
    paged(ask, fragments([{"Name": "N%d" % number, "State": 0}]), "MSCluster_Node/%d" % number)


@machine("too-many-rows", schedule=PATIENT)
def endless_empty(ask):
    paged(ask, "", "MSCluster_Node/%d" % next(serial))


@machine("too-many-rows", schedule=PATIENT)
def same_context(ask):
    paged(ask, fragments([{"Name": "SAME", "State": 0}]), "MSCluster_Node/same")


@machine("too-many-rows", schedule=PATIENT)
def rows_100000(ask):
    page = int(ask.context.split("/")[1]) + 1 if ask.context and "/" in ask.context else 0
    rows = [{"Name": "N%d" % (page * 1000 + i), "State": 0} for i in range(1000)]
    paged(ask, fragments(rows), "MSCluster_Node/%d/%d" % (page, next(serial)), ended=page == 99)


@machine("bad-reply")
def fault_in_mid_list(ask):
    if ask.verb == "Pull":
        ask.open(ask.context)  # it failed, and stays open
        ask.http(b"<half")
    elif ask.verb == "Enumerate":
        context = ask.open("c/%d" % next(serial))
        ask.http(ask.envelope(ask.page(fragments([{"Name": "A", "State": 0}]), context, ended=False)).encode())
    else:
        ask.good()


@machine("bad-reply")
def long_context(ask):
    if ask.verb in ("Enumerate", "Pull"):
        ask.http(ask.envelope(ask.page("", "x" * 5000, ended=False)).encode())
    else:
        ask.good()


@machine("wrong-relation")
def other_id(ask):
    ask.http(ask.envelope(ask.page(fragments(honest(ask.name)["MSCluster_Node"])), relates="uuid:00000000-0000-4000-8000-000000000001").encode())


@machine("wrong-relation")
def no_id(ask):
    ask.http(ask.envelope(ask.page(fragments(honest(ask.name)["MSCluster_Node"])), relates="").encode())


@machine("wrong-relation|ok")
def answer_in_advance(ask):
    """Two answers to one request: the second lies in wait for the next one."""
    lie = ask.envelope(ask.page(fragments([{"Name": "LIE", "State": 0, "OwnerNode": "LIE", "OwnerGroup": "Role"}])))
    ask.good()
    ask.http(lie.encode())


@machine("provider-failed")
def bare_fault(ask):
    ask.fault()


@machine("http-status")
def fault_of_nobody(ask):
    ask.http(b"<html><body><h1>It works!</h1></body></html>", "500 Internal Server Error", "Content-Type: text/html\r\n")


@machine("provider-failed")
def loud_fault(ask):
    ask.fault("\u009b2J\u009b31m down \u202e\u2028 %n%s $(reboot) `id` 'x' \"y\" \n\n2026-01-01 agent started" + "A" * 10_000)


@machine("http-status")
def empty_500(ask):
    ask.http(b"", "500 Internal Server Error")


@machine("http-status")
def no_content(ask):
    ask.send(b"HTTP/1.1 204 No Content\r\n\r\n")


@machine("http-status")
def status_999(ask):
    ask.http(b"", "999 Beyond")


# ---- rows -----------------------------------------------------------------------------------------------------------------------------


@machine("ok")
def older(ask):
    """A Windows that leaves out what came later: the rest is read."""
    few = {
        "MSCluster_Node": [{"Name": "OLDER", "State": 0}, {"Name": "OLDEST"}],
        "MSCluster_ResourceGroup": [{"Name": "Role", "OwnerNode": "OLDER"}, {"Name": "Whole", "OwnerNode": "OLDER", "State": 0}],
        "MSCluster_Resource": [{"Name": "Host"}],
        "MSBTS_HostInstance": [{"HostName": "Receive", "RunningServer": "OLDER"}, {"HostName": "Whole", "RunningServer": "OLDER", "ServiceState": 4}],
        "Win32_Service": [{"Name": "BTSSvc$Whole", "State": "Running"}, {"Name": "BTSSvc$Receive"}],
    }
    ask.good(few.get(ask.wmi_class, []))


def service(ask):
    """Where the numbers are wild, at least the copy is there: else the machine would say in plain words that it is not."""
    return honest(ask.name)["Win32_Service"] if ask.wmi_class == "Win32_Service" else None


LOUD = ["\u009b2J\u009b31mred", "\u0085next\u2028line", "back\u202ewards", "tab\there", "line\nbreak", "DEL\u007f", 'quote"d', "it's", "back\\slash",
        "$(reboot)", "%n%s%n", "../../etc", "a: {b: c}", "- x #y", "\u0000".replace("\0", "nul"), "L" * 10_000, "\u00fc\u00df\u4e2d", "", "a/b/c",
        "&lt;b&gt;"]


@machine("ok")
def loud_names(ask):
    rows = []
    for i, name in enumerate(LOUD):
        rows.append({"Name": name, "OwnerNode": name, "State": 0, "OwnerGroup": name, "Type": name, "HostName": name, "RunningServer": name,
                     "ServiceState": 4, "AdapterName": name, "InboundTransportURL": name, "ReceivePortName": name, "MessagesinQueue": i})
    for row in rows:
        if ask.wmi_class == "Win32_Service":
            row["Name"] = "BTSSvc$" + row["Name"]
            row["State"] = "Running"
    ask.good(honest(ask.name).get(ask.wmi_class, []) + rows)


@machine("ok")
def wild_numbers(ask):
    node = ask.name.upper()
    rows = [{"Name": "Role", "HostName": "Receive", "RunningServer": node, "OwnerNode": node, "State": number, "ServiceState": number,
             "FailoverThreshold": number, "PendingTimeout": number, "NodeDrainStatus": number, "IsDisabled": number, "MessagesinQueue": number}
            for number in ("99999999999999999999999", "-1", "0x7fffffffffffffff", "1e999", "NaN", "online", "", "4294967296", "+0", " 0 ")]
    ask.good(service(ask) or rows)


@machine("ok")
def two_tongues(ask):
    """Everything twice, and each time otherwise."""
    node = ask.name.upper()
    ask.good(service(ask) or [{"Name": "Role", "OwnerNode": owner, "State": state, "HostName": "Receive", "RunningServer": owner, "ServiceState": state}
                              for owner in (node, "NOBODY", "", node) for state in (0, 1, 4, 0)])


# ---- HTTP -----------------------------------------------------------------------------------------------------------------------------


@machine("login-refused|backed-off")
def unauthorised(ask):
    if ask.authorized:
        ask.count("passwords")
    ask.http(b"", "401 Unauthorized", 'WWW-Authenticate: Basic realm="WSMAN"\r\nWWW-Authenticate: Negotiate %s\r\n' % ("A" * 9000))


@machine("redirected")
def redirect(ask):
    ask.http(b"", "302 Found", "Location: http://%s:%d/wsman\r\n" % CANARY)


@machine("redirected")
def redirect_post(ask):
    ask.http(b"", "307 Temporary Redirect", "Location: http://%s:%d/wsman\r\n" % CANARY)


BOMB = gzip.compress(b" " * 50_000_000)


@machine("bad-reply")
def gzip_bomb(ask):
    ask.http(BOMB, more="Content-Encoding: gzip\r\n")


@machine("bad-reply|network-error")
def chunk_garbage(ask):
    ask.begin_chunks()
    ask.send(b"zz;\x00\xff\r\nhello\r\n-1\r\n")


@machine("bad-reply|network-error")
def chunk_overflow(ask):
    ask.begin_chunks()
    ask.send(b"fffffffffffffffffffffffff\r\n<s:Envelope>")


@machine("bad-reply")
def length_negative(ask):
    ask.http(b"<s:Envelope/>", length=-1)


@machine("bad-reply|closed-early|ok")
def two_lengths(ask):
    ask.http(ask.envelope(ask.page(fragments(honest(ask.name).get(ask.wmi_class, [])))).encode(), more="Content-Length: 5\r\n")


@machine("reply-too-large")
def headers_for_ever(ask):
    ask.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        ask.send(b"X-More: and more\r\n" * 500)


@machine("reply-too-large")
def header_for_ever(ask):
    ask.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        ask.send(b"x" * 16384)


@machine("reply-too-large")
def continue_for_ever(ask):
    while True:
        ask.send(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


@machine("closed-early")
def closed_in_mid_body(ask):
    body = ask.envelope(ask.page(fragments(honest(ask.name)["MSCluster_Node"]))).encode()
    ask.http(body[:200], length=len(body))
    raise Gone


@machine("closed-early")
def closed_at_once(ask):
    raise Gone


@machine("bad-reply")
def http_0_9(ask):
    ask.send(ask.envelope(ask.page("")).encode())
    raise Gone


@machine("bad-reply")
def another_protocol(ask):
    ask.send(b"220 ftp.example.org ready\r\n")
    raise Gone


@machine("reply-timeout")
def silent(ask):
    time.sleep(30)


# ---- TLS ------------------------------------------------------------------------------------------------------------------------------


@machine("tls-expired", "expired")
def expired(ask):
    ask.good()


@machine("tls-name", "other")
def other_name(ask):
    ask.good()


@machine("tls-untrusted", "selfsigned")
def self_signed(ask):
    ask.good()


@machine("tls-failed", "none")
def no_tls(wire):
    wire.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


@machine("tls-failed", "none")
def silent_tls(wire):
    time.sleep(30)


@machine("connect-timeout", "deaf")
def deaf():
    pass


@machine("ok")
def sober(ask):
    """The control: with nothing spoiled, the same machine is read."""
    ask.good()


if sys.argv[1:] == ["list"]:
    for machine_name, (_, wanted, signed, often) in MACHINES.items():
        print(machine_name, address_of(machine_name), signed, wanted, often, sep="\t")
else:
    serve([(name, address_of(name), signed, function) for name, (function, _, signed, _) in MACHINES.items()], sys.argv[2])
