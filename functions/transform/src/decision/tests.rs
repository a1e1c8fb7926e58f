use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const TEN: u32 = 10;

fn run(number: u32) -> RunId {
    format!("019aaaaa-0000-7000-8000-{number:012x}").parse().unwrap()
}

/// Full is 100 of each.
fn quantities(rows: u64, minutes: f64, core_hours: f64, ram_byte_hours: f64) -> Quantities {
    Quantities {
        rows,
        minutes,
        core_hours,
        ram_byte_hours,
    }
}

fn percent(share: f64) -> Quantities {
    quantities(19, share, share, share)
}

fn arriving(number: u32, quantities: Quantities) -> Arriving {
    Arriving {
        run: run(number),
        question: "container;idle".to_owned(),
        quantities,
        is_forced: false,
    }
}

fn record(quantities: Quantities, placement: &Placement) -> DayRecord {
    DayRecord {
        question: "container;idle".to_owned(),
        quantities,
        best: placement.best,
        share: None,
        partial: Vec::new(),
        asset_scope: None,
        assets: contract::documents::AssetsState::Stored,
        currency: None,
        computed_totals: 0,
        alternatives: placement.alternatives.clone(),
        forced: placement.is_forced,
    }
}

/// A lake, and the sets that are staged.
#[derive(Debug, Default)]
struct Model {
    lake: Option<InLake>,
    staged: BTreeMap<RunId, Quantities>,
}

impl Model {
    fn arrive(&mut self, set: &Arriving) -> Decision {
        self.staged.insert(set.run, set.quantities);
        let decision = decide(self.lake.as_ref(), set, Tolerance::percent(TEN));
        if let Some(placement) = &decision.day {
            self.lake = Some(InLake {
                run: Some(placement.run),
                is_ahead: false,
                is_current: true,
                record: Some(record(self.staged[&placement.run], placement)),
            });
        }
        decision
    }

    fn of(sets: &[(u32, Quantities)]) -> Self {
        let mut model = Self::default();
        for (number, quantities) in sets {
            model.arrive(&arriving(*number, *quantities));
        }
        model
    }

    fn run(&self) -> RunId {
        self.lake.as_ref().unwrap().run.unwrap()
    }

    fn record(&mut self) -> &mut DayRecord {
        self.lake.as_mut().unwrap().record.as_mut().unwrap()
    }
}

/// The runs that are reported as thinner.
fn reported(decision: &Decision) -> Vec<RunId> {
    decision.thinner.iter().map(|thinner| thinner.run).collect()
}

#[test]
fn a_set_that_lost_something_does_not_replace_and_is_reported() {
    for poor in [
        percent(50.0),
        quantities(19, 89.9, 100.0, 100.0),
        quantities(19, 100.0, 89.9, 100.0),
        quantities(19, 100.0, 100.0, 89.9),
        quantities(1, 50.0, 50.0, 50.0),
    ] {
        let mut model = Model::of(&[(1, percent(100.0))]);
        let decision = model.arrive(&arriving(2, poor));
        assert_eq!(
            (decision.day.clone(), reported(&decision)),
            (None, vec![run(2)]),
            "{poor:?}"
        );
        // The same in the reverse order: the fuller one replaces, and the poorer one is reported.
        let mut model = Model::of(&[(2, poor)]);
        let decision = model.arrive(&arriving(1, percent(100.0)));
        assert_eq!((model.run(), reported(&decision)), (run(1), vec![run(2)]), "{poor:?}");
        // The source is well again.
        let decision = model.arrive(&arriving(3, percent(100.0)));
        assert_eq!((model.run(), reported(&decision)), (run(3), vec![]));
    }
}

#[test]
fn rows_count_from_twenty_up() {
    let rows = |rows| quantities(rows, 100.0, 100.0, 100.0);
    for (full, fewer, is_replaced) in [(19, 1, true), (20, 17, false), (20, 18, true), (100, 89, false)] {
        let mut model = Model::of(&[(1, rows(full))]);
        model.arrive(&arriving(2, rows(fewer)));
        assert_eq!(model.run() == run(2), is_replaced, "{full} {fewer}");
    }
}

#[test]
fn a_whole_set_replaces_an_older_one_and_small_losses_do_not_add_up() {
    let mut model = Model::of(&[(1, percent(100.0)), (2, percent(95.0))]);
    assert_eq!(model.run(), run(2));
    assert_eq!(model.record().best, percent(100.0));
    // 91 is within the tolerance of 95, 89 is not within that of 100.
    model.arrive(&arriving(3, percent(91.0)));
    model.arrive(&arriving(4, percent(89.0)));
    assert_eq!(model.run(), run(3));
}

