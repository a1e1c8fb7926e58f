use proptest::prelude::*;

use super::*;
use crate::RowParser;

mod counted;

fn day() -> Day {
    "2026-11-20".parse().unwrap()
}

/// A container's row from one hour of the day to another, by its window and by what was observed.
#[derive(Debug, Clone)]
struct Row {
    key: String,
    cluster: &'static str,
    window: (i64, i64),
    observed: (i64, i64),
    fields: String,
}

fn hour(hour: i64) -> String {
    (day().start() + chrono::TimeDelta::hours(hour)).to_rfc3339()
}

impl Row {
    fn new(key: &str) -> Self {
        let fields = r#""cpuCoreHours":24,"ramByteHours":1000,"cpuCost":0.5,"ramCost":0.25,"totalCost":0.75"#;
        Self {
            key: key.to_owned(),
            cluster: "one",
            window: (0, 24),
            observed: (0, 24),
            fields: fields.to_owned(),
        }
    }

    fn window(self, from: i64, to: i64) -> Self {
        Self {
            window: (from, to),
            observed: (from, to),
            ..self
        }
    }

    fn fields(self, fields: &str) -> Self {
        Self {
            fields: fields.to_owned(),
            ..self
        }
    }

    fn json(&self) -> String {
        let Self {
            key,
            cluster,
            window,
            observed,
            fields,
        } = self;
        let minutes = (observed.1 - observed.0) * 60;
        format!(
            r#"{{"properties":{{"cluster":"{cluster}","namespace":"n","pod":"{key}","container":"c"}},"window":{{"start":"{}","end":"{}"}},
            "start":"{}","end":"{}","minutes":{minutes},{fields}}}"#,
            hour(window.0),
            hour(window.1),
            hour(observed.0),
            hour(observed.1)
        )
    }
}

fn add(to: &mut Tally, key: &str, json: &str) {
    let row = RowParser::new().parse(key, json).unwrap();
    to.add(0, key, &row).unwrap();
}

fn tally(sets: &[Vec<Row>]) -> Tally {
    let mut tally = Tally::new(day(), Some(Aggregation::Container));
    let mut parser = RowParser::new();
    for (set, rows) in (0..).zip(sets) {
        for row in rows {
            tally
                .add(set, &row.key, &parser.parse(&row.key, &row.json()).unwrap())
                .unwrap();
        }
    }
    tally
}

fn expected(clusters: &[&str]) -> Expectation {
    Expectation {
        day: day(),
        aggregation: Some(Aggregation::Container),
        clusters: clusters.iter().map(|id| (*id).to_owned()).collect(),
    }
}

fn verdict(sets: &[Vec<Row>]) -> Result<Verdict, String> {
    tally(sets)
        .verdict(&expected(&[]))
        .map_err(|refusal| refusal.to_string())
}

fn refused(sets: &[Vec<Row>], word: &str) {
    let message = verdict(sets).unwrap_err();
    assert!(message.contains(word), "{message}");
}

#[test]
fn a_whole_day_is_counted_and_summed() {
    let found = verdict(&[vec![Row::new("a"), Row::new("b")]]).unwrap();
    assert_eq!((found.rows, found.total_cost, found.set), (2, 1.5, None));
    assert_eq!(
        found.quantities,
        Quantities {
            rows: 2,
            minutes: 2880.0,
            core_hours: 48.0,
            ram_byte_hours: 2000.0
        }
    );
    assert_eq!(found.coverage.share(day()), Some(1.0));
    assert!(
        found.partial.is_empty() && found.warnings.is_empty() && !found.is_no_data(),
        "{found:?}"
    );
}

#[test]
fn one_odd_row_neither_moves_nor_refuses_the_others() {
    for odd in [
        Row::new("odd").window(-48, -24),
        Row::new("odd").window(-24, 0),
        Row::new("odd").window(24, 48),
        Row::new("odd").window(-1, 1),
    ] {
        for first in [true, false] {
            let mut rows = vec![Row::new("a"), Row::new("b")];
            rows.insert(if first { 0 } else { 2 }, odd.clone());
            let found = verdict(&[rows]).unwrap();
            assert_eq!((found.rows, found.total_cost, found.rows_left_out), (2, 1.5, 1));
            let overlaps = odd.window == (-1, 1);
            assert_eq!(found.partial.contains(&PartialReason::RowsLeftOut), overlaps);
            assert!(found.warnings[0].contains("left out"), "{found:?}");
        }
    }
}

#[test]
fn a_response_about_another_day_is_refused_and_a_shifted_one_names_the_offset() {
    for (from, word) in [
        (24, "another time"),
        (-240, "another time"),
        (5, "UTC offset is -05:00"),
        (-9, "UTC offset is +09:00"),
    ] {
        refused(
            &[vec![
                Row::new("a").window(from, from + 24),
                Row::new("b").window(from, from + 24),
            ]],
            word,
        );
    }
}

