"""Faults of credentials: of the web identity, of the role that is assumed with it, and in the middle of an upload."""

import datetime
import re
import threading

from fault_proxy import Response, late, reset, respond, respond_text, silent
from matrix import FAILED, WHOLE, Case
from s3_cases import INTERNAL, MANIFEST, UPLOAD_PART

# Both hops: the pod's own role, and the one in the lake's account.
WEB_IDENTITY = "POST / .*Action=AssumeRoleWithWebIdentity.*role/kubecost-lake-{cluster}-"
PARENT = "POST / .*Action=AssumeRole&.*role/kubecost-lake-{cluster}-"
ANY_OF_S3 = "(PUT|POST|GET) /finops-lake/staging/.*/{cluster}/"

DENIED = respond(403, "AccessDenied")


class ShortSessions:
    """Credentials that end some seconds after they were given, and are refused from then on."""

    def __init__(self, seconds):
        self.seconds = datetime.timedelta(seconds=seconds)
        self.ends, self.lock = {}, threading.Lock()

    def give(self, exchange, _):
        found = exchange.forward()
        end = datetime.datetime.now(datetime.timezone.utc) + self.seconds
        key = re.search(b"<AccessKeyId>(.*?)</AccessKeyId>", found.body).group(1).decode()
        with self.lock:
            self.ends[key] = end
        body = re.sub(b"<Expiration>.*?</Expiration>", f"<Expiration>{end:%Y-%m-%dT%H:%M:%SZ}</Expiration>".encode(), found.body)
        exchange.send(Response(found.status, found.headers, body))

    def use(self, exchange, proxy):
        with self.lock:
            end = self.ends.get(exchange.access_key)
        if end and end < datetime.datetime.now(datetime.timezone.utc):
            return exchange.error(400, "ExpiredToken", "The provided token has expired.")
        # So that an upload takes longer than a session.
        return late(1.5)(exchange, proxy)


def short(seconds):
    sessions = ShortSessions(seconds)
    return ((PARENT, sessions.give), (ANY_OF_S3, sessions.use))


CASES = [
    Case("web identity is denied", 29, FAILED, aws=((WEB_IDENTITY, DENIED),), says="AccessDenied"),
    Case("web identity has expired", 29, FAILED, aws=((WEB_IDENTITY, respond(400, "ExpiredTokenException")),), says="ExpiredTokenException"),
    Case("web identity is not valid", 29, FAILED, aws=((WEB_IDENTITY, respond(400, "InvalidIdentityToken")),), says="InvalidIdentityToken"),
    Case("web identity cannot be verified at first", 23, WHOLE, aws=((WEB_IDENTITY, respond(400, "IDPCommunicationError"), 1),)),
    Case("web identity is throttled once", 23, WHOLE, aws=((WEB_IDENTITY, respond(400, "Throttling"), 1),)),
    Case("web identity is not answered once", 23, WHOLE, aws=((WEB_IDENTITY, silent(60), 1),)),
    Case("parent role is denied", 29, FAILED, aws=((PARENT, DENIED),), says="AccessDenied"),
    Case("parent role fails once", 23, WHOLE, aws=((PARENT, INTERNAL, 1),)),
    Case("parent role breaks the connection once", 23, WHOLE, aws=((PARENT, reset, 1),)),
    Case("parent role responds a page", 29, FAILED, aws=((PARENT, respond_text(200, "<html>Welcome</html>")),), says="(?i)credentials|STS|AssumeRole"),
    Case("token of the service account is missing", 29, FAILED, settings={"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent/token"}, says="(?i)token"),
    Case("sessions end while a day is collected", 23, WHOLE, aws=short(13)),
    Case("sessions end in the middle of an upload", 23, WHOLE, fat=True, aws=short(13)),
    Case("session is revoked at a part of an upload", 50, FAILED, fat=True, aws=((UPLOAD_PART, respond(400, "ExpiredToken")),), says="ExpiredToken"),
    Case("session is revoked before the manifest", 50, FAILED, aws=((MANIFEST, respond(403, "InvalidAccessKeyId")),), says="InvalidAccessKeyId"),
]
