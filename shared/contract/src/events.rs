//! The events that start functions: S3 notifications, EventBridge's "Object Created", either of them in SQS messages,
//! and the schedule. Keys in S3 notifications are URL-encoded, keys in EventBridge events are not: this is the one
//! place that knows.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use crate::clock::Clock;

/// An object arrived, or was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectCreated {
    /// The bucket's name.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
}

/// An event, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Objects that arrived. Empty for S3's test event and for events about anything but arrival.
    Objects(Vec<ObjectCreated>),
    /// SQS messages, each of which succeeds or fails on its own.
    Queue(Vec<QueueMessage>),
    /// The schedule.
    Schedule,
}

/// One SQS message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// What SQS wants to hear of the messages that failed.
    pub id: String,
    /// The objects that the message lists.
    pub objects: Result<Vec<ObjectCreated>, EventError>,
}

/// An event of a shape that no trigger of this product sends.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not one of the shapes above.
    #[error(
        "the event is neither an S3 notification, an EventBridge 'Object Created' event, SQS messages of these, nor the schedule: check the function's triggers"
    )]
    Shape,
    /// A record lacks its bucket or key.
    #[error("an object event lacks '{0}'")]
    Field(&'static str),
    /// A key that is not UTF-8 once decoded.
    #[error("the key '{0}' is not UTF-8 once URL-decoded")]
    Key(String),
}

impl Event {
    /// Reads an event as Lambda hands it over.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn read(event: &Value) -> Result<Self, EventError> {
        if let Some(records) = event.get("Records").and_then(Value::as_array) {
            let from_queue = records
                .first()
                .is_some_and(|record| text(record, "/eventSource") == Some("aws:sqs"));
            return if from_queue {
                records
                    .iter()
                    .map(QueueMessage::read)
                    .collect::<Result<_, _>>()
                    .map(Self::Queue)
            } else {
                read_notification(records).map(Self::Objects)
            };
        }
        if text(event, "/Event") == Some("s3:TestEvent") {
            return Ok(Self::Objects(Vec::new()));
        }
        match (text(event, "/source"), text(event, "/detail-type")) {
            (Some("aws.s3"), Some("Object Created")) => {
                let field = |pointer, name| text(event, pointer).ok_or(EventError::Field(name));
                Ok(Self::Objects(vec![ObjectCreated {
                    bucket: field("/detail/bucket/name", "detail.bucket.name")?.to_owned(),
                    key: field("/detail/object/key", "detail.object.key")?.to_owned(),
                }]))
            }
            (Some("aws.s3"), Some(_)) => Ok(Self::Objects(Vec::new())),
            (_, Some("Scheduled Event")) => Ok(Self::Schedule),
            _ => Err(EventError::Shape),
        }
    }
}

impl QueueMessage {
    fn read(record: &Value) -> Result<Self, EventError> {
        let id = text(record, "/messageId")
            .ok_or(EventError::Field("messageId"))?
            .to_owned();
        let body = text(record, "/body").and_then(|body| serde_json::from_str(body).ok());
        let objects = match body.as_ref().map(Event::read) {
            Some(Ok(Event::Objects(objects))) => Ok(objects),
            Some(Err(error)) => Err(error),
            Some(Ok(_)) | None => Err(EventError::Shape),
        };
        Ok(Self { id, objects })
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> Option<&'a str> {
    value.pointer(pointer).and_then(Value::as_str)
}

fn read_notification(records: &[Value]) -> Result<Vec<ObjectCreated>, EventError> {
    let mut objects = Vec::with_capacity(records.len());
    for record in records {
        match (text(record, "/eventSource"), text(record, "/eventName")) {
            (Some("aws:s3"), Some(name)) if name.starts_with("ObjectCreated:") => {
                let field = |pointer, name| text(record, pointer).ok_or(EventError::Field(name));
                objects.push(ObjectCreated {
                    bucket: field("/s3/bucket/name", "s3.bucket.name")?.to_owned(),
                    key: decode_key(field("/s3/object/key", "s3.object.key")?)?,
                });
            }
            (Some("aws:s3"), Some(_)) => {}
            _ => return Err(EventError::Shape),
        }
    }
    Ok(objects)
}

/// Undoes the URL-encoding of keys in S3 notifications: `%3D` is `=`, `+` is a space.
fn decode_key(encoded: &str) -> Result<String, EventError> {
    let spaced = encoded.replace('+', " ");
    percent_decode_str(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| EventError::Key(encoded.to_owned()))
}

/// What S3 leaves as it is in notification keys: letters, digits and `-_.*/`.
const KEPT: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'!')
    .add(b'"')
    .add(b'#')
    .add(b'$')
    .add(b'%')
    .add(b'&')
    .add(b'\'')
    .add(b'(')
    .add(b')')
    .add(b'+')
    .add(b',')
    .add(b':')
    .add(b';')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'@')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~');

