//! The transform function over a bucket.
