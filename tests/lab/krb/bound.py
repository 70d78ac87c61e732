"""An acceptor that insists on channel bindings (mod_auth_gssapi 1.6 passes none, and so ignores the client's).
usage: bound.py CERTIFICATE KEY PORT; the keytab comes from KRB5_KTNAME"""
import base64
import hashlib
import http.server
import socketserver
import ssl
import sys

import gssapi
from gssapi.raw import ChannelBindings

certificate, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(certificate, encoding='ascii') as file:
    der = ssl.PEM_cert_to_DER_cert(file.read())
BINDINGS = ChannelBindings(application_data=b'tls-server-end-point:' + hashlib.sha256(der).digest())
CREDENTIAL = gssapi.Credentials(usage='accept')
BOUND = 2048  # GSS_C_CHANNEL_BOUND_FLAG


def judge(header):
    """status, token, text"""
    if not header.startswith('Negotiate '):
        return 401, b'', 'no token'
    try:
        context = gssapi.SecurityContext(creds=CREDENTIAL, usage='accept', channel_bindings=BINDINGS)
        context.__DEFER_STEP_ERRORS__ = False
        token = context.step(base64.b64decode(header[10:])) or b''
    except Exception as error:  # whatever it is, the client is refused
        return 401, b'', 'refused: ' + type(error).__name__
    if not int(context.actual_flags) & BOUND:
        return 401, b'', 'refused: not channel bound'
    return 200, token, 'user=%s bound' % context.initiator_name


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        status, token, text = judge(self.headers.get('Authorization', ''))
        self.send_response(status)
        self.send_header('WWW-Authenticate', ('Negotiate ' + base64.b64encode(token).decode()).strip())
        self.send_header('Content-Length', str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format, *arguments):
        print(format % arguments, flush=True)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


server = Server(('127.0.0.1', port), Handler)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(certificate, key)
server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