/// The notification that S3 sends when an object arrives; also what a re-delivery sends, so that a function cannot tell
/// the two apart. `event_name` is `ObjectCreated:Put` or `ObjectCreated:CompleteMultipartUpload`.
pub fn notification(object: &ObjectCreated, event_name: &str, region: &str, clock: &dyn Clock) -> Value {
    let key = utf8_percent_encode(&object.key, &KEPT).to_string().replace("%20", "+");
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": region,
            "eventTime": clock.now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "eventName": event_name,
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": object.bucket, "arn": format!("arn:aws:s3:::{}", object.bucket) },
                "object": { "key": key },
            },
        }]
    })
}

/// The event of the schedule, as EventBridge sends it.
pub fn schedule(clock: &dyn Clock) -> Value {
    json!({
        "version": "0",
        "source": "aws.events",
        "detail-type": "Scheduled Event",
        "time": clock.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "detail": {},
    })
}

/// The response to SQS: the messages to deliver again.
pub fn batch_response(failed: &[String]) -> Value {
    let failures: Vec<Value> = failed.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failures })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::FixedClock;
    use proptest::prelude::*;

    fn clock() -> FixedClock {
        FixedClock("2026-11-24T05:00:00Z".parse().unwrap())
    }

    fn object(key: &str) -> ObjectCreated {
        ObjectCreated {
            bucket: "lake".to_owned(),
            key: key.to_owned(),
        }
    }

    proptest! {
        #[test]
        fn any_key_survives_a_notification(key in "\\PC{1,80}") {
            let event = notification(&object(&key), "ObjectCreated:Put", "us-east-1", &clock());
            prop_assert_eq!(Event::read(&event), Ok(Event::Objects(vec![object(&key)])));
        }
    }

    #[test]
    fn hive_keys_are_encoded_as_s3_does() {
        let event = notification(
            &object("lake/account_id=1/a b+c"),
            "ObjectCreated:Put",
            "us-east-1",
            &clock(),
        );
        assert_eq!(
            event.pointer("/Records/0/s3/object/key").unwrap(),
            "lake/account_id%3D1/a+b%2Bc"
        );
    }

    #[test]
    fn eventbridge_keys_are_taken_as_they_are() {
        let event = json!({
            "source": "aws.s3", "detail-type": "Object Created",
            "detail": { "bucket": { "name": "lake" }, "object": { "key": "a%3Db+c" } },
        });
        assert_eq!(Event::read(&event), Ok(Event::Objects(vec![object("a%3Db+c")])));
    }

    #[test]
    fn queue_messages_fail_one_by_one() {
        let good = notification(&object("k"), "ObjectCreated:Put", "us-east-1", &clock()).to_string();
        let record = |id: &str, body: &str| json!({ "eventSource": "aws:sqs", "messageId": id, "body": body });
        let event = json!({ "Records": [record("1", &good), record("2", "nonsense")] });
        let Ok(Event::Queue(messages)) = Event::read(&event) else {
            panic!("not a queue")
        };
        assert_eq!(messages[0].objects, Ok(vec![object("k")]));
        assert_eq!(messages[1].objects, Err(EventError::Shape));
        assert_eq!(
            batch_response(&["2".to_owned()]),
            json!({ "batchItemFailures": [{ "itemIdentifier": "2" }] })
        );
    }

    #[test]
    fn other_events_are_distinguished() {
        assert_eq!(Event::read(&schedule(&clock())), Ok(Event::Schedule));
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake" });
        assert_eq!(Event::read(&test), Ok(Event::Objects(Vec::new())));
        let removed = json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete" }] });
        assert_eq!(Event::read(&removed), Ok(Event::Objects(Vec::new())));
        assert_eq!(Event::read(&json!({ "hello": 1 })), Err(EventError::Shape));
        let lacking = json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {} }] });
        assert_eq!(Event::read(&lacking), Err(EventError::Field("s3.bucket.name")));
    }
}
