"""Faults of S3, in the requests of the exporter and of the functions."""

import os
import signal

from fault_proxy import cut, damaged_request, dripping, flipped, forwarded_then, late, reset, respond, silent, stalled
from matrix import FAILED, QUARANTINED, STUCK, WHOLE, Case

# What the exporter writes and reads.
INVENTORY = "PUT .*/{cluster}/.*/inventory.json"
PART = "PUT .*/{cluster}/.*/allocation-"
MANIFEST = "PUT .*/{cluster}/.*/manifest.json"
RUN_REPORT = "PUT .*/{cluster}/.*/run.json"
PLAN = "GET .*/{cluster}/plan.json"
# What transform reads and writes.
READ_MANIFEST = "GET .*/{cluster}/.*/manifest.json"
READ_PART = "GET .*/{cluster}/.*/allocation-"
HEAD_OF_DAY = "HEAD .*/lake/.*_{cluster}[.]"
WRITE_DAY = "PUT .*/lake/.*_{cluster}[.]"
WRITE_ASSETS = "PUT .*/assets/.*_{cluster}[.]"
WRITE_QUARANTINE = "PUT .*/quarantine/.*/{cluster}/"
# Of multipart uploads.
BEGIN = "POST .*/{cluster}/.*[?]uploads"
UPLOAD_PART = "PUT .*/{cluster}/.*partNumber=2"
COMPLETE = "POST .*/{cluster}/.*uploadId="
COMPLETE_DAY = "POST .*/lake/.*_{cluster}[.].*uploadId="

SLOW_DOWN = respond(503, "SlowDown")
INTERNAL = respond(500, "InternalError")
DENIED = respond(403, "AccessDenied")
CONFLICT = respond(409, "ConditionalRequestConflict")
EXISTS = respond(412, "PreconditionFailed")
GONE = respond(404, "NoSuchKey")


def error_within_200(exchange, _):
    """As S3 completes a multipart upload that fails after the head of its response was sent."""
    exchange.error(200, "InternalError")


def killed(exchange, _):
    """Kills the program that sent the request."""
    os.kill(exchange.process(), signal.SIGKILL)


EXPORTER = [
    Case("S3 slows down the manifest twice", 23, WHOLE, aws=((MANIFEST, SLOW_DOWN, 2),)),
    Case("S3 slows down each part of the exporter", 50, FAILED, aws=((PART, SLOW_DOWN),), says="SlowDown"),
    Case("S3 fails at a part once", 23, WHOLE, aws=((PART, INTERNAL, 1),)),
    Case("S3 fails at the inventory once", 23, WHOLE, aws=((INVENTORY, INTERNAL, 1),)),
    Case("S3 is late", 23, WHOLE, aws=((MANIFEST, late(3)),)),
    Case("S3 takes the manifest and does not respond", 23, WHOLE, aws=((MANIFEST, silent(60), 1),)),
    Case("S3 writes the manifest and does not respond", 49, WHOLE, aws=((MANIFEST, forwarded_then(silent(60)), 1),)),
    Case("S3 breaks the connection of the manifest", 49, WHOLE, aws=((MANIFEST, reset, 1),)),
    Case("S3 writes the manifest and breaks the connection", 49, WHOLE, aws=((MANIFEST, forwarded_then(reset), 1),)),
    Case("S3 writes the manifest and responds 500", 49, WHOLE, aws=((MANIFEST, forwarded_then(INTERNAL), 1),)),
    Case("S3 writes a part and breaks the connection", 49, WHOLE, aws=((PART, forwarded_then(reset), 1),)),
    Case("S3 still works on the manifest", 49, WHOLE, aws=((MANIFEST, reset, 1), (MANIFEST, CONFLICT, 2))),
    Case("S3 has a conflict about the manifest", 49, FAILED, aws=((MANIFEST, CONFLICT),), says="ConditionalRequestConflict"),
    Case("S3 has another object under the manifest's key", 49, FAILED, aws=((MANIFEST, EXISTS),), says="manifest.json"),
    Case("S3 denies the manifest", 50, FAILED, aws=((MANIFEST, DENIED),), says="AccessDenied"),
    Case("S3 denies the inventory", 50, FAILED, aws=((INVENTORY, DENIED),), says="AccessDenied"),
    Case("S3 denies the run's report", 50, WHOLE, aws=((RUN_REPORT, DENIED),), says="report could not be written"),
    Case("S3 has no such bucket", 50, FAILED, aws=((PART, respond(404, "NoSuchBucket")),), says="NoSuchBucket"),
    Case("bucket is in another region", 29, FAILED, aws=((PART, respond(301, "PermanentRedirect")),), says="S3_BUCKET_REGION"),
    Case("bucket is of another region's signature", 29, FAILED, aws=((PART, respond(400, "AuthorizationHeaderMalformed")),), says="S3_BUCKET_REGION"),
    Case("bucket does not exist", 50, FAILED, settings={"S3_BUCKET_NAME": "no-such-bucket"}, says="NoSuchBucket|AccessDenied"),
    Case("bit flips on the way to S3", 58, FAILED, aws=((PART, damaged_request),), says="BadDigest|XAmzContentSHA256Mismatch|checksum"),
    Case("plan cannot be read", 34, WHOLE, aws=((PLAN, INTERNAL),), says="no plan"),
    Case("plan is cut short", 34, WHOLE, aws=((PLAN, respond(200, "x")),), says="no plan"),
    Case("exporter is killed before the manifest", 35, FAILED, aws=((MANIFEST, killed, 1),), status=-9),
    Case("exporter is killed within a part", 35, FAILED, aws=((PART, killed, 1),), status=-9),
    Case("exporter is killed before its report", 35, WHOLE, aws=((RUN_REPORT, killed, 1),), status=-9),
]

