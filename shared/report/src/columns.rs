//! Some columns of a Parquet file, read one row group at a time.

use std::{collections::BTreeMap, sync::Arc};

use arrow_array::{Array, ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray, types::Int32Type};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{
        ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
    },
};

use crate::{
    file::{Footer, Parts, parquet_error},
    lake::{Lake, LakeError},
    names::{EMPTY, Id, Names},
};

const ROWS_PER_BATCH: usize = 8_192;

/// The columns that a footer says there are.
///
/// # Errors
/// When the footer describes none that Arrow knows, or the required one is not among them.
pub(crate) fn schema(key: &str, footer: &Footer, required: &str) -> Result<SchemaRef, LakeError> {
    let metadata = ArrowReaderMetadata::try_new(Arc::clone(&footer.parquet), ArrowReaderOptions::new());
    let metadata = metadata.map_err(|error| parquet_error(key, &error))?;
    if metadata.schema().index_of(required).is_err() {
        return Err(parquet_error(key, &format!("the column '{required}' is missing")));
    }
    Ok(Arc::clone(metadata.schema()))
}

/// How to read a file so that some of its texts are dictionaries.
///
/// # Errors
/// When one of them is no text.
pub(crate) fn with_dictionaries(
    key: &str,
    footer: &Footer,
    schema: &Schema,
    texts: &[&str],
) -> Result<ArrowReaderMetadata, LakeError> {
    let fields = schema.fields().iter().map(|field| {
        if texts.contains(&field.name().as_str()) {
            let dictionary = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(Field::new(field.name(), dictionary, field.is_nullable()))
        } else {
            Arc::clone(field)
        }
    });
    let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields.collect::<Vec<_>>())));
    ArrowReaderMetadata::try_new(Arc::clone(&footer.parquet), options).map_err(|error| parquet_error(key, &error))
}

/// The rows of a file, with some of its columns.
pub(crate) struct Batches<'a> {
    lake: &'a Lake,
    key: &'a str,
    footer: &'a Footer,
    metadata: &'a ArrowReaderMetadata,
    /// The indices of the columns' leaves.
    leaves: Vec<usize>,
    mask: ProjectionMask,
    next_group: usize,
    group: Option<ParquetRecordBatchReader>,
}

impl<'a> Batches<'a> {
    /// All rows of a file. Columns that it lacks are left out.
    pub(crate) fn new(
        lake: &'a Lake,
        key: &'a str,
        footer: &'a Footer,
        metadata: &'a ArrowReaderMetadata,
        columns: &[&str],
    ) -> Self {
        // By position: looked up by name, a dot would mean a nested column.
        let indices = columns.iter().filter_map(|name| metadata.schema().index_of(name).ok());
        let roots: Vec<usize> = indices.collect();
        let parquet_schema = footer.parquet.file_metadata().schema_descr();
        let leaves = (0..parquet_schema.num_columns())
            .filter(|leaf| roots.contains(&parquet_schema.get_column_root_idx(*leaf)))
            .collect();
        Self {
            lake,
            key,
            footer,
            metadata,
            leaves,
            mask: ProjectionMask::roots(parquet_schema, roots),
            next_group: 0,
            group: None,
        }
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        loop {
            if let Some(batch) = self.group.as_mut().and_then(Iterator::next) {
                return Ok(Some(batch.map_err(|error| self.failed(&error))?));
            }
            if self.next_group == self.footer.parquet.num_row_groups() {
                return Ok(None);
            }
            let parts = Parts::read(self.lake, self.key, self.footer, self.next_group, &self.leaves).await?;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(parts, self.metadata.clone())
                .with_row_groups(vec![self.next_group])
                .with_projection(self.mask.clone())
                .with_batch_size(ROWS_PER_BATCH)
                .build()
                .map_err(|error| self.failed(&error))?;
            self.group = Some(reader);
            self.next_group += 1;
        }
    }

    /// The error of this file.
    pub(crate) fn failed(&self, error: &dyn std::fmt::Display) -> LakeError {
        parquet_error(self.key, error)
    }
}

/// The numbers of each column's dictionary. Batches of one row group share it.
#[derive(Default)]
pub(crate) struct Dictionaries(BTreeMap<String, (Option<ArrayRef>, Vec<Id>)>);

impl Dictionaries {
    /// The texts of a column as numbers; empty where the file lacks the column.
    pub(crate) fn ids(&mut self, batch: &RecordBatch, name: &str, names: &mut Names) -> Result<Vec<Id>, String> {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(Vec::new());
        };
        let dictionary = column
            .as_any()
            .downcast_ref::<DictionaryArray<Int32Type>>()
            .ok_or_else(|| format!("'{name}' is not a text"))?;
        let values = dictionary.values();
        let (known, ids) = self.0.entry(name.to_owned()).or_default();
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, values)) {
            let texts = values
                .as_any()
                .downcast_ref::<StringArray>()
                .ok_or_else(|| format!("'{name}' is not a text"))?;
            *ids = texts.iter().map(|text| names.id(text.unwrap_or_default())).collect();
            *known = Some(Arc::clone(values));
        }
        let keys = dictionary.keys().iter().map(|key| {
            let index = key.and_then(|key| usize::try_from(key).ok());
            index.and_then(|index| ids.get(index)).copied().unwrap_or(EMPTY)
        });
        Ok(keys.collect())
    }
}

/// A column of numbers, which a file may lack.
pub(crate) struct Numbers<'a>(Option<&'a Float64Array>);

impl<'a> Numbers<'a> {
    pub(crate) fn of(batch: &'a RecordBatch, name: &str) -> Result<Self, String> {
        let Some(column) = batch.column_by_name(name) else {
            return Ok(Self(None));
        };
        let numbers = column.as_any().downcast_ref::<Float64Array>();
        numbers
            .map(|numbers| Self(Some(numbers)))
            .ok_or_else(|| format!("'{name}' is not a number"))
    }

    pub(crate) fn known(&self, row: usize) -> Option<f64> {
        self.0
            .and_then(|numbers| numbers.is_valid(row).then(|| numbers.value(row)))
    }

    pub(crate) fn get(&self, row: usize) -> f64 {
        match self.0 {
            Some(numbers) if numbers.null_count() == 0 => numbers.value(row),
            _ => self.known(row).unwrap_or(0.0),
        }
    }
}
