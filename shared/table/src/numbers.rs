//! The numeric fields of an allocation, by index.

/// How many numeric fields the table has. A row's numbers fit an array of this length.
pub const NUMBERS: usize = BASE_NUMBERS.len() + NEWER_NUMBERS.len();

/// Numeric fields of an allocation that are among the 58 columns, in the table's order. Missing ones are 0.
pub const BASE_NUMBERS: [&str; 36] = [
    "minutes",
    "cpuCores",
    "cpuCoreRequestAverage",
    "cpuCoreUsageAverage",
    "cpuCoreHours",
    "cpuCost",
    "cpuCostAdjustment",
    "cpuEfficiency",
    "gpuCount",
    "gpuHours",
    "gpuCost",
    "gpuCostAdjustment",
    "networkTransferBytes",
    "networkReceiveBytes",
    "networkCost",
    "networkCrossZoneCost",
    "networkCrossRegionCost",
    "networkInternetCost",
    "networkCostAdjustment",
    "loadBalancerCost",
    "loadBalancerCostAdjustment",
    "pvBytes",
    "pvByteHours",
    "pvCost",
    "pvCostAdjustment",
    "ramBytes",
    "ramByteRequestAverage",
    "ramByteUsageAverage",
    "ramByteHours",
    "ramCost",
    "ramCostAdjustment",
    "ramEfficiency",
    "sharedCost",
    "externalCost",
    "totalCost",
    "totalEfficiency",
];

/// Numeric fields that newer sources have (OpenCost 1.112, Kubecost 2.x), in the table's order. Where a source lacks
/// one, its column is NULL: unknown is not zero. The GPU averages also come from `gpuAllocation`, the maxima from
/// `rawAllocationOnly`.
pub const NEWER_NUMBERS: [&str; 13] = [
    "cpuCoreLimitAverage",
    "ramByteLimitAverage",
    "cpuCostIdle",
    "gpuCostIdle",
    "ramCostIdle",
    "networkNatGatewayEgressCost",
    "networkNatGatewayIngressCost",
    "gpuRequestAverage",
    "gpuUsageAverage",
    "gpuEfficiency",
    "cpuCoreUsageMax",
    "ramByteUsageMax",
    "gpuUsageMax",
];

/// The index of `totalCost`: what a row costs, everything included, in the source's currency.
pub const TOTAL_COST: usize = 34;

/// The index of `minutes`: how long the row's workload ran.
pub const MINUTES: usize = 0;
/// The index of `cpuCoreHours`.
pub const CPU_CORE_HOURS: usize = 4;
/// The index of `ramByteHours`.
pub const RAM_BYTE_HOURS: usize = 28;

/// The index of `gpuRequestAverage`.
pub const GPU_REQUEST_AVERAGE: usize = 43;
/// The index of `gpuUsageAverage`.
pub const GPU_USAGE_AVERAGE: usize = 44;
/// The index of `cpuCoreUsageMax`.
pub const CPU_CORE_USAGE_MAX: usize = 46;
/// The index of `ramByteUsageMax`.
pub const RAM_BYTE_USAGE_MAX: usize = 47;
/// The index of `gpuUsageMax`.
pub const GPU_USAGE_MAX: usize = 48;

/// The indexes of the costs and adjustments that add up to `totalCost`, in every complete row of both sources.
pub const COST_PARTS: [usize; 14] = [5, 6, 10, 11, 14, 18, 19, 20, 23, 24, 29, 30, 32, 33];

/// The name of a numeric field, as the sources spell it.
///
/// # Panics
/// Never for an index below [`NUMBERS`].
pub const fn number_name(index: usize) -> &'static str {
    if index < BASE_NUMBERS.len() {
        BASE_NUMBERS[index]
    } else {
        NEWER_NUMBERS[index - BASE_NUMBERS.len()]
    }
}

/// Whether a numeric field is an amount of money: it distinguishes an allocation from other objects.
pub fn is_cost(index: usize) -> bool {
    number_name(index).ends_with("Cost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indexes_are_those_of_their_names() {
        let named = [TOTAL_COST, MINUTES, CPU_CORE_HOURS, RAM_BYTE_HOURS].map(number_name);
        assert_eq!(named, ["totalCost", "minutes", "cpuCoreHours", "ramByteHours"]);
        let gpu = [GPU_REQUEST_AVERAGE, GPU_USAGE_AVERAGE].map(number_name);
        assert_eq!(gpu, ["gpuRequestAverage", "gpuUsageAverage"]);
        let maxima = [CPU_CORE_USAGE_MAX, RAM_BYTE_USAGE_MAX, GPU_USAGE_MAX].map(number_name);
        assert_eq!(maxima, ["cpuCoreUsageMax", "ramByteUsageMax", "gpuUsageMax"]);
        let parts = "cpuCost cpuCostAdjustment gpuCost gpuCostAdjustment networkCost networkCostAdjustment loadBalancerCost \
             loadBalancerCostAdjustment pvCost pvCostAdjustment ramCost ramCostAdjustment sharedCost externalCost";
        assert_eq!(COST_PARTS.map(number_name).join(" "), parts);
    }

    #[test]
    fn costs_are_distinguished_from_other_numbers() {
        let costs: Vec<&str> = (0..NUMBERS).filter(|index| is_cost(*index)).map(number_name).collect();
        assert_eq!(costs.len(), 14);
        assert!(costs.contains(&"totalCost") && !costs.contains(&"minutes"));
    }
}