#[test]
fn nothing_is_counted_twice() {
    refused(&[vec![Row::new("a"), Row::new("a")]], "comes twice");
    refused(&[vec![Row::new("a")], vec![Row::new("a")]], "overlap");
    refused(
        &[vec![Row::new("a").window(0, 13)], vec![Row::new("a").window(12, 24)]],
        "overlap",
    );
    let mut first = tally(&[vec![Row::new("a")]]);
    let mut page = first.next_page();
    add(&mut page, "a", &Row::new("a").json());
    assert_eq!(page.keys_in_common(&first), 1);
    for key in ["b", "c"] {
        page.note_key(0, key).unwrap();
        first.note_key(0, key).unwrap();
    }
    assert_eq!((page.keys_in_common(&first), page.keys()), (3, 3));
    first.add_page(page);
    assert_eq!(
        first.verdict(&expected(&[])).unwrap().rows,
        2,
        "pages are compared by those who ask for them"
    );
}

#[test]
fn sets_of_other_days_are_left_out_and_the_day_is_found_by_most_rows() {
    let sets = [
        vec![Row::new("a").window(-24, 0)],
        vec![Row::new("a")],
        vec![Row::new("a").window(24, 48)],
    ];
    let found = verdict(&sets).unwrap();
    assert_eq!((found.set, found.rows), (Some(1), 1));
    refused(
        &[
            vec![Row::new("a").window(0, 12)],
            vec![Row::new("a").window(12, 24)],
            vec![Row::new("a").window(24, 36)],
        ],
        "2 of",
    );
}

#[test]
fn a_day_that_is_not_covered_is_partial() {
    for (sets, partial) in [
        (vec![vec![Row::new("a").window(0, 15)]], true),
        (vec![vec![Row::new("a").window(6, 24)]], true),
        (
            vec![vec![Row::new("a").window(0, 12)], vec![Row::new("a").window(13, 24)]],
            true,
        ),
        (
            vec![vec![Row::new("a").window(0, 12)], vec![Row::new("a").window(12, 24)]],
            false,
        ),
    ] {
        let found = verdict(&sets).unwrap();
        assert_eq!(
            found.partial.contains(&PartialReason::Windows),
            partial,
            "{sets:?}: {found:?}"
        );
    }
    let late = Row {
        observed: (18, 24),
        ..Row::new("a")
    };
    let found = verdict(&[vec![late]]).unwrap();
    assert_eq!(found.coverage.share(day()), Some(0.25));
}

#[test]
fn rows_of_zero_minutes_and_special_rows_observe_nothing() {
    let edge = Row {
        observed: (0, 0),
        ..Row::new("edge")
    };
    let idle = Row::new("one/__idle__");
    let found = verdict(&[vec![
        edge,
        idle,
        Row {
            observed: (12, 24),
            ..Row::new("a")
        },
    ]])
    .unwrap();
    assert_eq!((found.rows, found.quantities.rows), (3, 2));
    assert_eq!(found.coverage.share(day()), Some(0.5));
}

