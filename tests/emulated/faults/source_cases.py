"""Faults of the source, in its connections and in its responses."""

import gzip
import json
import re

from fault_proxy import Response, closed, cut, dripping, endless, late, rewritten, moved, redirected, reset, respond_text, silent, stalled
from matrix import FAILED, WHOLE, Case
from recorded_clusters import DAY

# The request for the day, the one for the days that there are, and others.
ALLOCATION = r"GET /{cluster}/model/allocation\?(?!.*aggregate=)"
DAYS = r"GET /{cluster}/model/allocation\?.*aggregate=cluster"
ASSETS = r"GET /{cluster}/model/assets"
CURRENCY = r"GET /{cluster}/model/getConfigs"
MOVED = r"GET /{cluster}/moved/"
DETECTION = r"GET /{cluster}/model/allocation$"


def once(effect, pattern=ALLOCATION):
    return ((pattern, effect, 1),)


def always(effect, pattern=ALLOCATION):
    return ((pattern, effect),)


def body(change):
    """Changes the bytes of the response."""
    return rewritten(lambda response: Response(response.status, response.headers, change(response.body)))


def rows(change):
    """Changes the rows of the day."""

    def changed(text):
        response = json.loads(text)
        change(response["data"][0])
        return json.dumps(response, ensure_ascii=False).encode()

    return body(changed)


def a_row(change):
    """Changes one row."""
    return rows(lambda found: change(next(iter(found.values()))))


def number(text):
    """Writes another total cost into one row."""
    return body(lambda found: re.sub(rb'("totalCost": )[0-9.e-]+', rb"\g<1>" + text, found, count=1))


def label(text):
    """Writes other bytes into one label."""
    return body(lambda found: found.replace(b'"team-03"', b'"' + text + b'"', 1))


def nested(depth):
    """Adds a field of lists within lists to one row."""
    deep = b'"deep": ' + b"[" * depth + b"]" * depth + b', "minutes": '
    return body(lambda text: text.replace(b'"minutes": ', deep, 1))


def annotation(size):
    """Adds a long annotation to one row."""
    return a_row(lambda row: row["properties"].update(annotations={"text": "x" * size}))


def compressed(change, encoding):
    def changed(response):
        return Response(response.status, [*response.headers, *encoding], change(response.body))

    return rewritten(changed)