#[test]
fn older_sets_replace_only_a_set_that_is_not_whole() {
    let mut model = Model::of(&[(5, percent(100.0))]);
    let decision = model.arrive(&arriving(1, percent(105.0)));
    assert_eq!(model.run(), run(5), "within the tolerance the newer one is the day");
    assert_eq!(decision.day.unwrap().best, percent(105.0));
    let decision = model.arrive(&arriving(2, percent(50.0)));
    assert_eq!((decision.day.clone(), reported(&decision)), (None, vec![]));
    model.arrive(&arriving(3, percent(112.0)));
    assert_eq!(model.run(), run(3));
    let decision = model.arrive(&arriving(5, percent(100.0)));
    assert_eq!((decision.day.clone(), reported(&decision)), (None, vec![run(5)]));
}

#[test]
fn where_each_lacks_something_the_lake_keeps_its_set_and_learns_the_best() {
    let (cores, minutes) = (quantities(19, 50.0, 100.0, 100.0), quantities(19, 100.0, 50.0, 100.0));
    for (first, second) in [(1, 2), (2, 1)] {
        let mut model = Model::of(&[(first, cores)]);
        let decision = model.arrive(&arriving(second, minutes));
        assert_eq!((model.run(), reported(&decision)), (run(first), vec![run(second)]));
        assert_eq!(model.record().best, percent(100.0));
        // Neither is whole: a set that is fuller than the lake's and loses nothing against it is better.
        let decision = model.arrive(&arriving(0, quantities(19, 80.0, 100.0, 100.0)));
        assert_eq!((model.run(), reported(&decision)), (run(0), vec![run(first)]));
        model.arrive(&arriving(9, percent(99.0)));
        assert_eq!(model.run(), run(9));
    }
}

#[test]
fn a_set_that_was_replaced_is_the_day_again_when_the_best_grows() {
    let mut model = Model::of(&[(1, percent(100.0)), (2, percent(92.0))]);
    assert_eq!(model.record().alternatives.len(), 1);
    let decision = model.arrive(&arriving(3, quantities(19, 105.0, 20.0, 20.0)));
    assert_eq!((model.run(), reported(&decision)), (run(1), vec![run(3), run(2)]));
}

#[test]
fn sets_are_not_compared_where_nothing_is_known_or_the_question_differs() {
    let (poor, tolerance) = (percent(1.0), Tolerance::percent(TEN));
    let full = Model::of(&[(5, percent(100.0))]).lake.unwrap();
    let other = |number| Arriving {
        question: "pod;idle".to_owned(),
        ..arriving(number, poor)
    };
    let no_run = InLake {
        run: None,
        ..full.clone()
    };
    let no_record = InLake {
        record: None,
        ..full.clone()
    };
    for (lake, set, is_written) in [
        (None, arriving(1, poor), true),
        (Some(&no_run), arriving(1, poor), true),
        (Some(&no_record), arriving(6, poor), true),
        (Some(&no_record), arriving(5, poor), true),
        (Some(&no_record), arriving(4, percent(200.0)), false),
        (Some(&full), other(6), true),
        (Some(&full), other(4), false),
        (Some(&full), arriving(5, percent(100.0)), false),
    ] {
        let decision = decide(lake, &set, tolerance);
        assert!(!decision.is_compared && decision.thinner.is_empty());
        assert_eq!(
            decision.day.as_ref().map(|day| (day.run, day.best)),
            is_written.then_some((set.run, set.quantities))
        );
    }
    let other_columns = InLake {
        is_current: false,
        ..full
    };
    let decision = decide(Some(&other_columns), &arriving(5, percent(100.0)), tolerance);
    assert_eq!(decision.day.map(|day| day.run), Some(run(5)));
}

#[test]
fn a_person_can_force_a_set_and_older_ones_do_not_undo_it() {
    let mut model = Model::of(&[(1, percent(100.0)), (2, percent(20.0))]);
    assert_eq!(model.run(), run(1));
    let force = |number, share| Arriving {
        is_forced: true,
        ..arriving(number, percent(share))
    };
    model.arrive(&force(2, 20.0));
    assert_eq!((model.run(), model.record().best), (run(2), percent(20.0)));
    assert_eq!(model.arrive(&arriving(1, percent(100.0))).day, None);
    assert_eq!(model.arrive(&arriving(2, percent(20.0))).day, None);
    // What comes later is compared with it as with any other.
    model.arrive(&arriving(3, percent(10.0)));
    assert_eq!(model.run(), run(2));
    model.arrive(&arriving(4, percent(100.0)));
    assert_eq!((model.run(), model.record().forced), (run(4), false));
    // Even an older one.
    model.arrive(&force(1, 20.0));
    assert_eq!(model.run(), run(1));
}

