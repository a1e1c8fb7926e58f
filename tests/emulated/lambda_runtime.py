"""Lambda's runtime API for one process of a function, and S3's events for it."""

import json
import os
import queue
import subprocess
import threading
import urllib.parse

from servers import Handler


class Runtime:
    """Hands out events one after the other, and keeps how each ended: `response` or `error`."""

    def __init__(self, events=()):
        self.events, self.results, self.put_so_far = queue.Queue(), {}, 0
        self.changed, self.closing = threading.Condition(), threading.Event()
        for event in events:
            self.put(event)
        runtime = self

        class Api(Handler):
            def do_GET(self):
                number, event = runtime.next()
                if event is None:
                    return
                body = json.dumps(event).encode()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", str(number))
                self.send_header("Lambda-Runtime-Deadline-Ms", "9999999999999")
                self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:1:function:f")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                *_, number, result = self.path.split("/")
                with runtime.changed:
                    runtime.results[int(number)] = result
                    runtime.changed.notify_all()
                self.respond(202, b"")

        self.handler = Api

    def put(self, event):
        with self.changed:
            self.events.put((self.put_so_far, event))
            self.put_so_far += 1

    def next(self):
        while not self.closing.is_set():
            try:
                return self.events.get(timeout=0.2)
            except queue.Empty:
                pass
        return None, None

    def wait(self, seconds):
        """Whether all events have been handled by then."""
        with self.changed:
            return self.changed.wait_for(lambda: len(self.results) == self.put_so_far, seconds)


def start(program, url, environment, **outputs):
    """Starts a function's program at the runtime API of an address."""
    name = os.path.basename(program)
    of_lambda = {"AWS_LAMBDA_FUNCTION_NAME": name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128", "AWS_LAMBDA_FUNCTION_VERSION": "1"}
    environment = {**environment, **of_lambda, "AWS_LAMBDA_RUNTIME_API": url.removeprefix("http://")}
    return subprocess.Popen([program], env=environment, **outputs)


def arrived(bucket, *keys):
    """S3's event about objects that arrived."""

    def record(key):
        place = {"bucket": {"name": bucket}, "object": {"key": urllib.parse.quote_plus(key, safe="/")}}
        return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": place}

    return {"Records": [record(key) for key in keys]}