def another_day(found):
    """Adds a row of the day before."""
    row = json.loads(json.dumps(next(iter(found.values()))).replace(str(DAY), "2026-01-01"))
    found["of-another-day"] = row | {"name": "of-another-day", "window": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00Z"}}


def stranger(found):
    """Adds a row of another cluster."""
    row = next(iter(found.values()))
    found["stranger/pod"] = row | {"name": "stranger/pod", "properties": row["properties"] | {"cluster": "stranger"}}


def shifted(found):
    return found.replace(b"T00:00:00Z", b"T02:00:00Z")


def twice(found):
    """One key twice, as no JSON writer makes it."""
    text = json.loads(found)
    name, row = next(iter(text["data"][0].items()))
    return found.replace(b'"data": [{', b'"data": [{' + json.dumps(name).encode() + b": " + json.dumps(row).encode() + b", ", 1)


FEW_BYTES = {"KUBECOST_ALLOCATION_API_READ_TIMEOUT": "2"}

CONNECTIONS = [
    Case("source refuses connections", 29, FAILED, settings={"KUBECOST_API_ENDPOINT": "http://127.0.0.1:9"}, says="127.0.0.1:9"),
    Case("source has no name in DNS", 29, FAILED, settings={"KUBECOST_API_ENDPOINT": "http://kubecost.invalid:9090"}, says="kubecost.invalid"),
    Case("source is slow to respond", 26, WHOLE, source=always(late(3))),
    Case("source is silent", 26, FAILED, source=always(silent(20)), settings=FEW_BYTES, says="no data for 2 s"),
    Case("source falls silent within the response", 26, FAILED, source=always(stalled(0.5, 20)), settings=FEW_BYTES, says="no data for 2 s"),
    Case("source dribbles", 26, FAILED, source=always(dripping(4000, 0.2)), settings=FEW_BYTES, says="response is too slow"),
    Case("source sends the response in pieces", 26, WHOLE, source=always(dripping(20, 0.05))),
    Case("source sends without end", 27, FAILED, source=always(endless), settings={"RUN_DEADLINE_SECONDS": "4"}, status=3, says="RUN_DEADLINE_SECONDS"),
    Case("source closes each connection", 29, FAILED, source=always(reset), says="/model/allocation"),
    Case("source resets once before it responds", 24, WHOLE, source=once(reset)),
    *[Case(f"source resets once after {share:.2%} of the response", 24, WHOLE, source=once(cut(share))) for share in (0, 0.001, 0.1, 0.5, 0.9, 0.9999)],
    Case("source resets after half of each response", 24, FAILED, source=always(cut(0.5)), says="broke before the end"),
    Case("source ends the response early and well", 24, WHOLE, source=once(closed(0.7))),
    Case("source ends each response early and well", 24, FAILED, source=always(closed(0.7)), says="(?i)ends|cut|incomplete|end of"),
]

STATUSES = [
    *[Case(f"source responds {status} and then well", 24, WHOLE, source=once(respond_text(status))) for status in (408, 429, 500, 502, 503, 504)],
    Case("source names the seconds to wait", 24, WHOLE, source=once(respond_text(429, headers=[("Retry-After", "2")]))),
    Case("source responds 500 always", 24, FAILED, source=always(respond_text(500, "out of memory")), says="returned 500.*out of memory"),
    Case("source responds 401", 29, FAILED, source=always(respond_text(401)), says="SOURCE_AUTHENTICATION"),
    Case("source responds 404", 29, FAILED, source=always(respond_text(404)), says="returned 404"),
    Case("source responds 204", 40, FAILED, source=always(respond_text(204, "")), says="returned 204"),
    Case("source responds a page of a login", 40, FAILED, source=always(respond_text(200, "<html>Log in</html>")), says="(?i)html|Log in"),
    Case("source responds nothing and then well", 40, WHOLE, source=once(respond_text(200, ""))),
    Case("source fails behind a status 200 and then works", 40, WHOLE, source=once(respond_text(200, '{"code":500,"message":"busy"}'))),
    Case("source fails behind a status 200", 40, FAILED, source=always(respond_text(200, '{"code":"500","message":"busy"}')), says="busy"),
    Case("source has null instead of data", 40, FAILED, source=always(respond_text(200, '{"code":200,"data":null}')), says="null|data"),
    Case("source redirects within itself", 29, WHOLE, source=always(redirected("/model/", "/moved/")) + always(moved("/moved/", "/model/"), MOVED)),
    Case("source redirects to itself for ever", 29, FAILED, source=always(redirected("", "")), says="returned 302 .a redirect"),
]

CONTENTS = [
    Case("row of 3 MiB", 21, WHOLE, source=always(annotation(3 << 20))),
    Case("row of 5 MiB", 21, FAILED, source=always(annotation(5 << 20)), says="longer than 4194304 bytes"),
    Case("key of 1 MiB", 21, FAILED, source=always(rows(lambda found: found.update({"k" * (1 << 20): next(iter(found.values()))}))), says="(?i)key"),
    Case("values nested 100000 deep", 10, FAILED, source=always(nested(100_000)), says="(?i)deep|nest|depth"),
    Case("values nested 50 deep", 10, WHOLE, source=always(nested(50))),
    Case("objects nested without end", 10, FAILED, source=always(body(lambda _: b'{"data":' * 200_000)), says="(?i)deep|nest|depth"),
    Case("invalid UTF-8 in a label", 9, FAILED, source=always(label(b"\xff\xfe")), says="(?i)utf-8|unicode"),
    Case("half of a surrogate pair in a label", 9, FAILED, source=always(label(rb"\ud800")), says="(?i)escape|surrogate|hex"),
    Case("control character in a label", 9, FAILED, source=always(label(b"\x01")), says="(?i)control"),
    Case("letters of all kinds in a label", 10, WHOLE, source=always(label("日本語 \u202e 💰 \\u0000".encode()))),
    *[
        Case(f"total cost of {text.decode()}", 9, FAILED, source=always(number(text)), says="(?i)invalid|number|expected|finite|range")
        for text in (b"NaN", b"Infinity", b"1e999", b"0x10", b"01", b"{}")
    ],
    Case("total cost as a text", 9, WHOLE, source=always(body(lambda text: re.sub(rb'("totalCost": )([0-9.e-]+)', rb'\1"\2"', text, count=1)))),
    Case("one key twice", 2, FAILED, source=always(body(twice)), says="(?i)twice|repeated|double"),
    Case("row of another day besides", 3, WHOLE, source=always(rows(another_day))),
    Case("day shifted against UTC", 1, FAILED, source=always(body(shifted)), says="(?i)offset|shift|hours"),
    Case("rows of another cluster besides", 6, FAILED, source=always(rows(stranger)), says="stranger"),
    Case("text after the response", 10, FAILED, source=always(body(lambda text: text + b" and more")), says="(?i)after|trailing|more"),
    Case("byte order mark before the response", 10, FAILED, source=always(body(lambda text: b"\xef\xbb\xbf" + text)), says="(?i)json|begins|expected"),
    Case("gzip that was not asked for", 25, WHOLE, source=always(compressed(gzip.compress, [("Content-Encoding", "gzip")]))),
    Case("gzip without a header", 25, WHOLE, source=always(compressed(gzip.compress, []))),
    Case("gzip cut short", 25, FAILED, source=always(compressed(lambda text: gzip.compress(text)[:-100], [("Content-Encoding", "gzip")])), says="(?i)ended before its end|not valid"),
    Case("gzip bomb", 25, FAILED, source=always(compressed(lambda _: gzip.compress(b" " * (64 << 20)), [("Content-Encoding", "gzip")])), says="more than 1000 times"),
    Case("unknown compression", 25, FAILED, source=always(compressed(lambda text: text, [("Content-Encoding", "br")])), says="'br'"),
]

OTHER_REQUESTS = [
    Case("days of the source unknown", 34, WHOLE, source=always(respond_text(500), DAYS), says="cannot query the days"),
    Case("assets fail", 11, WHOLE, source=always(respond_text(500), ASSETS), says="assets unavailable"),
    Case("assets are silent", 11, WHOLE, source=always(silent(20), ASSETS), settings={"KUBECOST_ASSETS_API_READ_TIMEOUT": "1"}, says="assets unavailable"),
    Case("assets with NaN", 11, WHOLE, source=always(body(lambda text: re.sub(rb'("totalCost": )[0-9.e-]+', rb"\1NaN", text)), ASSETS), says="assets unavailable"),
    Case("assets cut once", 11, WHOLE, source=once(cut(0.5), ASSETS)),
    Case("detection fails once", 24, WHOLE, source=once(respond_text(503), DETECTION)),
    Case("currency cannot be queried", 53, FAILED, source=always(respond_text(500), CURRENCY), says="SOURCE_CURRENCY"),
    Case("currency cannot be queried at first", 53, WHOLE, source=once(respond_text(500), CURRENCY)),
]

CASES = [*CONNECTIONS, *STATUSES, *CONTENTS, *OTHER_REQUESTS]
