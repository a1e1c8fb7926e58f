//! How much a day's set holds, measured in quantities that do not change when the source reconciles costs with the
//! cloud bill. A source that loses history sends fewer of them, whatever the costs.

use serde::{Deserialize, Serialize};

/// What the workload rows of a set add up to. Idle, unmounted and unallocated rows do not count: sources derive them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Quantities {
    /// Workload rows.
    pub rows: u64,
    /// The sum of `minutes`: container-minutes where a row is a container.
    pub minutes: f64,
    /// The sum of `cpuCoreHours`.
    pub core_hours: f64,
    /// The sum of `ramByteHours`.
    pub ram_byte_hours: f64,
}

/// From this many rows on, a loss of rows counts. Among fewer rows, a pod more or less is a large share.
const ROWS_THAT_COUNT: u64 = 20;

/// The share of a quantity that a set may lose and still count as whole: 0.1 is ten percent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance(f64);

impl Tolerance {
    /// A tolerance of so many percent, 0 to 100.
    pub fn percent(percent: u32) -> Self {
        Self(f64::from(percent.min(100)) / 100.0)
    }
}

/// A quantity of which a set lost more than the tolerance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// The quantity's name in documents.
    pub quantity: &'static str,
    /// How much of it the set has.
    pub found: f64,
    /// How much the fuller set has.
    pub best: f64,
}

/// Formats as a sentence's end: `minutes fell from 28800 to 1440 (-95 %)`.
impl std::fmt::Display for Loss {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { quantity, found, best } = self;
        let share = (1.0 - found / best) * 100.0;
        write!(
            formatter,
            "{quantity} fell from {best:.0} to {found:.0} (-{share:.0} %)"
        )
    }
}

impl Quantities {
    /// Whether there is nothing: no workload ran for a minute.
    pub fn is_nothing(&self) -> bool {
        self.minutes <= 0.0
    }

    /// The larger of each quantity: what a day was ever seen to have.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self {
            rows: self.rows.max(other.rows),
            minutes: self.minutes.max(other.minutes),
            core_hours: self.core_hours.max(other.core_hours),
            ram_byte_hours: self.ram_byte_hours.max(other.ram_byte_hours),
        }
    }

    /// Whether any quantity is larger than another set's, by more than rounding.
    pub fn exceeds(&self, other: &Self) -> bool {
        let larger = |one: f64, other: f64| one - other > one.abs() * ROUNDING;
        self.rows > other.rows
            || larger(self.minutes, other.minutes)
            || larger(self.core_hours, other.core_hours)
            || larger(self.ram_byte_hours, other.ram_byte_hours)
    }

    /// The first quantity of which this set lost more than the tolerance against the best that is known of the day;
    /// `None` where it is as full. Rows count from 20 up.
    pub fn loss(&self, best: &Self, tolerance: Tolerance) -> Option<Loss> {
        #[expect(clippy::cast_precision_loss, reason = "rows are far below 2^53")]
        let rows = |rows: u64| if best.rows < ROWS_THAT_COUNT { 0.0 } else { rows as f64 };
        [
            ("minutes", self.minutes, best.minutes),
            ("core_hours", self.core_hours, best.core_hours),
            ("ram_byte_hours", self.ram_byte_hours, best.ram_byte_hours),
            ("rows", rows(self.rows), rows(best.rows)),
        ]
        .into_iter()
        .find(|(_, found, best)| *best - *found > best * tolerance.0 * (1.0 + ROUNDING))
        .map(|(quantity, found, best)| Loss { quantity, found, best })
    }
}

/// How far sums of the same rows may differ: far more than rounding, far less than a row.
const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEN: Tolerance = Tolerance(0.1);

    fn quantities(rows: u64, minutes: f64) -> Quantities {
        Quantities {
            rows,
            minutes,
            core_hours: minutes / 60.0,
            ram_byte_hours: minutes * 1e9,
        }
    }

    #[test]
    fn a_set_that_lost_more_than_the_tolerance_is_named_with_its_loss() {
        let full = quantities(20, 28_800.0);
        let loss = quantities(1, 1_440.0).loss(&full, TEN).unwrap();
        assert_eq!(loss.to_string(), "minutes fell from 28800 to 1440 (-95 %)");
        assert_eq!(quantities(18, 25_920.0).loss(&full, TEN), None);
        assert_eq!(
            quantities(17, 28_800.0).loss(&full, TEN).map(|loss| loss.quantity),
            Some("rows")
        );
        assert_eq!(quantities(1, 28_800.0).loss(&quantities(19, 28_800.0), TEN), None);
        let fewer_bytes = Quantities {
            ram_byte_hours: 1.0,
            ..full
        };
        assert_eq!(
            fewer_bytes.loss(&full, TEN).map(|loss| loss.quantity),
            Some("ram_byte_hours")
        );
        assert_eq!(full.loss(&Quantities::default(), TEN), None);
    }

    #[test]
    fn a_tolerance_is_in_percent_and_never_more_than_everything() {
        assert_eq!(Tolerance::percent(10), TEN);
        assert_eq!(Tolerance::percent(101), Tolerance(1.0));
    }

    #[test]
    fn each_quantity_alone_exceeds() {
        let full = quantities(20, 28_800.0);
        for more in [
            Quantities { rows: 21, ..full },
            Quantities {
                minutes: 28_801.0,
                ..full
            },
            Quantities {
                core_hours: 481.0,
                ..full
            },
            Quantities {
                ram_byte_hours: full.ram_byte_hours * 2.0,
                ..full
            },
        ] {
            assert!(more.exceeds(&full) && !full.exceeds(&more), "{more:?}");
        }
        assert!(!full.exceeds(&full));
        assert!(!Quantities::default().exceeds(&Quantities::default()));
    }

    fn any() -> impl Strategy<Value = Quantities> {
        (0_u64..100, 0.0..1e6, 0.0..1e6, 0.0..1e15).prop_map(|(rows, minutes, core_hours, ram_byte_hours)| Quantities {
            rows,
            minutes,
            core_hours,
            ram_byte_hours,
        })
    }

    proptest! {
        #[test]
        fn nothing_is_thinner_than_itself_or_than_less(one in any(), other in any()) {
            prop_assert_eq!(one.loss(&one, Tolerance(0.0)), None);
            prop_assert_eq!(one.max(other).loss(&one, Tolerance(0.0)), None);
            prop_assert_eq!(one.max(other), other.max(one));
        }

        #[test]
        fn only_what_is_larger_by_more_than_rounding_exceeds(one in any(), other in any()) {
            let rounded = Quantities { minutes: one.minutes * (1.0 + 1e-12), core_hours: one.core_hours / 3.0 * 3.0, ..one };
            prop_assert!(!rounded.exceeds(&one) && !one.exceeds(&rounded));
            let best = one.max(other);
            prop_assert!(!one.exceeds(&best) && !other.exceeds(&best));
            let more = Quantities { core_hours: best.core_hours * 1.001 + 0.001, ..best };
            prop_assert!(more.exceeds(&best));
        }

        #[test]
        fn what_is_lost_against_one_is_lost_against_the_best(one in any(), two in any(), three in any()) {
            if one.loss(&two, TEN).is_some_and(|loss| loss.quantity != "rows") {
                prop_assert!(one.loss(&two.max(three), TEN).is_some());
            }
        }
    }
}