#[test]
fn a_day_without_cost_and_without_minutes_is_no_data() {
    let nothing = r#""cpuCost":0,"totalCost":0"#;
    let edge = Row {
        observed: (0, 0),
        ..Row::new("a").fields(nothing)
    };
    assert!(verdict(&[vec![edge.clone()]]).unwrap().is_no_data());
    assert!(
        verdict(&[vec![Row::new("one/__unmounted__").fields(nothing)]])
            .unwrap()
            .is_no_data()
    );
    assert!(!verdict(&[vec![Row::new("a").fields(nothing)]]).unwrap().is_no_data());
    assert!(
        !verdict(&[vec![edge.fields(r#""totalCost":0.1"#)]])
            .unwrap()
            .is_no_data()
    );
    assert!(verdict(&[]).unwrap().is_no_data());
}

#[test]
fn a_response_without_any_cost_is_refused_and_single_rows_without_are_flagged() {
    let costless = |key: &str| Row::new(key).fields(r#""cpuCoreHours":24"#);
    let idle = Row {
        observed: (0, 0),
        ..costless("idle")
    };
    refused(
        &[vec![costless("a"), costless("b"), idle.clone()]],
        "none of the 3 rows has a field with a cost",
    );
    assert!(verdict(&[vec![idle]]).unwrap().is_no_data());
    let found = verdict(&[vec![Row::new("a"), costless("b")]]).unwrap();
    assert_eq!(found.rows, 2);
    assert!(found.warnings[0].contains("such as 'b'"), "{found:?}");
    let null = verdict(&[vec![Row::new("a").fields(r#""totalCost":null"#)]]).unwrap();
    assert!(null.warnings.is_empty(), "{null:?}");
}

#[test]
fn rows_of_other_clusters_are_refused_with_their_names() {
    let other = |key| Row {
        cluster: "two",
        ..Row::new(key)
    };
    let without = Row {
        cluster: "",
        ..Row::new("one/__idle__")
    };
    let both = [vec![Row::new("a"), other("b"), without.clone()]];
    let check = |sets: &[Vec<Row>], clusters: &[&str]| tally(sets).verdict(&expected(clusters)).map(|found| found.rows);
    let message = |sets: &[Vec<Row>], clusters: &[&str]| check(sets, clusters).unwrap_err().to_string();
    assert!(message(&both, &[]).contains("2 clusters: 'one', 'two'"));
    assert!(message(&both, &[]).contains("SOURCE_FILTER"));
    assert!(message(&both, &["one"]).contains("rows of 'two' came"));
    assert_eq!(check(&both, &["one", "two"]), Ok(3));
    assert_eq!(check(&[vec![Row::new("a"), without]], &["one"]), Ok(2));
}

#[test]
fn totals_are_computed_or_flagged() {
    let sum = |fields: &str| verdict(&[vec![Row::new("a").fields(fields)]]).unwrap();
    for missing in [
        r#""cpuCost":0.5,"ramCost":0.25,"cpuCostAdjustment":-0.1"#,
        r#""cpuCost":0.65,"totalCost":null"#,
    ] {
        let found = sum(missing);
        assert!(
            (found.total_cost - 0.65).abs() < 1e-12 && found.computed_totals == 1,
            "{found:?}"
        );
    }
    let found = sum(r#""cpuCost":0.5,"totalCost":0.75"#);
    assert_eq!((found.total_cost, found.disagreeing_totals), (0.75, 1));
    assert_eq!(sum(r#""cpuCost":0.5,"totalCost":0.50005"#).disagreeing_totals, 0);
    refused(
        &[vec![
            Row::new("a").fields(r#""cpuCost":1e308"#),
            Row::new("b").fields(r#""cpuCost":1e308"#),
        ]],
        "not a finite number",
    );
}

#[test]
fn merged_rows_are_to_be_asked_for_in_another_way() {
    let merged = |key: &str| {
        let mut tally = Tally::new(day(), Some(Aggregation::Container));
        let json = r#"{"properties":{"cluster":"one","container":"c"},"totalCost":1}"#;
        add(&mut tally, key, json);
        tally.verdict(&expected(&[]))
    };
    assert!(matches!(merged("c"), Err(Refusal::NotContainers(message)) if message.contains("merged")));
    assert!(merged("one/__idle__").is_ok());
}

#[test]
fn a_row_that_cannot_be_read_refuses_the_day() {
    let mut tally = tally(&[vec![Row::new("a")]]);
    tally.add_unreadable(0, "b", &"field 'minutes' holds 'x'").unwrap();
    let message = tally.verdict(&expected(&[])).unwrap_err().to_string();
    assert_eq!(message, "1 of 2 rows cannot be read: field 'minutes' holds 'x'");
}

proptest! {
    /// Lost heads and tails of 5 % and more are always found; a day that lost nothing never is.
    #[test]
    fn lost_heads_and_tails_are_found(pods in prop::collection::vec((0_i64..1440, 1_i64..1440), 0..30), lost in 0_i64..1440, head in any::<bool>()) {
        let kept = if head { (lost, 1440) } else { (0, 1440 - lost) };
        let mut tally = Tally::new(day(), Some(Aggregation::Container));
        let mut parser = RowParser::new();
        // One workload runs all day, as on any cluster that is not scaled to zero.
        for (index, (from, length)) in std::iter::once((0, 1440)).chain(pods).enumerate() {
            let (from, to) = (from.max(kept.0), (from + length).min(kept.1));
            if from >= to {
                continue;
            }
            let time = |minute: i64| (day().start() + chrono::TimeDelta::minutes(minute)).to_rfc3339();
            let json = format!(
                r#"{{"window":{{"start":"{}","end":"{}"}},"start":"{}","end":"{}","minutes":{},"totalCost":1,
                "properties":{{"pod":"p","container":"c"}}}}"#,
                time(0), time(1440), time(from), time(to), to - from
            );
            tally.add(0, &index.to_string(), &parser.parse("", &json).unwrap()).unwrap();
        }
        let found = tally.verdict(&expected(&[])).unwrap();
        if lost < 1440 {
            prop_assert_eq!(found.coverage.is_partial(day()), lost >= 72, "{} minutes lost: {:?}", lost, found);
        }
    }

    /// However rows are spread over pages, the verdict is the same.
    #[test]
    fn pages_add_up_to_the_whole(rows in prop::collection::vec((0_i64..20, 1_i64..24), 1..40), cut in any::<prop::sample::Index>()) {
        let rows: Vec<Row> = rows
            .into_iter()
            .enumerate()
            .map(|(index, (from, length))| Row { observed: (from, (from + length).min(24)), ..Row::new(&index.to_string()) })
            .collect();
        let whole = tally(std::slice::from_ref(&rows)).verdict(&expected(&[])).unwrap();
        let (first, second) = rows.split_at(cut.index(rows.len()));
        let mut pages = tally(&[first.to_vec()]);
        let mut page = pages.next_page();
        for row in second {
            add(&mut page, &row.key, &row.json());
        }
        pages.add_page(page);
        prop_assert_eq!(pages.verdict(&expected(&[])).unwrap(), whole);
    }
}
