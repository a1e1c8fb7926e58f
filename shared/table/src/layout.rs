//! The table with the columns of configured labels and annotations.

use std::{borrow::Cow, collections::HashMap, fmt};

use crate::{
    BASE_NUMBERS, NEWER_NUMBERS,
    base::{Column, GpuText, Origin, base_columns},
    kubernetes::is_metadata_key,
};

/// The columns of the table, in order, for a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableLayout {
    columns: Vec<Column>,
    labels: Vec<String>,
    annotations: Vec<String>,
}

impl TableLayout {
    /// The table for labels and annotations, given by their keys as in Kubernetes.
    ///
    /// # Errors
    /// Reports all faults together: keys that Kubernetes does not allow, keys given twice, and keys that differ only in
    /// case, whose columns Glue cannot tell apart.
    pub fn new(labels: &[String], annotations: &[String]) -> Result<Self, LayoutFaults> {
        let mut faults = Vec::new();
        check_keys(Metadata::Label, labels, &mut faults);
        check_keys(Metadata::Annotation, annotations, &mut faults);
        if !faults.is_empty() {
            return Err(LayoutFaults(faults));
        }
        let column = |prefix: &str, key: &String, origin| Column {
            name: Cow::Owned(format!("{prefix}{key}")),
            origin,
        };
        let label_columns = labels.iter().enumerate();
        let annotation_columns = annotations.iter().enumerate();
        let columns = base_columns()
            .chain(label_columns.map(|(index, key)| column(LABEL_COLUMN, key, Origin::Label(index))))
            .chain(annotation_columns.map(|(index, key)| column(ANNOTATION_COLUMN, key, Origin::Annotation(index))))
            .chain(trailing_columns())
            .collect();
        Ok(Self {
            columns,
            labels: labels.to_vec(),
            annotations: annotations.to_vec(),
        })
    }

    /// The layout of a file with these columns: with their labels and annotations.
    ///
    /// # Errors
    /// As [`TableLayout::new`].
    pub fn of_columns(names: &[&str]) -> Result<Self, LayoutFaults> {
        let keys = |prefix: &str| -> Vec<String> {
            let keys = names.iter().filter_map(|name| name.strip_prefix(prefix));
            keys.map(str::to_owned).collect()
        };
        Self::new(&keys(LABEL_COLUMN), &keys(ANNOTATION_COLUMN))
    }

    /// The first so many columns alone: what the others cost is measured with them.
    #[must_use]
    pub fn first(mut self, columns: usize) -> Self {
        self.columns.truncate(columns);
        self
    }

    /// All columns, in the order of the files and of Glue's table.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The configured labels' keys, as in Kubernetes.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The configured annotations' keys, as in Kubernetes.
    pub fn annotations(&self) -> &[String] {
        &self.annotations
    }
}

/// The longest name of a column in Glue. Kubernetes has keys of up to 317 bytes.
const GLUE_NAME_BYTES: usize = 255;

/// What the names of label columns begin with.
pub(crate) const LABEL_COLUMN: &str = "properties.labels.";
/// What the names of annotation columns begin with.
pub(crate) const ANNOTATION_COLUMN: &str = "properties.annotations.";

/// The columns after the newer numbers. New columns are added at the end of these.
const AFTER_NEWER_NUMBERS: [(&str, Origin); 14] = [
    ("observed.start", Origin::ObservedStart),
    ("observed.end", Origin::ObservedEnd),
    ("rowKind", Origin::RowKind),
    ("capacityType", Origin::CapacityType),
    ("currency", Origin::Currency),
    ("gpuModel", Origin::Gpu(GpuText::Model)),
    ("gpuDevice", Origin::Gpu(GpuText::Device)),
    ("gpuUUID", Origin::Gpu(GpuText::Uuid)),
    ("isGPUShared", Origin::GpuShared),
    ("services", Origin::Services),
    ("pvs", Origin::Volumes),
    ("lbAllocations", Origin::LoadBalancers),
    ("namespaceLabels", Origin::NamespaceLabels),
    ("namespaceAnnotations", Origin::NamespaceAnnotations),
];

/// The columns after those of the configuration.
pub(crate) fn trailing_columns() -> impl Iterator<Item = Column> {
    let maps = [("labels", Origin::Labels), ("annotations", Origin::Annotations)];
    let numbers = NEWER_NUMBERS.iter().enumerate();
    let numbers = numbers.map(|(index, name)| (*name, Origin::NewerNumber(BASE_NUMBERS.len() + index)));
    let columns = maps.into_iter().chain(numbers).chain(AFTER_NEWER_NUMBERS);
    columns.map(|(name, origin)| Column {
        name: Cow::Borrowed(name),
        origin,
    })
}

fn check_keys(metadata: Metadata, keys: &[String], faults: &mut Vec<LayoutFault>) {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for key in keys {
        if !is_metadata_key(key) {
            faults.push(LayoutFault::Key {
                metadata,
                key: key.clone(),
            });
            continue;
        }
        let prefix = match metadata {
            Metadata::Label => LABEL_COLUMN,
            Metadata::Annotation => ANNOTATION_COLUMN,
        };
        if prefix.len() + key.len() > GLUE_NAME_BYTES {
            faults.push(LayoutFault::TooLong {
                metadata,
                key: key.clone(),
            });
            continue;
        }
        match seen.insert(key.to_lowercase(), key) {
            None => {}
            Some(first) if first == key => faults.push(LayoutFault::Twice {
                metadata,
                key: key.clone(),
            }),
            Some(first) => faults.push(LayoutFault::Collision {
                metadata,
                first: first.to_owned(),
                second: key.clone(),
            }),
        }
    }
}

