"""The server of apps/go/handler, in Python: Flask behind waitress, as opentelemetry-instrument and ddtrace-run know it."""
import gzip
import hashlib
import json
import os
import platform
import random
import resource
import signal
import socketserver
import string
import threading

from flask import Flask, Response, request
from waitress.server import create_server

ROUNDS = 32
answered = 0
lock = threading.Lock()
app = Flask("flora")


def word(n):
    return "".join(random.choices(string.ascii_lowercase, k=n))


def work(objects, tasks):
    made = [
        {
            "id": random.getrandbits(32),
            "name": word(12),
            "price": random.random() * 100,
            "tags": [word(6), word(6)],
            "active": i % 2 == 0,
        }
        for i in range(objects)
    ]
    digest = random.randbytes(32)
    for _ in range(tasks * ROUNDS):
        digest = hashlib.sha256(digest).digest()
    return {"objects": made, "sum": digest.hex()}


def number(name, most):
    return max(0, min(request.args.get(name, 0, int), most))


@app.get("/api")
def api():
    global answered
    body = json.dumps(work(number("objects", 10000), number("tasks", 10000))).encode()
    with lock:
        answered += 1
    headers = {}
    if number("gzip", 1):
        body = gzip.compress(body, 6)
        headers["Content-Encoding"] = "gzip"
    return Response(body, headers=headers, content_type="application/json")


class Control(socketserver.StreamRequestHandler):
    """The counters, on a port of their own and below whatever is instrumented."""

    def handle(self):
        if b"/metrics" in self.rfile.readline():
            text = metrics()
        else:
            text = json.dumps({"answered": answered, "runtime": f"Python {platform.python_version()}"})
        head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: {len(text)}\r\n\r\n"
        self.wfile.write((head + text).encode())


def metrics():
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * resource.getpagesize()
    return (
        f"# TYPE app_requests_total counter\napp_requests_total {answered}\n"
        f"# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {used.ru_utime + used.ru_stime}\n"
        f"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {resident}\n"
    )


def address(name, otherwise):
    host, port = os.environ.get(name, otherwise).split(":")
    return host, int(port)


def stop(*_):
    raise SystemExit(0)


host, port = address("ADDRESS", "127.0.0.1:8080")
server = create_server(app, host=host, port=port, threads=8, connection_limit=1000)
# After the server listens: who asks here is told that it does.
socketserver.ThreadingTCPServer.allow_reuse_address = True
control = socketserver.ThreadingTCPServer(address("CONTROL", "127.0.0.1:8081"), Control)
threading.Thread(target=control.serve_forever, daemon=True).start()
signal.signal(signal.SIGTERM, stop)
server.run()
