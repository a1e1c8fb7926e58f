//! What objects of the lake hold, and what each of them has to hold: one response, whole.

use arrow::array::{Array, Float64Array, StringArray};
use bytes::Bytes;
use contract::{day::Day, record::LakeMetadata, run::RunId};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::{
    bucket::{Stored, Written},
    responses::{RESPONSE_LABEL, Responses},
    world::World,
};

/// An object's rows.
#[derive(Debug, PartialEq)]
struct Rows {
    rows: usize,
    total_cost: f64,
    /// The response that they are of; `None` if they are of several, or of none.
    response: Option<String>,
}

fn read(body: &Bytes, response_column: &str) -> Result<Rows, String> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(body.clone()).map_err(|error| error.to_string())?;
    let mut found = Rows {
        rows: 0,
        total_cost: 0.0,
        response: None,
    };
    let mut responses = std::collections::BTreeSet::new();
    for batch in builder.build().map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let column = |name: &str| {
            batch
                .column_by_name(name)
                .ok_or_else(|| format!("there is no column {name}"))
        };
        let costs = column("totalCost")?.as_any().downcast_ref::<Float64Array>();
        let names = column(response_column)?.as_any().downcast_ref::<StringArray>();
        let (Some(costs), Some(names)) = (costs, names) else {
            return Err("a column has another type than it had".to_owned());
        };
        found.rows += batch.num_rows();
        found.total_cost += costs.iter().flatten().sum::<f64>();
        responses.extend(names.iter().map(|name| name.unwrap_or_default().to_owned()));
    }
    if responses.len() == 1 {
        found.response = responses.pop_first();
    }
    Ok(found)
}

/// The run whose data an object is.
pub(crate) fn run_of(stored: &Stored) -> Option<RunId> {
    LakeMetadata::of(&stored.metadata).run
}

/// Reports what is wrong with an object that was written: an object of a day holds one response about that day, whole.
pub(crate) fn check(world: &World, responses: &Responses, written: &Written, cluster: &str, day: Day, is_assets: bool) {
    let key = &written.key;
    let column = if is_assets {
        "properties.project".to_owned()
    } else {
        format!("properties.labels.{RESPONSE_LABEL}")
    };
    let rows = match read(&written.now.body, &column) {
        Ok(rows) => rows,
        Err(error) => return world.violation(format!("{key} cannot be read: {error}")),
    };
    let served = rows.response.as_ref().and_then(|name| responses.get(name));
    let Some(served) = served else {
        return world.violation(format!("{key} holds rows of no response, or of several"));
    };
    world.note(format!("{key} is {:?} of {:?}", rows.response, run_of(&written.now)));
    if (&*served.cluster, served.day) != (cluster, day) {
        world.violation(format!(
            "{key} holds a response about {} of {}",
            served.day, served.cluster
        ));
    }
    if rows.rows != served.rows {
        world.violation(format!(
            "{key} holds {} of {} rows: a part of a day",
            rows.rows, served.rows
        ));
    }
    let difference = (rows.total_cost - served.total_cost).abs();
    if difference > 1e-6 * served.total_cost.abs().max(1.0) {
        world.violation(format!(
            "{key} adds up to {} instead of {}",
            rows.total_cost, served.total_cost
        ));
    }
}
