"""The wire of hostile_winrm.py: TLS, requests, what answers them well, and what is counted. Knows no machine."""

import json
import os
import re
import socket
import ssl
import threading
import time

PORT = 5986
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
WSMAN = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
FAULT = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
CANARY = ("127.0.80.250", 8099)  # nobody is ever sent there: whoever comes, followed something that he should not

counts = {}
lock = threading.Lock()


class Gone(Exception):
    """Nothing more is to be said on this connection."""


class Ask:
    """One request, and what answers it."""

    def __init__(self, name, wire, head, body):
        self.name, self.wire = name, wire
        text = body.decode("utf-8", "replace")
        self.id = self.first(r"MessageID>([^<]*)<", text)
        action = self.first(r"Action[^>]*>([^<]*)<", text)
        self.verb = action.rsplit("/", 1)[-1]
        self.resource = self.first(r"ResourceURI[^>]*>([^<]*)<", text)
        self.wmi_class = self.first(r"\bfrom\s+(\w+)", text) or self.resource.rsplit("/", 1)[-1]
        self.context = self.first(r"EnumerationContext>([^<]*)<", text)
        self.authorized = b"authorization:" in head.lower()
        is_method = self.resource and action.startswith(self.resource)
        self.count(("Invoke/" if is_method else "") + self.verb if self.verb else "other")
        if self.verb in ("Pull", "Release"):  # the old context is gone; a Pull may give a new one
            self.close(self.context)

    @staticmethod
    def first(pattern, text):
        found = re.search(pattern, text, re.IGNORECASE)
        return found.group(1).strip() if found else ""

    def count(self, what, number=1):
        with lock:
            mine = counts.setdefault(self.name, {})
            mine[what] = mine.get(what, 0) + number

    def open(self, context):
        with lock:
            counts.setdefault(self.name, {}).setdefault("contexts", {})[context] = True
        return context

    def close(self, context):
        with lock:
            counts.setdefault(self.name, {}).setdefault("contexts", {}).pop(context, None)

    # ---- what goes out

    def send(self, data):
        self.wire.sendall(data)

    def http(self, body, status="200 OK", more="", length=None):
        kind = "Content-Type: application/soap+xml;charset=UTF-8\r\n" if "Content-Type" not in more else ""
        size = len(body) if length is None else length
        self.send(("HTTP/1.1 %s\r\n%s%sContent-Length: %s\r\n\r\n" % (status, kind, more, size)).encode() + body)

    def begin_chunks(self):
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\nTransfer-Encoding: chunked\r\n\r\n")

    def chunk(self, data):
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def envelope(self, body, relates=None, space=ENVELOPE, action="urn:reply"):
        relates = self.id if relates is None else relates
        header = "<a:RelatesTo>%s</a:RelatesTo>" % relates if relates else ""
        return (
            '<s:Envelope xmlns:s="%s" xmlns:a="%s" xmlns:n="%s" xmlns:w="%s"><s:Header><a:Action>%s</a:Action>%s</s:Header>'
            "<s:Body>%s</s:Body></s:Envelope>" % (space, ADDRESSING, ENUMERATION, WSMAN, action, header, body)
        )

    def page(self, items, context="", ended=True):
        """Items as they come in reply to Enumerate or Pull."""
        kind = "Pull" if self.verb == "Pull" else "Enumerate"
        space = "n" if kind == "Pull" else "w"
        return "<n:%sResponse><n:EnumerationContext>%s</n:EnumerationContext><%s:Items>%s</%s:Items>%s</n:%sResponse>" % (
            kind, context, space, items, space, "<%s:EndOfSequence/>" % space if ended else "", kind)

    def fault(self, text="no", detail="", status="500 Internal Server Error"):
        body = ('<s:Fault><s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason>%s</s:Fault>'
                % (text, detail))
        self.http(self.envelope(body).encode(), status)

    def good(self, rows=None):
        """As a small healthy machine answers."""
        if self.verb in ("Enumerate", "Pull"):
            body = self.page(fragments(honest(self.name).get(self.wmi_class, []) if rows is None else rows))
        elif self.verb == "Release":
            body = ""
        else:
            body = '<p:%s_OUTPUT xmlns:p="%s"/>' % (self.verb, self.resource)
        self.http(self.envelope(body).encode())


def fragments(rows):
    return "".join(
        "<w:XmlFragment>%s</w:XmlFragment>" % "".join("<%s>%s</%s>" % (name, value, name) for name, value in row.items()) for row in rows
    )


def honest(name):
    node = name.upper()[:15]
    return {
        "MSCluster_Node": [{"Name": node, "State": 0}],
        "MSCluster_ResourceGroup": [{"Name": "Role", "OwnerNode": node, "State": 0}],
        "MSCluster_Resource": [{"Name": "Host", "Type": "Generic Service", "OwnerGroup": "Role", "OwnerNode": node, "State": 2}],
        "MSBTS_HostInstance": [{"HostName": "Receive", "RunningServer": node, "ServiceState": 4, "ConfigurationState": 1, "IsDisabled": "false"}],
        "Win32_Service": [{"Name": "BTSSvc$Receive", "State": "Running", "StartMode": "Manual"}],
    }


# ---- the server -----------------------------------------------------------------------------------------------------------------------


def requests_of(name, wire):
    pending = b""
    while True:
        while b"\r\n\r\n" not in pending:
            more = wire.recv(65536)
            if not more:
                return
            pending += more
        head, _, pending = pending.partition(b"\r\n\r\n")
        length = int(re.search(rb"content-length:\s*(\d+)", head, re.IGNORECASE).group(1))
        while len(pending) < length:
            more = wire.recv(65536)
            if not more:
                return
            pending += more
        body, pending = pending[:length], pending[length:]
        yield Ask(name, wire, head, body)


def talk(name, function, plain, context):
    plain.settimeout(60)
    try:
        if context is None:
            function(plain)
            return
        wire = context.wrap_socket(plain, server_side=True)
        for ask in requests_of(name, wire):
            function(ask)
    except (OSError, Gone):
        pass
    finally:
        plain.close()


def listen(address, handle):
    listener = socket.create_server(address, backlog=64)

    def accept():
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=handle, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def trespass(connection):
    with lock:
        counts["canary"] = counts.get("canary", 0) + 1
    connection.close()


def never_accept(address):
    """A port whose queue is full: whoever connects now hears nothing."""
    listener = socket.create_server(address, backlog=0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(address)
    return [listener] + fillers


def serve(machines, folder):
    """machines: (name, address, certificate, function), … The certificates "none" and "deaf" mean: no TLS, not even a connection."""
    threading.stack_size(256 * 1024)
    kept = []
    for name, address, certificate, function in machines:
        context = None
        if certificate == "deaf":
            kept += never_accept((address, PORT))
            continue
        if certificate != "none":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(os.path.join(folder, certificate + ".pem"))
        listen((address, PORT), lambda connection, of=(name, function), tls=context: talk(*of, connection, tls))
    counts["canary"] = 0
    listen(CANARY, trespass)
    print("ready", flush=True)
    path = os.path.join(folder, "counts.json")
    while True:
        with lock:
            told = {name: dict(of, contexts=len(of.get("contexts", {}))) if isinstance(of, dict) else of for name, of in counts.items()}
        with open(path + ".new", "w", encoding="utf-8") as out:
            json.dump(told, out)
        os.replace(path + ".new", path)
        time.sleep(0.5)
