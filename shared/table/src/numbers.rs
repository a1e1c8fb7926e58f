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

/// Numeric fields that newer sources give (OpenCost 1.112, Kubecost 2.x), in the table's order. Where a source lacks
/// one, its column is NULL: unknown is not zero.
pub const NEWER_NUMBERS: [&str; 10] = [
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
];

/// The index of `totalCost`: what a row costs, everything included, in the source's currency.
pub const TOTAL_COST: usize = 34;

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

/// The index of a numeric field, if the table has it.
///
/// It is asked for every field of every row, so only names of the same length are compared.
pub fn number_index(name: &str) -> Option<usize> {
    let length = name.len();
    if length > LONGEST {
        return None;
    }
    BY_LENGTH[usize::from(STARTS[length])..usize::from(STARTS[length + 1])]
        .iter()
        .map(|index| usize::from(*index))
        .find(|index| number_name(*index) == name)
}

/// Whether a numeric field is an amount of money: what tells an allocation from other objects.
pub fn is_cost(index: usize) -> bool {
    number_name(index).ends_with("Cost")
}

const LONGEST: usize = 28;

/// Indexes of all numbers, ordered by the length of their names.
const BY_LENGTH: [u8; NUMBERS] = ordered_by_length().0;
/// Where the names of a length start in [`BY_LENGTH`]; the last entry ends the longest.
const STARTS: [u8; LONGEST + 2] = ordered_by_length().1;

#[expect(clippy::cast_possible_truncation, reason = "there are fewer than 256 numbers")]
const fn ordered_by_length() -> ([u8; NUMBERS], [u8; LONGEST + 2]) {
    let mut ordered = [0; NUMBERS];
    let mut starts = [0; LONGEST + 2];
    let (mut length, mut next) = (0, 0);
    while length <= LONGEST {
        starts[length] = next as u8;
        let mut index = 0;
        while index < NUMBERS {
            if number_name(index).len() == length {
                ordered[next] = index as u8;
                next += 1;
            }
            index += 1;
        }
        length += 1;
    }
    // A name longer than LONGEST would be lost: this does not compile then.
    assert!(next == NUMBERS);
    starts[LONGEST + 1] = next as u8;
    (ordered, starts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_found_by_its_name_and_nothing_else_is() {
        for index in 0..NUMBERS {
            assert_eq!(number_index(number_name(index)), Some(index));
        }
        for name in [
            "",
            "name",
            "totalcost",
            "totalCosT",
            "pvs",
            "networkNatGatewayIngressCosts",
            &"x".repeat(300),
        ] {
            assert_eq!(number_index(name), None, "{name}");
        }
        assert_eq!(number_name(TOTAL_COST), "totalCost");
    }

    #[test]
    fn costs_are_told_from_other_numbers() {
        let costs: Vec<&str> = (0..NUMBERS).filter(|index| is_cost(*index)).map(number_name).collect();
        assert_eq!(costs.len(), 14);
        assert!(costs.contains(&"totalCost") && !costs.contains(&"minutes"));
    }
}