/// Labels or annotations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metadata {
    /// Labels.
    Label,
    /// Annotations.
    Annotation,
}

impl fmt::Display for Metadata {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Label => "label",
            Self::Annotation => "annotation",
        })
    }
}

/// Why the table cannot have the columns asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LayoutFault {
    /// Not a key of Kubernetes.
    #[error(
        "{metadata} '{key}' is not a key: expected [prefix/]name as in Kubernetes: a name of 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, and optionally a DNS name before it"
    )]
    Key {
        /// Label or annotation.
        metadata: Metadata,
        /// The key.
        key: String,
    },
    /// Its column's name would be too long for Glue.
    #[error(
        "{metadata} '{key}' is too long for a column: names in Glue have {GLUE_NAME_BYTES} characters at most; the map column has it"
    )]
    TooLong {
        /// Label or annotation.
        metadata: Metadata,
        /// The key.
        key: String,
    },
    /// Given more than once.
    #[error("{metadata} '{key}' is given twice: name it once")]
    Twice {
        /// Label or annotation.
        metadata: Metadata,
        /// The key.
        key: String,
    },
    /// Two columns with one name in Glue.
    #[error(
        "{metadata}s '{first}' and '{second}' differ only in case, and Glue's column names are in lower case: keep one of them; the map column has both"
    )]
    Collision {
        /// Labels or annotations.
        metadata: Metadata,
        /// The key given first.
        first: String,
        /// The key given later.
        second: String,
    },
}

impl LayoutFault {
    /// Whether labels or annotations are at fault.
    pub fn metadata(&self) -> Metadata {
        match self {
            Self::Key { metadata, .. }
            | Self::TooLong { metadata, .. }
            | Self::Twice { metadata, .. }
            | Self::Collision { metadata, .. } => *metadata,
        }
    }
}

/// All that is wrong with the labels and annotations asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutFaults(pub Vec<LayoutFault>);

impl std::error::Error for LayoutFaults {}

impl fmt::Display for LayoutFaults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(formatter, "{separator}{fault}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn configured_columns_stand_between_the_58_and_the_maps() {
        let layout = TableLayout::new(&keys(&["app.kubernetes.io/name", "Team"]), &keys(&["team"])).unwrap();
        let names: Vec<&str> = layout.columns().iter().map(|column| column.name.as_ref()).collect();
        assert_eq!(
            names.len(),
            58 + 3 + 2 + NEWER_NUMBERS.len() + AFTER_NEWER_NUMBERS.len()
        );
        assert_eq!(
            names[58..64],
            [
                "properties.labels.app.kubernetes.io/name",
                "properties.labels.Team",
                "properties.annotations.team",
                "labels",
                "annotations",
                "cpuCoreLimitAverage",
            ]
        );
        assert_eq!(layout.columns()[59].glue_name(), "properties.labels.team");
        assert_eq!(layout.columns()[59].origin, Origin::Label(1));
    }

    #[test]
    fn all_faults_are_reported_together() {
        let faults = TableLayout::new(&keys(&["team", "a b", "Team", "app", "app"]), &keys(&["x/"])).unwrap_err();
        insta::assert_snapshot!(faults, @r"
        label 'a b' is not a key: expected [prefix/]name as in Kubernetes: a name of 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, and optionally a DNS name before it
        labels 'team' and 'Team' differ only in case, and Glue's column names are in lower case: keep one of them; the map column has both
        label 'app' is given twice: name it once
        annotation 'x/' is not a key: expected [prefix/]name as in Kubernetes: a name of 1 to 63 letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, and optionally a DNS name before it
        ");
    }

    #[test]
    fn a_key_that_glue_has_no_room_for_is_refused() {
        let dns_name = ["a".repeat(60), "b".repeat(60), "c".repeat(60)].join(".");
        let key = |length: usize| format!("{dns_name}/{}", "k".repeat(length - dns_name.len() - 1));
        let longest = GLUE_NAME_BYTES - LABEL_COLUMN.len();
        assert!(TableLayout::new(&[key(longest)], &[]).is_ok());
        let faults = TableLayout::new(&[key(longest + 1)], &[]).unwrap_err();
        assert!(faults.to_string().contains("255 characters"), "{faults}");
        let faults = TableLayout::new(&[], &[key(longest)]).unwrap_err();
        assert_eq!(faults.0[0].metadata(), Metadata::Annotation);
    }

    #[test]
    fn a_label_and_an_annotation_may_have_one_key() {
        assert!(TableLayout::new(&keys(&["owner"]), &keys(&["owner"])).is_ok());
    }

    #[test]
    fn names_are_unique_in_lower_case() {
        let layout = TableLayout::new(&[], &[]).unwrap();
        let mut names: Vec<String> = layout.columns().iter().map(Column::glue_name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), layout.columns().len());
    }
}
