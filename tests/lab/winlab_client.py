#!/usr/bin/python3
"""Asks a node by WS-Management with somebody else's client (python3-winrm), so that winlab is not only judged by solowarden's own.

usage: winlab_client.py [option …] query NAMESPACE WQL
       winlab_client.py [option …] leave NAMESPACE WQL            reads one page and never comes back
       winlab_client.py [option …] get NAMESPACE CLASS KEY=VALUE…
       winlab_client.py [option …] invoke NAMESPACE CLASS METHOD KEY=VALUE… -- PARAMETER=VALUE…
Prints JSON. A fault is {"fault": code, "text": …} and exit status 1; a wrong password {"refused": true} and 2.
"""
import argparse
import json
import re
import sys
import uuid
import xml.etree.ElementTree as ElementTree

import xmltodict
from winrm.exceptions import InvalidCredentialsError, WinRMError
from winrm.protocol import Protocol

WMI = "http://schemas.microsoft.com/wbem/wsman/1/wmi/"
ENUMERATION = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
TRANSFER = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
WQL = "http://schemas.microsoft.com/wbem/wsman/1/WQL"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def local(element):
    return element.tag.rpartition("}")[2]


def value_of(element):
    if element.get(NIL) == "true":
        return None
    if len(element) == 0:
        return element.text or ""
    inner = {local(child): value_of(child) for child in element}
    return inner["Datetime"] if list(inner) == ["Datetime"] else inner


def object_of(element):
    """One instance; a property that comes several times is a list."""
    row = {}
    for child in element:
        name, value = local(child), value_of(child)
        if name in row:
            row[name] = (row[name] if isinstance(row[name], list) else [row[name]]) + [value]
        else:
            row[name] = value
    return row


class Node:
    def __init__(self, options):
        with open(options.password_file, encoding="utf-8") as file:
            password = file.read().strip()
        self.protocol = Protocol(endpoint=options.url, transport="basic", username=options.user, password=password,
                                 ca_trust_path=options.ca, server_cert_validation="validate",
                                 read_timeout_sec=20, operation_timeout_sec=10)
        self.page = options.page

    def ask(self, action, resource, body, keys=None):
        """The body of the reply; it must be the reply to this very request."""
        message_id = uuid.uuid4()
        envelope = self.protocol._get_soap_header(action=action, resource_uri=resource, message_id=message_id)
        if keys:
            envelope["env:Header"]["w:SelectorSet"] = {
                "w:Selector": [{"@Name": name, "#text": value} for name, value in keys.items()]}
        envelope["env:Body"] = body
        reply = ElementTree.fromstring(self.protocol.send_message(xmltodict.unparse({"env:Envelope": envelope})))
        relates_to = next(element for element in reply.iter() if local(element) == "RelatesTo")
        if relates_to.text != f"uuid:{message_id}":
            raise ValueError("a reply to another request")
        return next(element for element in reply if local(element) == "Body")

    def query(self, namespace, wql, leave=False):
        resource = WMI + namespace + "/*"
        reply = self.ask(ENUMERATION + "/Enumerate", resource, {"n:Enumerate": {
            "w:OptimizeEnumeration": None, "w:MaxElements": str(self.page),
            "w:Filter": {"@Dialect": WQL, "#text": wql}}})
        rows, pages = [], 1
        while True:
            response = reply[0]
            parts = {local(part): part for part in response}
            rows += [object_of(item) for item in parts.get("Items", [])]
            if "EndOfSequence" in parts or leave:
                return {"rows": rows, "pages": pages}
            pages += 1
            reply = self.ask(ENUMERATION + "/Pull", resource, {"n:Pull": {
                "n:EnumerationContext": parts["EnumerationContext"].text, "n:MaxElements": str(self.page)}})

    def get(self, namespace, name, keys):
        return object_of(self.ask(TRANSFER + "/Get", f"{WMI}{namespace}/{name}", {}, keys)[0])

    def invoke(self, namespace, name, method, keys, parameters):
        resource = f"{WMI}{namespace}/{name}"
        body = {f"m:{method}_INPUT": {"@xmlns:m": resource, **{f"m:{key}": value for key, value in parameters.items()}}}
        return object_of(self.ask(f"{resource}/{method}", resource, body, keys)[0])


def pairs(words):
    return dict(word.split("=", 1) for word in words)


def run(node, options):
    if options.verb in ("query", "leave"):
        return node.query(options.namespace, options.rest[0], options.verb == "leave")
    if options.verb == "get":
        return node.get(options.namespace, options.rest[0], pairs(options.rest[1:]))
    words = options.rest + ["--"]
    middle = words.index("--")
    return node.invoke(options.namespace, words[0], words[1], pairs(words[2:middle]),
                       pairs([word for word in words[middle:] if word != "--"]))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--user", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--page", type=int, default=32000, help="items a page")
    parser.add_argument("verb", choices=["query", "leave", "get", "invoke"])
    parser.add_argument("namespace")
    parser.add_argument("rest", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    try:
        json.dump(run(Node(options), options), sys.stdout)
        print()
        return 0
    except InvalidCredentialsError:
        print(json.dumps({"refused": True}))
        return 2
    except WinRMError as error:
        code = re.search(r"'wsmanfault_code': '(\d+)'", str(error))
        print(json.dumps({"fault": code.group(1) if code else None, "text": str(error)}))
        return 1


sys.exit(main())
