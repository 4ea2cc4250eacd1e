# Reads "SIGNAL ENCODING BASE64" lines of export requests and prints each as OTLP's JSON on a line, through Google's
# protobuf library and OpenTelemetry's own definitions. JSON input is held to them too: what they do not know is refused.
import base64
import json
import sys

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {"traces": ExportTraceServiceRequest, "metrics": ExportMetricsServiceRequest, "logs": ExportLogsServiceRequest}
IDS = ("traceId", "spanId", "parentSpanId")


def ids(value, turn):
    """OTLP's JSON has ids in hexadecimal, where protobuf's has base64: https://opentelemetry.io/docs/specs/otlp/"""
    if isinstance(value, list):
        return [ids(v, turn) for v in value]
    if isinstance(value, dict):
        return {k: turn(v) if k in IDS else ids(v, turn) for k, v in value.items()}
    return value


def resources(tree):
    """OpenTelemetry JS 0.301 writes a schemaUrl into the resource too, which receivers have to ignore."""
    for each in tree.get("resourceSpans", tree.get("resourceLogs", tree.get("resourceMetrics"))):
        each["resource"].pop("schemaUrl", None)
    return tree


for line in sys.stdin:
    signal, encoding, text = line.split()
    body = base64.b64decode(text)
    message = KINDS[signal]()
    if encoding == "json":
        tree = ids(json.loads(body), lambda v: base64.b64encode(bytes.fromhex(v)).decode())
        json_format.ParseDict(resources(tree), message)
    else:
        message.ParseFromString(body)
    tree = json_format.MessageToDict(message, use_integers_for_enums=False)
    print(json.dumps(ids(tree, lambda v: base64.b64decode(v).hex())))
