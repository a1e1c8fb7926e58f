//! The costs of a file by namespace, of which three columns are read.

use std::collections::BTreeMap;

use contract::currency::ASSUMED;

use crate::{
    columns::{self, Batches, Dictionaries, Numbers},
    costs::{CURRENCY_COLUMN, NAMESPACE_COLUMN, TOTAL_COST_COLUMN},
    file::Footer,
    lake::{Lake, LakeError},
    names::{EMPTY, Id, Names},
};

/// The sums of the total cost by currency and namespace; the namespace is empty where the source gives none.
pub type NamespaceCosts = BTreeMap<String, BTreeMap<String, f64>>;

/// Adds up the costs of a file.
///
/// # Errors
/// When the file cannot be read, or is not a table of costs.
pub(crate) async fn of_file(lake: &Lake, key: &str, footer: &Footer) -> Result<NamespaceCosts, LakeError> {
    let schema = columns::schema(key, footer, TOTAL_COST_COLUMN)?;
    let metadata = columns::with_dictionaries(key, footer, &schema, &[NAMESPACE_COLUMN, CURRENCY_COLUMN])?;
    let wanted = [NAMESPACE_COLUMN, CURRENCY_COLUMN, TOTAL_COST_COLUMN];
    let mut batches = Batches::new(lake, key, footer, &metadata, &wanted);
    let (mut names, mut dictionaries) = (Names::default(), Dictionaries::default());
    let mut sums: BTreeMap<(Id, Id), f64> = BTreeMap::new();
    while let Some(batch) = batches.next().await? {
        let mut ids = |name| {
            let ids = dictionaries.ids(&batch, name, &mut names);
            ids.map_err(|error| batches.failed(&error))
        };
        let (currencies, namespaces) = (ids(CURRENCY_COLUMN)?, ids(NAMESPACE_COLUMN)?);
        let costs = Numbers::of(&batch, TOTAL_COST_COLUMN).map_err(|error| batches.failed(&error))?;
        for row in 0..batch.num_rows() {
            let id = |ids: &[Id]| ids.get(row).copied().unwrap_or(EMPTY);
            *sums.entry((id(&currencies), id(&namespaces))).or_default() += costs.get(row);
        }
    }
    let mut costs = NamespaceCosts::new();
    for ((currency, namespace), cost) in sums {
        let currency = if currency == EMPTY {
            ASSUMED
        } else {
            names.text(currency)
        };
        let namespaces = costs.entry(currency.to_owned()).or_default();
        *namespaces.entry(names.text(namespace).to_owned()).or_default() += cost;
    }
    Ok(costs)
}