MULTIPART = [
    Case("upload does not begin at first", 23, WHOLE, fat=True, aws=((BEGIN, SLOW_DOWN, 1),)),
    Case("part of an upload fails once", 23, WHOLE, fat=True, aws=((UPLOAD_PART, INTERNAL, 1),)),
    Case("part of an upload is cut off once", 23, WHOLE, fat=True, aws=((UPLOAD_PART, reset, 1),)),
    Case("part of an upload fails always", 50, FAILED, fat=True, aws=((UPLOAD_PART, DENIED),), says="AccessDenied"),
    Case("completion fails behind a status 200 once", 23, WHOLE, fat=True, aws=((COMPLETE, error_within_200, 1),)),
    Case("completion fails behind a status 200 always", 50, FAILED, fat=True, aws=((COMPLETE, error_within_200),), says="InternalError"),
    Case("completion succeeds and its response is lost", 49, WHOLE, fat=True, aws=((COMPLETE, forwarded_then(reset), 1),)),
    Case("completion succeeds and responds an error behind 200", 49, WHOLE, fat=True, aws=((COMPLETE, forwarded_then(error_within_200), 1),)),
    Case("exporter is killed between two parts", 35, FAILED, fat=True, aws=((UPLOAD_PART, killed, 1),), status=-9),
]

TRANSFORM = [
    Case("manifest is read at the third attempt", 23, WHOLE, aws=((READ_MANIFEST, SLOW_DOWN, 2),)),
    Case("manifest may not be read", 35, STUCK, aws=((READ_MANIFEST, DENIED),), says="AccessDenied"),
    Case("manifest is absent once", 20, WHOLE, aws=((READ_MANIFEST, GONE, 1),)),
    Case("manifest is absent", 20, QUARANTINED, aws=((READ_MANIFEST, GONE),), says="manifest was deleted"),
    Case("staged part is absent once", 20, WHOLE, aws=((READ_PART, GONE, 1),)),
    Case("staged part is absent", 20, QUARANTINED, aws=((READ_PART, GONE),), says="is missing"),
    Case("staged part is cut short once", 20, WHOLE, aws=((READ_PART, cut(0.5), 1),)),
    Case("staged part is always cut short", 35, STUCK, aws=((READ_PART, cut(0.5)),)),
    Case("staged part has a flipped bit once", 20, WHOLE, aws=((READ_PART, flipped, 1),)),
    Case("staged part has a flipped bit", 35, STUCK, aws=((READ_PART, flipped),), says="(?i)checksum"),
    Case("staged part comes slowly", 23, WHOLE, aws=((READ_PART, dripping(20, 0.1)),)),
    Case("staged part stalls once", 23, WHOLE, aws=((READ_PART, stalled(0.3, 60), 1),)),
    Case("large staged part breaks once in its middle", 20, WHOLE, fat=True, aws=((READ_PART, cut(0.6), 1),)),
    Case("head of the day fails once", 23, WHOLE, aws=((HEAD_OF_DAY, INTERNAL, 1),)),
    Case("day is not written at first", 23, WHOLE, aws=((WRITE_DAY, SLOW_DOWN, 2),)),
    Case("day may not be written", 35, STUCK, aws=((WRITE_DAY, DENIED),), says="AccessDenied"),
    Case("day is written by another in the meantime", 14, WHOLE, aws=((WRITE_DAY, EXISTS, 1),)),
    Case("day has a conflict", 14, WHOLE, aws=((WRITE_DAY, CONFLICT, 1),)),
    Case("day is written and the response is lost", 14, WHOLE, aws=((WRITE_DAY, forwarded_then(reset), 1),)),
    Case("day is written and S3 responds 500", 14, WHOLE, aws=((WRITE_DAY, forwarded_then(INTERNAL), 1),)),
    Case("assets of the day are not written at first", 47, WHOLE, aws=((WRITE_ASSETS, INTERNAL, 1),)),
    Case("assets of the day may not be written", 47, STUCK, aws=((WRITE_ASSETS, DENIED),), says="AccessDenied"),
    Case("reason is not written at first", 12, QUARANTINED, aws=((READ_PART, GONE), (WRITE_QUARANTINE, SLOW_DOWN, 2))),
    Case("large day is not completed at first", 23, WHOLE, fat=True, aws=((COMPLETE_DAY, error_within_200, 1),)),
    Case("large day is completed and the response is lost", 14, WHOLE, fat=True, aws=((COMPLETE_DAY, forwarded_then(reset), 1),)),
]

BACKFILL = [
    Case("plan is not written at first", 36, WHOLE, aws=(("PUT .*/{cluster}/plan.json", SLOW_DOWN, 2),), settings={"PLAN_WAIT_SECONDS": "30"}, says="collected day"),
    Case("listing for a plan fails once", 36, WHOLE, aws=(("GET .*list-type.*/{cluster}/", INTERNAL, 1),), settings={"PLAN_WAIT_SECONDS": "30"}),
    Case("inventory is absent at first", 36, WHOLE, aws=(("GET .*/{cluster}/.*/inventory.json", GONE, 1),), settings={"PLAN_WAIT_SECONDS": "5"}),
]

CASES = [*EXPORTER, *MULTIPART, *TRANSFORM, *BACKFILL]
