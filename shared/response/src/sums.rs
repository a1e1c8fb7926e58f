//! Sums of numbers that can be compared with one another.

/// How far two sums of the same numbers may differ, relative to the sum of their magnitudes: far more than compensated
/// sums differ by, far less than any lost row with a cost that matters.
const TOLERANCE: f64 = 1e-9;

/// A sum that compensates for rounding errors (Neumaier), so that it does not depend on the order of millions of
/// numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    sum: f64,
    compensation: f64,
    magnitude: f64,
}

impl Sum {
    /// Adds a number.
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.compensation += if self.sum.abs() >= value.abs() {
            (self.sum - next) + value
        } else {
            (value - next) + self.sum
        };
        self.sum = next;
        self.magnitude += value.abs();
    }

    /// Adds the numbers of another sum.
    pub fn merge(&mut self, other: Self) {
        self.add(other.sum);
        self.compensation += other.compensation;
        self.magnitude += other.magnitude - other.sum.abs();
    }

    /// The sum of the numbers added so far.
    pub fn value(self) -> f64 {
        self.sum + self.compensation
    }

    /// Whether another sum of the same numbers agrees. Costs and their adjustments can cancel out, so the difference is
    /// compared with the sum of the magnitudes.
    pub fn agrees_with(self, other: f64) -> bool {
        let difference = (self.value() - other).abs();
        difference <= TOLERANCE * self.magnitude || difference == 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sum(numbers: impl IntoIterator<Item = f64>) -> Sum {
        let mut sum = Sum::default();
        numbers.into_iter().for_each(|number| sum.add(number));
        sum
    }

    #[test]
    fn small_numbers_among_large_ones_are_not_lost() {
        let sum = sum([1e16, 1.0, -1e16, 1.0]);
        assert_eq!(sum.value(), 2.0);
    }

    #[test]
    fn a_lost_row_is_noticed_and_rounding_is_not() {
        let costs = || (0..100_000_u32).map(|index| f64::from(index % 97) * 0.001);
        let exact = sum(costs());
        assert!(exact.agrees_with(costs().sum()));
        assert!(!exact.agrees_with(exact.value() - 0.05));
        assert!(sum([]).agrees_with(0.0));
        assert!(!sum([]).agrees_with(0.1));
        assert!(!sum([f64::MAX, f64::MAX]).agrees_with(1.0));
    }

    #[test]
    fn a_merged_sum_has_the_precision_and_the_magnitude_of_both() {
        let mut large = sum([1e16, 1.0]);
        large.merge(sum([-1e16, 1.0]));
        assert_eq!(large.value(), 2.0);
        let mut none = sum([3.0, -3.0]);
        none.merge(sum([5.0, -5.0]));
        assert!(none.agrees_with(1.5e-8) && !none.agrees_with(1.7e-8));
    }

    proptest! {
        #[test]
        fn the_order_does_not_matter(mut numbers in prop::collection::vec(-1e12..1e12, 0..200)) {
            let forward = sum(numbers.iter().copied());
            numbers.reverse();
            prop_assert!(forward.agrees_with(sum(numbers.iter().copied()).value()));
            let (one, other) = numbers.split_at(numbers.len() / 3);
            let mut merged = sum(one.iter().copied());
            merged.merge(sum(other.iter().copied()));
            prop_assert!(forward.agrees_with(merged.value()) && merged.agrees_with(forward.value()));
        }
    }
}
