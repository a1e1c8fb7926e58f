//! What a row holds in objects of its own: its GPU, its volumes, its load balancers, its services. None of it is part
//! of the row's cost, so that a value of another type refuses no row: it is left out, and counted with the unknown
//! fields.

use std::borrow::Cow;

use serde::de::MapAccess;
use table::{CPU_CORE_USAGE_MAX, GPU_REQUEST_AVERAGE, GPU_USAGE_AVERAGE, GPU_USAGE_MAX, GpuText, RAM_BYTE_USAGE_MAX};

use crate::{
    fields::UnknownFields,
    value::{Flag, Key, List, Number, Object, ReadObject, Skipped, Text},
};

/// `gpuAllocation`: the GPU that the row used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gpu<'a> {
    pub(super) texts: [Cow<'a, str>; GpuText::ALL.len()],
    /// `isGPUShared`.
    pub shared: Option<bool>,
}

impl Gpu<'_> {
    /// A text field; empty where it is missing.
    pub fn text(&self, text: GpuText) -> &str {
        &self.texts[text as usize]
    }
}

/// The row's share of a volume.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Volume<'a> {
    /// The source's key of the volume, such as `cluster=one:name=pvc-1`.
    pub key: Cow<'a, str>,
    /// `byteHours`.
    pub byte_hours: Option<f64>,
    /// `cost`, in the source's currency.
    pub cost: Option<f64>,
    /// `adjustment`, in the source's currency.
    pub adjustment: Option<f64>,
    /// `providerID`, such as `vol-0…`; empty where it is missing.
    pub provider_id: Cow<'a, str>,
}

impl Volume<'_> {
    /// The volume's name: what follows `name=` in the key, else the whole key.
    pub fn name(&self) -> &str {
        self.key.split_once(":name=").map_or(&self.key, |(_, name)| name)
    }
}

/// The row's share of a load balancer.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadBalancer<'a> {
    /// The source's key of it.
    pub key: Cow<'a, str>,
    /// `service`: namespace and name of the Kubernetes service.
    pub service: Cow<'a, str>,
    /// `cost`, in the source's currency.
    pub cost: Option<f64>,
    /// `adjustment`, in the source's currency.
    pub adjustment: Option<f64>,
    /// Whether it has a private address only.
    pub private: Option<bool>,
    /// `ip`: its address or name.
    pub ip: Cow<'a, str>,
    /// `hours`.
    pub hours: Option<f64>,
}

/// Reads the values of an object's fields, and counts those that are unknown or of another type.
struct Fields<'u, A> {
    fields: A,
    object: &'static str,
    unknown: &'u mut UnknownFields,
}

impl<'a, A: MapAccess<'a>> Fields<'_, A> {
    /// The next field that `known` finds by its name.
    fn next<F>(&mut self, known: impl Fn(&str) -> Option<F>) -> Result<Option<F>, A::Error> {
        loop {
            let Self {
                fields,
                object,
                unknown,
            } = &mut *self;
            let key = fields.next_key_seed(Key(|name: &str| {
                let field = known(name);
                if field.is_none() {
                    unknown.count(&format!("{object}.{name}"));
                }
                field
            }))?;
            match key {
                None => return Ok(None),
                Some(Some(field)) => return Ok(Some(field)),
                Some(None) => {
                    fields.next_value::<Skipped>()?;
                }
            }
        }
    }

    fn text(&mut self) -> Result<Cow<'a, str>, A::Error> {
        Ok(self.fields.next_value::<Text<'a>>()?.0)
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, A::Error> {
        Ok(match self.fields.next_value()? {
            Number::Value(value) => Some(value),
            Number::Missing => None,
            Number::Wrong(_) => {
                self.unknown.count(&format!("{}.{name}", self.object));
                None
            }
        })
    }

    fn flag(&mut self, name: &str) -> Result<Option<bool>, A::Error> {
        Ok(match self.fields.next_value()? {
            Flag::Value(value) => Some(value),
            Flag::Missing => None,
            Flag::Wrong => {
                self.unknown.count(&format!("{}.{name}", self.object));
                None
            }
        })
    }
}

/// A number of an object within the row, and its index in [`table`].
pub(super) type FoundNumber = (usize, f64);