#[test]
fn a_run_whose_clock_was_ahead_counts_as_older_than_any() {
    let mut model = Model::of(&[(999, percent(100.0))]);
    model.lake.as_mut().unwrap().is_ahead = true;
    let decision = model.arrive(&arriving(1, percent(50.0)));
    assert_eq!((model.run(), reported(&decision)), (run(999), vec![run(1)]));
    model.lake.as_mut().unwrap().is_ahead = true;
    model.arrive(&arriving(2, percent(95.0)));
    assert_eq!(model.run(), run(2));
    assert!(model.record().alternatives.is_empty());
}

/// The newest of the sets that lost nothing against the best of all.
fn newest_whole(sets: &BTreeMap<RunId, Quantities>) -> Option<RunId> {
    let best = sets.values().copied().reduce(Quantities::max)?;
    let whole = |quantities: &Quantities| quantities.loss(&best, Tolerance::percent(TEN)).is_none();
    let newest = sets.iter().rev().find(|(_, quantities)| whole(quantities));
    newest.map(|(run, _)| *run)
}

/// Shares of a full day as sources lose them, many of them close to the tolerance.
fn share() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(100.0),
        (85_u32..110).prop_map(f64::from),
        (0_u32..100).prop_map(f64::from)
    ]
}

fn any_quantities() -> impl Strategy<Value = Quantities> {
    let rows = prop_oneof![Just(20_u64), 1_u64..40];
    prop_oneof![
        share().prop_map(percent),
        (rows, share(), share(), share())
            .prop_map(|(rows, minutes, core_hours, bytes)| quantities(rows, minutes, core_hours, bytes)),
    ]
}

/// Sets by their runs' numbers, and the order of deliveries: each at least once.
fn deliveries(
    most: usize,
    set: impl Strategy<Value = Quantities>,
) -> impl Strategy<Value = (Vec<Quantities>, Vec<usize>)> {
    prop::collection::vec(set, 1..=most).prop_flat_map(|sets| {
        let again = prop::collection::vec(0..sets.len(), 0..8);
        let order = again.prop_map({
            let count = sets.len();
            move |again| (0..count).chain(again).collect::<Vec<usize>>()
        });
        (Just(sets), order.prop_shuffle())
    })
}

fn check(sets: &[Quantities], order: &[usize]) -> Result<(), TestCaseError> {
    let mut model = Model::default();
    for index in order {
        let set = arriving(u32::try_from(*index).unwrap(), sets[*index]);
        model.arrive(&set);
        // At no time is there anything else than the newest whole set delivered so far, if there is one.
        let expected = newest_whole(&model.staged);
        prop_assert_eq!(expected.unwrap_or(model.run()), model.run());
        let best = model.staged.values().copied().reduce(Quantities::max).unwrap();
        prop_assert_eq!(model.record().best, best);
        // The same set again changes nothing.
        let before = model.lake.clone();
        let again = model.arrive(&set);
        prop_assert_eq!(again.day, None);
        prop_assert_eq!(&model.lake, &before);
        prop_assert!(
            model.run() == set.run || expected.is_none() || again.thinner.iter().all(|thinner| thinner.run == set.run)
        );
        // A newer set that is not the day is reported.
        if set.run > model.run() {
            prop_assert_eq!(again.thinner.len(), 1);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_whole_set_stands_in_any_order((sets, order) in deliveries(5, any_quantities())) {
        check(&sets, &order)?;
    }

    /// With any number of sets, as long as few of them differ.
    #[test]
    fn the_newest_whole_set_stands_among_many(
        (sets, order) in deliveries(30, prop::sample::select(vec![100.0, 100.0, 105.0, 92.0, 50.0, 3.0]).prop_map(percent)),
    ) {
        check(&sets, &order)?;
    }

    /// A restatement that changes costs alone has the same quantities.
    #[test]
    fn equal_quantities_always_replace(quantities in any_quantities(), numbers in prop::collection::vec(0_u32..20, 1..9)) {
        let mut model = Model::default();
        for number in &numbers {
            model.arrive(&arriving(*number, quantities));
            prop_assert!(model.record().alternatives.is_empty());
        }
        prop_assert_eq!(Some(model.run()), numbers.into_iter().max().map(run));
    }
}
