//! The types of columns.

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8 text. Parquet: BYTE_ARRAY, STRING.
    Text,
    /// A moment, UTC, in milliseconds. Parquet: INT64, TIMESTAMP(MILLIS, isAdjustedToUTC=true).
    Timestamp,
    /// A number. Parquet: DOUBLE.
    Double,
    /// Yes or no. Parquet: BOOLEAN.
    Boolean,
    /// Text by text. Parquet: MAP of STRING to STRING.
    TextMap,
    /// Texts. Parquet: LIST of STRING.
    TextList,
    /// A list of structures with the fields of [`VOLUME_FIELDS`].
    Volumes,
    /// A list of structures with the fields of [`LOAD_BALANCER_FIELDS`].
    LoadBalancers,
}

/// The fields of a volume of the column `pvs`, in order. `key` is the source's key of the volume, `name` the volume's
/// name in it.
pub const VOLUME_FIELDS: [(&str, Kind); 6] = [
    ("key", Kind::Text),
    ("name", Kind::Text),
    ("byteHours", Kind::Double),
    ("cost", Kind::Double),
    ("adjustment", Kind::Double),
    ("providerID", Kind::Text),
];

/// The fields of a load balancer of the column `lbAllocations`, in order. `key` is the source's key of it.
pub const LOAD_BALANCER_FIELDS: [(&str, Kind); 7] = [
    ("key", Kind::Text),
    ("service", Kind::Text),
    ("cost", Kind::Double),
    ("adjustment", Kind::Double),
    ("private", Kind::Boolean),
    ("ip", Kind::Text),
    ("hours", Kind::Double),
];

impl Kind {
    /// The type's name in Glue and Athena, where names of fields are in lower case.
    pub const fn glue_type(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Timestamp => "timestamp",
            Self::Double => "double",
            Self::Boolean => "boolean",
            Self::TextMap => "map<string,string>",
            Self::TextList => "array<string>",
            Self::Volumes => {
                "array<struct<key:string,name:string,bytehours:double,cost:double,adjustment:double,providerid:string>>"
            }
            Self::LoadBalancers => {
                "array<struct<key:string,service:string,cost:double,adjustment:double,private:boolean,ip:string,hours:double>>"
            }
        }
    }

    /// The fields of the structures that a list has, in order; none for other types.
    pub const fn fields(self) -> &'static [(&'static str, Self)] {
        match self {
            Self::Volumes => &VOLUME_FIELDS,
            Self::LoadBalancers => &LOAD_BALANCER_FIELDS,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_in_glue_name_the_fields() {
        for kind in [Kind::Volumes, Kind::LoadBalancers] {
            let fields = kind.fields().iter();
            let fields: Vec<String> = fields
                .map(|(name, kind)| format!("{}:{}", name.to_lowercase(), kind.glue_type()))
                .collect();
            assert_eq!(kind.glue_type(), format!("array<struct<{}>>", fields.join(",")));
        }
        assert!(Kind::Text.fields().is_empty());
    }
}