/// Reads `gpuAllocation`: the GPU, and the numbers that other versions have in the row itself.
pub(super) struct GpuReader<'u>(pub(super) &'u mut UnknownFields);

const GPU: &str = "gpuAllocation";

impl<'a> ReadObject<'a> for GpuReader<'_> {
    type Value = (Gpu<'a>, [Option<FoundNumber>; 2]);

    fn object<A: MapAccess<'a>>(self, fields: A) -> Result<Self::Value, A::Error> {
        enum GpuField {
            Text(GpuText),
            Shared,
            Request,
            Usage,
        }
        let mut fields = Fields {
            fields,
            object: GPU,
            unknown: self.0,
        };
        let mut gpu = Gpu::default();
        let (mut request, mut usage) = (None, None);
        while let Some(field) = fields.next(|name| {
            Some(match name {
                "isGPUShared" => GpuField::Shared,
                "gpuRequestAverage" => GpuField::Request,
                "gpuUsageAverage" => GpuField::Usage,
                name => GpuField::Text(GpuText::of(name)?),
            })
        })? {
            match field {
                GpuField::Text(text) => gpu.texts[text as usize] = fields.text()?,
                GpuField::Shared => gpu.shared = fields.flag("isGPUShared")?,
                GpuField::Request => request = fields.number("gpuRequestAverage")?,
                GpuField::Usage => usage = fields.number("gpuUsageAverage")?,
            }
        }
        let numbers = [
            request.map(|value| (GPU_REQUEST_AVERAGE, value)),
            usage.map(|value| (GPU_USAGE_AVERAGE, value)),
        ];
        Ok((gpu, numbers))
    }

    fn nothing(self) -> Self::Value {
        Default::default()
    }

    fn other(self, _: String) -> Self::Value {
        self.0.count(GPU);
        Default::default()
    }
}

/// Reads `rawAllocationOnly`: the maxima.
pub(super) struct MaximaReader<'u>(pub(super) &'u mut UnknownFields);

const MAXIMA: &str = "rawAllocationOnly";

impl<'a> ReadObject<'a> for MaximaReader<'_> {
    type Value = [Option<FoundNumber>; 3];

    fn object<A: MapAccess<'a>>(self, fields: A) -> Result<Self::Value, A::Error> {
        const INDEXES: [usize; 3] = [CPU_CORE_USAGE_MAX, RAM_BYTE_USAGE_MAX, GPU_USAGE_MAX];
        let mut fields = Fields {
            fields,
            object: MAXIMA,
            unknown: self.0,
        };
        let mut numbers = [None; 3];
        let position = |name: &str| INDEXES.iter().position(|index| table::number_name(*index) == name);
        while let Some(position) = fields.next(position)? {
            let index = INDEXES[position];
            numbers[position] = fields.number(table::number_name(index))?.map(|value| (index, value));
        }
        Ok(numbers)
    }

    fn nothing(self) -> Self::Value {
        [None; 3]
    }

    fn other(self, _: String) -> Self::Value {
        self.0.count(MAXIMA);
        [None; 3]
    }
}

/// An item of an object whose keys are names of its items.
pub(super) trait Item<'a>: Default {
    /// The object's name.
    const OBJECT: &'static str;
    /// The name of an item's fields, for unknown ones.
    const ITEM: &'static str;

    fn read<A: MapAccess<'a>>(key: Cow<'a, str>, fields: A, unknown: &mut UnknownFields) -> Result<Self, A::Error>;

    /// An item about which only the key is known.
    fn named(key: Cow<'a, str>) -> Self;
}

/// Reads `pvs` or `lbAllocations`.
pub(super) struct ItemsReader<'u, I> {
    unknown: &'u mut UnknownFields,
    item: std::marker::PhantomData<I>,
}

impl<'u, I> ItemsReader<'u, I> {
    pub(super) fn new(unknown: &'u mut UnknownFields) -> Self {
        Self {
            unknown,
            item: std::marker::PhantomData,
        }
    }
}

impl<'a, I: Item<'a>> ReadObject<'a> for ItemsReader<'_, I> {
    type Value = Vec<I>;

