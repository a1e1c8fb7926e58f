//! What a tally counts, up to which limits, and on which page.

use super::*;

#[test]
fn a_tally_says_what_it_has_seen() {
    let other = Row {
        cluster: "two",
        ..Row::new("c")
    };
    let sets = [
        vec![Row::new("a"), Row::new("b"), other.clone().window(24, 48)],
        vec![other.window(-24, 0)],
    ];
    let found = tally(&sets);
    assert_eq!(found.aggregation(), Some(Aggregation::Container));
    assert_eq!((found.rows(), found.rows_of_largest_set(), found.keys()), (4, 3, 4));
    assert_eq!((found.sum(TOTAL_COST), found.has_unknown_keys()), (1.5, false));
    assert_eq!(found.clusters(), &BTreeSet::from(["one".to_owned()]));
    let days: BTreeSet<Day> = found.days().collect();
    assert_eq!(days, BTreeSet::from([day().minus(1), day(), day().next()]));
    assert_eq!(
        found.keys_in_common(&tally(&sets[..1])),
        0,
        "each has a hasher of its own"
    );
    let none = tally(&[]);
    assert_eq!((none.rows(), none.rows_of_largest_set(), none.keys()), (0, 0, 0));
}

#[test]
fn the_first_clusters_are_remembered_and_long_ids_are_shortened() {
    let cluster = |number: usize| {
        if number == 1 {
            "x".repeat(5000)
        } else {
            format!("{number:01024}")
        }
    };
    let mut found = Tally::new(day(), None);
    for number in 0..MOST_CLUSTERS + 5 {
        let json = format!(r#"{{"properties":{{"cluster":"{}"}},"totalCost":1}}"#, cluster(number));
        let key = number.to_string();
        add(&mut found, &key, &json);
    }
    assert_eq!(found.clusters().len(), MOST_CLUSTERS);
    assert!(found.clusters().contains(&cluster(0)) && found.clusters().contains(&excerpt(&cluster(1))));
}

#[test]
fn a_response_has_at_most_400_sets() {
    let mut found = Tally::new(day(), None);
    let most = u32::try_from(MOST_SETS).unwrap();
    for set in 0..most {
        found.add_unreadable(set, "a", &"").unwrap();
    }
    found.add_unreadable(most - 1, "b", &"").unwrap();
    let fault = found.add_unreadable(most, "a", &"").unwrap_err();
    assert!(fault.contains("more than 400 sets"), "{fault}");
}

#[test]
fn keys_out_of_order_are_unknown_unless_all_are_remembered() {
    let json = Row::new("a").json();
    for (of_all, mut found) in [
        (false, Tally::new(day(), None)),
        (true, Tally::of_all_keys(day(), None)),
    ] {
        for number in (0..=keys::MOST_IN_TABLE).rev() {
            let key = format!("{number:06}");
            found.note_key(0, &key).unwrap();
        }
        assert_eq!(found.has_unknown_keys(), !of_all);
        add(&mut found, "a", &json);
        let mut whole = Tally::new(day(), None);
        whole.add_page(found.clone());
        assert_eq!(whole.has_unknown_keys(), !of_all);
        // The key that the table had no room for.
        let mut page = found.next_page();
        add(&mut page, "000000", &json);
        found.add_page(page);
        assert_eq!(found.has_unknown_keys(), !of_all);
        assert_eq!(found.verdict(&expected(&[])).is_err(), of_all);
    }
}

#[test]
fn a_source_that_does_not_know_the_aggregation_sends_one_row_without_a_name() {
    let find = |keys: &[&str]| {
        let mut found = Tally::new(day(), Some(Aggregation::Namespace));
        for key in keys {
            add(&mut found, key, r#"{"totalCost":1}"#);
        }
        let verdict = found.verdict(&expected(&[]));
        verdict.unwrap_err().to_string()
    };
    assert!(find(&[""]).contains("it does not know the aggregation 'namespace' (set by AGGREGATION)"));
    assert!(find(&["a"]).contains("1 of 1 rows lack namespace, among them 'a'"));
    assert!(find(&["", "a"]).contains("2 of 2 rows lack namespace"));
}

#[test]
fn few_rows_that_lack_what_was_asked_for_are_a_warning_and_more_than_half_a_fault() {
    let find = |whole: usize, lacking: usize| {
        let mut found = Tally::new(day(), Some(Aggregation::Namespace));
        for number in 0..whole + lacking {
            let key = number.to_string();
            let namespace = if number < whole { "n" } else { "" };
            let json = format!(r#"{{"properties":{{"namespace":"{namespace}"}},"totalCost":1}}"#);
            add(&mut found, &key, &json);
        }
        found.verdict(&expected(&[])).map(|verdict| verdict.warnings)
    };
    assert_eq!(find(3, 0), Ok(vec![]));
    let message = "an aggregation by namespace was asked for, and 1 of 2 rows lack namespace, among them '1'";
    assert_eq!(find(1, 1), Ok(vec![message.to_owned()]));
    let fault = find(2, 3).unwrap_err().to_string();
    assert!(
        fault.contains("3 of 5 rows lack namespace, among them '2': check AGGREGATION"),
        "{fault}"
    );
}

#[test]
fn only_what_is_odd_is_warned_of() {
    let mut rows = vec![Row::new("a"), Row::new("b").fields(r#""cpuCost":0.5"#)];
    let found = verdict(&[rows.clone()]).unwrap();
    assert_eq!(
        found.warnings,
        ["computed the total cost of 1 row without one from its parts"]
    );
    rows.push(Row::new("c").fields(r#""cpuCost":0.5,"totalCost":0.75"#));
    rows.push(Row::new("d").fields(r#""cpuCost":0.5,"totalCost":0.75"#));
    let found = verdict(&[rows]).unwrap();
    assert_eq!(
        found.warnings[0],
        "kept the source's total of 2 rows where it disagrees with its parts, such as 'c'"
    );
}

/// Whatever is odd about rows, it is found on whichever page they are.
#[test]
fn odd_rows_count_the_same_on_any_page() {
    let zero = |key: &str| Row {
        observed: (0, 0),
        ..Row::new(key)
    };
    let rows = [
        Row::new("a").fields(r#""cpuCost":0.5,"totalCost":0.75"#),
        Row::new("b").fields(r#""cpuCost":0.5"#),
        Row::new("c").fields(r#""cpuCoreHours":24"#),
        Row::new("d").window(-1, 1),
        Row::new("e").window(24, 48),
        zero("f").fields(r#""totalCost":0"#),
        zero("g").fields(r#""cpuCoreHours":24"#),
        Row::new("h"),
        Row::new("one/__idle__"),
        Row::new("i").fields(r#""cpuCost":0.5,"totalCost":0.75"#),
        Row::new("j").fields(r#""cpuCoreHours":24"#),
    ];
    let lacking = r#"{"totalCost":2}"#;
    let find = |cut: usize, unreadable: bool| {
        let mut whole = tally(&[]);
        let mut page = whole.next_page();
        for (number, row) in rows.iter().enumerate() {
            add(if number < cut { &mut whole } else { &mut page }, &row.key, &row.json());
        }
        for (number, key) in ["y", "z"].into_iter().enumerate() {
            let on = if number < cut { &mut whole } else { &mut page };
            add(on, key, lacking);
            if unreadable {
                on.add_unreadable(0, &format!("{key}?"), &format!("wrong {key}"))
                    .unwrap();
            }
        }
        whole.add_page(page);
        whole.verdict(&expected(&[]))
    };
    let all = find(rows.len(), false).unwrap();
    assert_eq!(
        (all.rows, all.rows_left_out, all.computed_totals, all.disagreeing_totals),
        (11, 2, 1, 2)
    );
    assert_eq!(all.quantities.rows, 10);
    insta::assert_snapshot!(all.warnings.join("\n"), @r"
    found 2 rows with minutes and no field with a cost, such as 'c'
    an aggregation by container was asked for, and 2 of 10 rows lack container or pod, among them 'y'
    left out 2 rows not of the day, one of them of 2026-11-19T23:00:00Z to 2026-11-20T01:00:00Z
    kept the source's total of 2 rows where it disagrees with its parts, such as 'a'
    computed the total cost of 1 row without one from its parts
    ");
    let unread = find(rows.len(), true).unwrap_err();
    assert_eq!(unread.to_string(), "2 of 13 rows cannot be read: wrong y");
    for cut in 0..=rows.len() {
        let found = find(cut, false).unwrap();
        assert_eq!(found.warnings.len(), all.warnings.len(), "{cut}");
        assert_eq!(
            (found.rows, found.quantities, found.coverage),
            (all.rows, all.quantities, all.coverage),
            "{cut}"
        );
        let counts = |verdict: &Verdict| {
            (
                verdict.rows_left_out,
                verdict.computed_totals,
                verdict.disagreeing_totals,
            )
        };
        assert_eq!(counts(&found), counts(&all), "{cut}");
        assert_eq!(found.partial, all.partial, "{cut}");
        assert!((found.total_cost - all.total_cost).abs() < 1e-12, "{cut}");
        let fault = find(cut, true).unwrap_err().to_string();
        assert!(
            fault.starts_with("2 of 13 rows cannot be read: wrong "),
            "{cut}: {fault}"
        );
    }
}
