//! Listings of the bucket.

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use chrono::{DateTime, Utc};

use crate::{
    error::StoreError,
    store::{Store, utc},
};

/// An object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The key.
    pub key: String,
    /// The object's size.
    pub bytes: u64,
    /// When it was last written, UTC.
    pub modified: DateTime<Utc>,
    /// Identifies the object's content.
    pub etag: Option<String>,
}

/// One page of a listing: at most 1,000 entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Objects, in the order of their keys.
    pub objects: Vec<Listed>,
    /// With a delimiter: the prefixes below the one that was asked for, each with its trailing delimiter.
    pub prefixes: Vec<String>,
}

/// A listing, page by page.
#[derive(Debug)]
pub struct Listing {
    store: Store,
    prefix: String,
    start_after: Option<String>,
    delimiter: Option<String>,
    next: Next,
}

#[derive(Debug)]
enum Next {
    First,
    Token(String),
    Ended,
}

impl Store {
    /// Lists keys below a prefix, in their order.
    pub fn list(&self, prefix: impl Into<String>) -> Listing {
        Listing {
            store: self.clone(),
            prefix: prefix.into(),
            start_after: None,
            delimiter: None,
            next: Next::First,
        }
    }
}

impl Listing {
    /// Begins after a key, which need not exist.
    #[must_use]
    pub fn start_after(self, key: impl Into<String>) -> Self {
        Self {
            start_after: Some(key.into()),
            ..self
        }
    }

    /// Gathers keys that go on with a `/` after the prefix into [`Page::prefixes`].
    #[must_use]
    pub fn folders(self) -> Self {
        Self {
            delimiter: Some("/".to_owned()),
            ..self
        }
    }

    /// The next page; `None` after the last.
    ///
    /// # Errors
    /// When S3 refuses or fails. The same page can be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<Page>, StoreError> {
        let token = match &self.next {
            Next::First => None,
            Next::Token(token) => Some(token.clone()),
            Next::Ended => return Ok(None),
        };
        let store = &self.store;
        let output = store
            .client
            .list_objects_v2()
            .bucket(&store.bucket)
            .prefix(&self.prefix)
            .set_start_after(self.start_after.clone())
            .set_delimiter(self.delimiter.clone())
            .set_continuation_token(token)
            .set_expected_bucket_owner(store.bucket_owner())
            .send()
            .await
            .map_err(|error| StoreError::call("ListObjectsV2", &store.bucket, &self.prefix, error))?;
        self.next = match &output.next_continuation_token {
            Some(token) if output.is_truncated == Some(true) => Next::Token(token.clone()),
            _ => Next::Ended,
        };
        Ok(Some(Page::from(output)))
    }

    /// All remaining objects.
    ///
    /// # Errors
    /// As [`Listing::next_page`].
    pub async fn objects(mut self) -> Result<Vec<Listed>, StoreError> {
        let mut objects = Vec::new();
        while let Some(page) = self.next_page().await? {
            objects.extend(page.objects);
        }
        Ok(objects)
    }

    /// All remaining prefixes, with [`Listing::folders`].
    ///
    /// # Errors
    /// As [`Listing::next_page`].
    pub async fn prefixes(mut self) -> Result<Vec<String>, StoreError> {
        let mut prefixes = Vec::new();
        while let Some(page) = self.next_page().await? {
            prefixes.extend(page.prefixes);
        }
        Ok(prefixes)
    }
}

impl From<ListObjectsV2Output> for Page {
    fn from(output: ListObjectsV2Output) -> Self {
        let objects = output.contents.unwrap_or_default().into_iter().filter_map(|object| {
            Some(Listed {
                key: object.key?,
                bytes: object.size.and_then(|size| size.try_into().ok()).unwrap_or(0),
                modified: object.last_modified.and_then(utc)?,
                etag: object.e_tag,
            })
        });
        let prefixes = output
            .common_prefixes
            .unwrap_or_default()
            .into_iter()
            .filter_map(|entry| entry.prefix);
        Self {
            objects: objects.collect(),
            prefixes: prefixes.collect(),
        }
    }
}