    fn object<A: MapAccess<'a>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Text(key)) = entries.next_key()? {
            items.push(entries.next_value_seed(Object(ItemReader {
                key,
                unknown: &mut *self.unknown,
                item: std::marker::PhantomData,
            }))?);
        }
        Ok(items)
    }

    fn nothing(self) -> Self::Value {
        Vec::new()
    }

    fn other(self, _: String) -> Self::Value {
        self.unknown.count(I::OBJECT);
        Vec::new()
    }
}

struct ItemReader<'u, 'a, I> {
    key: Cow<'a, str>,
    unknown: &'u mut UnknownFields,
    item: std::marker::PhantomData<I>,
}

impl<'a, I: Item<'a>> ReadObject<'a> for ItemReader<'_, 'a, I> {
    type Value = I;

    fn object<A: MapAccess<'a>>(self, fields: A) -> Result<I, A::Error> {
        I::read(self.key, fields, self.unknown)
    }

    fn nothing(self) -> I {
        I::named(self.key)
    }

    fn other(self, _: String) -> I {
        self.unknown.count(I::ITEM);
        I::named(self.key)
    }
}

impl<'a> Item<'a> for Volume<'a> {
    const OBJECT: &'static str = "pvs";
    const ITEM: &'static str = "pvs.*";

    fn read<A: MapAccess<'a>>(key: Cow<'a, str>, fields: A, unknown: &mut UnknownFields) -> Result<Self, A::Error> {
        enum VolumeField {
            ByteHours,
            Cost,
            Adjustment,
            ProviderId,
        }
        let mut fields = Fields {
            fields,
            object: Self::ITEM,
            unknown,
        };
        let mut volume = Self::named(key);
        while let Some(field) = fields.next(|name| {
            Some(match name {
                "byteHours" => VolumeField::ByteHours,
                "cost" => VolumeField::Cost,
                "adjustment" => VolumeField::Adjustment,
                "providerID" => VolumeField::ProviderId,
                _ => return None,
            })
        })? {
            match field {
                VolumeField::ByteHours => volume.byte_hours = fields.number("byteHours")?,
                VolumeField::Cost => volume.cost = fields.number("cost")?,
                VolumeField::Adjustment => volume.adjustment = fields.number("adjustment")?,
                VolumeField::ProviderId => volume.provider_id = fields.text()?,
            }
        }
        Ok(volume)
    }

    fn named(key: Cow<'a, str>) -> Self {
        Self { key, ..Self::default() }
    }
}

impl<'a> Item<'a> for LoadBalancer<'a> {
    const OBJECT: &'static str = "lbAllocations";
    const ITEM: &'static str = "lbAllocations.*";

    fn read<A: MapAccess<'a>>(key: Cow<'a, str>, fields: A, unknown: &mut UnknownFields) -> Result<Self, A::Error> {
        enum BalancerField {
            Service,
            Cost,
            Adjustment,
            Private,
            Ip,
            Hours,
        }
        let mut fields = Fields {
            fields,
            object: Self::ITEM,
            unknown,
        };
        let mut balancer = Self::named(key);
        while let Some(field) = fields.next(|name| {
            Some(match name {
                "service" => BalancerField::Service,
                "cost" => BalancerField::Cost,
                "adjustment" => BalancerField::Adjustment,
                "private" => BalancerField::Private,
                "ip" => BalancerField::Ip,
                "hours" => BalancerField::Hours,
                _ => return None,
            })
        })? {
            match field {
                BalancerField::Service => balancer.service = fields.text()?,
                BalancerField::Cost => balancer.cost = fields.number("cost")?,
                BalancerField::Adjustment => balancer.adjustment = fields.number("adjustment")?,
                BalancerField::Private => balancer.private = fields.flag("private")?,
                BalancerField::Ip => balancer.ip = fields.text()?,
                BalancerField::Hours => balancer.hours = fields.number("hours")?,
            }
        }
        Ok(balancer)
    }

    fn named(key: Cow<'a, str>) -> Self {
        Self { key, ..Self::default() }
    }
}

/// The value of `properties.services`.
pub(super) fn services<'a>(list: List<'a>, unknown: &mut UnknownFields) -> Vec<Cow<'a, str>> {
    match list {
        List::Texts(texts) => texts,
        List::Wrong => {
            unknown.count("properties.services");
            Vec::new()
        }
    }
}
