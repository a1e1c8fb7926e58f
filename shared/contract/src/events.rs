//! The events that start functions: S3 notifications, EventBridge's "Object Created", the schedule, and what a person
//! sends. Keys in S3 notifications are URL-encoded, keys in EventBridge events are not: only this module knows.

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

/// The `detail-type` of [`Event::RemoveGonePartitions`].
pub const REMOVE_GONE_PARTITIONS: &str = "Remove Gone Partitions";

/// A parsed event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Objects that arrived. Empty for S3's test event and for events that are not about arrival.
    Objects(Vec<ObjectCreated>),
    /// The schedule.
    Schedule,
    /// A person says that partitions without objects are to be removed from the catalog at once.
    RemoveGonePartitions,
}

/// An event that no trigger of this product sends; the message says what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: check the function's triggers")]
pub struct EventError(String);

impl EventError {
    fn shape() -> Self {
        Self(
            "the event is neither an S3 notification, an EventBridge 'Object Created' event, nor the schedule, nor 'Remove Gone Partitions'"
                .to_owned(),
        )
    }

    fn field(name: &str) -> Self {
        Self(format!("an object event has no '{name}'"))
    }
}

impl Event {
    /// Reads an event as Lambda hands it over.
    ///
    /// # Errors
    /// When it has another shape.
    pub fn read(event: &Value) -> Result<Self, EventError> {
        if let Some(records) = event.get("Records").and_then(Value::as_array) {
            return read_notification(records).map(Self::Objects);
        }
        if text(event, "/Event") == Some("s3:TestEvent") {
            return Ok(Self::Objects(Vec::new()));
        }
        match (text(event, "/source"), text(event, "/detail-type")) {
            (Some("aws.s3"), Some("Object Created")) => {
                let field = |pointer, name| text(event, pointer).ok_or_else(|| EventError::field(name));
                Ok(Self::Objects(vec![ObjectCreated {
                    bucket: field("/detail/bucket/name", "detail.bucket.name")?.to_owned(),
                    key: field("/detail/object/key", "detail.object.key")?.to_owned(),
                }]))
            }
            (Some("aws.s3"), Some(_)) => Ok(Self::Objects(Vec::new())),
            (_, Some("Scheduled Event")) => Ok(Self::Schedule),
            (_, Some(REMOVE_GONE_PARTITIONS)) => Ok(Self::RemoveGonePartitions),
            _ => Err(EventError::shape()),
        }
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
                let field = |pointer, name| text(record, pointer).ok_or_else(|| EventError::field(name));
                objects.push(ObjectCreated {
                    bucket: field("/s3/bucket/name", "s3.bucket.name")?.to_owned(),
                    key: decode_key(field("/s3/object/key", "s3.object.key")?)?,
                });
            }
            (Some("aws:s3"), Some(_)) => {}
            _ => return Err(EventError::shape()),
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
        .map_err(|_| EventError(format!("the key '{encoded}' is not UTF-8 once URL-decoded")))
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
    fn other_events_are_distinguished() {
        assert_eq!(Event::read(&schedule(&clock())), Ok(Event::Schedule));
        let by_a_person = json!({ "detail-type": REMOVE_GONE_PARTITIONS });
        assert_eq!(Event::read(&by_a_person), Ok(Event::RemoveGonePartitions));
        let test = json!({ "Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "lake" });
        assert_eq!(Event::read(&test), Ok(Event::Objects(Vec::new())));
        let removed = json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectRemoved:Delete" }] });
        assert_eq!(Event::read(&removed), Ok(Event::Objects(Vec::new())));
        let deleted = json!({ "source": "aws.s3", "detail-type": "Object Deleted" });
        assert_eq!(Event::read(&deleted), Ok(Event::Objects(Vec::new())));
        assert_eq!(Event::read(&json!({ "hello": 1 })), Err(EventError::shape()));
        let lacking = json!({ "Records": [{ "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {} }] });
        assert_eq!(Event::read(&lacking), Err(EventError::field("s3.bucket.name")));
    }
}
