use chrono::DateTime;
use table::{GpuText, number_name};

use super::*;

fn parse(json: &str) -> Result<Allocation<'_>, RowError> {
    RowParser::new().parse("the-key", json)
}

fn row(json: &str) -> Allocation<'_> {
    parse(json).unwrap()
}

fn fault(json: &str) -> String {
    parse(json).unwrap_err().to_string()
}

fn index(name: &str) -> usize {
    (0..NUMBERS).find(|index| number_name(*index) == name).unwrap()
}

fn named(allocation: &Allocation<'_>, name: &str) -> Option<f64> {
    allocation.number(index(name))
}

#[test]
fn a_row_is_read_field_by_field() {
    let row = row(
        r#"{"name":"c/n/ns/p/x","properties":{"cluster":"c","node":"n","namespace":"ns","pod":"p","container":"x",
        "controller":"d","controllerKind":"deployment","providerID":"i-1","services":["a"],
        "labels":{"app":"x","version":"1.20"},"annotations":{"note":"a\"b\n😀"}},
        "window":{"start":"2026-11-20T00:00:00Z","end":"2026-11-21T00:00:00Z"},"minutes":1440,"cpuCost":0.5,
        "totalCost":"1.25","totalEfficiency":null,"pvs":{"a":{"cost":1}},"lbAllocations":null}"#,
    );
    assert_eq!(row.name, "c/n/ns/p/x");
    assert_eq!(row.window_start, Some(1_795_132_800_000));
    assert_eq!(row.window_end, Some(1_795_219_200_000));
    let properties: Vec<&str> = Property::ALL.iter().map(|property| row.property(*property)).collect();
    assert_eq!(properties, ["c", "x", "ns", "p", "n", "d", "deployment", "i-1"]);
    assert_eq!(
        row.labels[..],
        [("app".into(), "x".into()), ("version".into(), "1.20".into())] as [(Cow<'_, str>, Cow<'_, str>); 2]
    );
    assert_eq!(row.annotations[0].1, "a\"b\n😀");
    assert!(matches!(row.labels[0].0, Cow::Borrowed(_)));
    assert_eq!(named(&row, "minutes"), Some(1440.0));
    assert_eq!(named(&row, "totalCost"), Some(1.25));
    assert_eq!(named(&row, "totalEfficiency"), None);
    assert_eq!(row.numbers()[index("totalEfficiency")], 0.0);
}

#[test]
fn what_sources_write_is_read_without_serde_json() {
    let json = r#"{"name":"a","properties":{"cluster":"c","labels":{"x":"1"},"services":["s"]},"cpuCost":0.5,"totalCost":0.5,
        "gpuAllocation":{"isGPUShared":false},"pvs":{"v":{"cost":0.5}},"proportionalAssetResourceCosts":{"a":[true,null]}}"#;
    for mut parser in [RowParser::new(), RowParser::without_labels()] {
        // Fields are expected where they were in the row before.
        for _ in 0..2 {
            let mut row = Row::new(&mut parser);
            assert!(json::read(json, Object(&mut row)).is_some());
        }
    }
}

#[test]
fn a_parser_without_labels_checks_and_drops_them() {
    let row = |labels: &str| {
        format!(r#"{{"properties":{{"labels":{labels},"annotations":{labels},"pod":"p"}},"totalCost":1}}"#)
    };
    for labels in [r#"{"team":"a","more":["b",1]}"#, "{}", "null", r#""""#] {
        let json = row(labels);
        let found = RowParser::without_labels().parse("a", &json).unwrap();
        assert!(found.labels.is_empty() && found.annotations.is_empty(), "{labels}");
        assert_eq!(
            (found.property(Property::Pod), named(&found, "totalCost")),
            ("p", Some(1.0))
        );
    }
    for wrong in [r#""a text""#, "7", "[]", r#"{"team":"\x"}"#, r#"{"team":}"#] {
        let json = row(wrong);
        let fault = |mut parser: RowParser| parser.parse("a", &json).unwrap_err().to_string();
        assert_eq!(fault(RowParser::without_labels()), fault(RowParser::new()), "{wrong}");
    }
}

#[test]
fn totals_may_differ_from_their_parts_by_what_rounding_explains() {
    for (cost, total, expected) in [
        ("1", "1.00009", TotalCost::Given),
        ("1", "1.0002", TotalCost::Disagrees),
        ("1", "0.9998", TotalCost::Disagrees),
        ("1000000", "1000000.9", TotalCost::Given),
        ("1000000", "1000001.1", TotalCost::Disagrees),
        ("-1000000", "-1000000.9", TotalCost::Given),
    ] {
        let json = format!(r#"{{"cpuCost":{cost},"totalCost":{total}}}"#);
        assert_eq!(row(&json).total_cost, expected, "{json}");
    }
}

#[test]
fn rows_may_lack_everything() {
    for json in [
        "{}",
        r#"{"name":"","properties":{"cluster":""},"minutes":0}"#,
        r#"{"totalCost":0,"new":1}"#,
        r#"{"cpuCost":null,"properties":null,"window":null,"name":null}"#,
        r#"{"cpuCost":1,"properties":{"labels":null,"annotations":"None","node":null},"window":{"start":null,"end":""},"pvs":"None"}"#,
        r#"{"cpuCost":1,"properties":"","window":{},"pvs":{}}"#,
    ] {
        let row = row(json);
        assert_eq!(
            (row.name.as_ref(), row.window_start, row.window_end),
            ("the-key", None, None),
            "{json}"
        );
        assert!(row.labels.is_empty() && row.property(Property::Node).is_empty());
    }
}

#[test]
fn times_have_fractions_and_offsets() {
    for (text, expected) in [
        ("2026-11-20T00:00:00.123456789Z", 1_795_132_800_123),
        ("2026-11-20T01:00:00.9999+01:00", 1_795_132_800_999),
        ("2026-11-19T19:00:00-05:00", 1_795_132_800_000),
    ] {
        let json = format!(r#"{{"totalCost":0,"window":{{"start":"{text}","end":"{text}"}}}}"#);
        let row = row(&json);
        assert_eq!(
            (row.window_start, row.window_end),
            (Some(expected), Some(expected)),
            "{text}"
        );
    }
}

#[test]
fn a_parser_does_not_mix_up_times_of_rows() {
    let mut parser = RowParser::new();
    let json = |start, end| format!(r#"{{"totalCost":0,"window":{{"start":"{start}","end":"{end}"}}}}"#);
    for (start, end) in [
        ("2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"),
        ("2026-11-21T00:00:00Z", "2026-11-21T00:00:01Z"),
    ] {
        for _ in 0..2 {
            let json = json(start, end);
            let row = parser.parse("", &json).unwrap();
            let expected = |text| DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
            assert_eq!(
                (row.window_start, row.window_end),
                (Some(expected(start)), Some(expected(end)))
            );
        }
    }
}

#[test]
fn idle_rows_name_their_node() {
    for (json, node) in [
        (
            r#"{"name":"c/n1/__idle__","totalCost":1,"properties":{"cluster":"c"}}"#,
            "n1",
        ),
        (
            r#"{"name":"c/n1/__idle__","totalCost":1,"properties":{"cluster":"c","node":"n2"}}"#,
            "n2",
        ),
        (r#"{"name":"__idle__","totalCost":1}"#, ""),
        (r#"{"name":"c/n1/ns/pod/x","totalCost":1}"#, ""),
    ] {
        assert_eq!(row(json).node(), node, "{json}");
    }
}

#[test]
fn faults_name_row_and_field() {
    let faults: Vec<String> = [
        r#"{"cpuCost":"abc"}"#,
        r#"{"cpuCost":1,"minutes":{"a":1}}"#,
        r#"{"cpuCost":1,"window":{"start":"yesterday"}}"#,
        r#"{"cpuCost":1,"window":"2026-11-20"}"#,
        r#"{"cpuCost":1,"properties":[]}"#,
        r#"{"cpuCost":1,"properties":{"labels":["a"]}}"#,
        r#"{"co2e":1.5,"properties":{}}"#,
        "[]",
        "null",
        "720",
        r#"{"cpuCost":1,"#,
        r#"{"cpuCost":1e999}"#,
    ]
    .into_iter()
    .map(fault)
    .collect();
    insta::assert_snapshot!(faults.join("\n"), @r"
    row 'the-key': field 'cpuCost' holds the text 'abc', where a number must be
    row 'the-key': field 'minutes' holds an object, where a number must be
    row 'the-key': field 'window.start' holds 'yesterday', where a time as in RFC 3339 must be
    row 'the-key': field 'window' holds the text '2026-11-20', where an object must be
    row 'the-key': field 'properties' holds an array, where an object must be
    row 'the-key': field 'properties.labels' holds an array, where an object must be
    row 'the-key': has fields, but none with a cost: this is not a response of the allocation API
    row 'the-key': is an array, where an object must be
    row 'the-key': is null, where an object must be
    row 'the-key': is 720, where an object must be
    row 'the-key': is not valid JSON: EOF while parsing a value at line 1 column 13
    row 'the-key': is not valid JSON: number out of range at line 1 column 16
    ");
}

#[test]
fn fields_are_found_in_any_order() {
    let mut parser = RowParser::new();
    for order in [
        ["cpuCost", "name", "minutes"],
        ["minutes", "cpuCost", "name"],
        ["name", "new", "minutes"],
    ] {
        for _ in 0..2 {
            let fields = order.map(|field| format!(r#""{field}":"{}""#, field.len()));
            let json = format!("{{{},\"totalCost\":1}}", fields.join(","));
            let row = parser.parse("", &json).unwrap();
            assert_eq!(row.name, "4");
            assert_eq!(named(&row, "minutes"), Some(7.0));
            assert_eq!(named(&row, "cpuCost"), order.contains(&"cpuCost").then_some(7.0));
            assert_eq!(named(&row, "totalCost"), Some(1.0));
        }
    }
}

#[test]
fn unknown_fields_are_counted_and_their_names_bounded() {
    let mut parser = RowParser::new();
    for index in 0..200 {
        let json = format!(r#"{{"totalCost":1,"field{index}":{{"a":[1]}},"properties":{{"new":1}}}}"#);
        parser.parse("", &json).unwrap();
    }
    let unknown = parser.unknown_fields();
    assert_eq!((unknown.total(), unknown.names().len()), (400, 64));
    assert_eq!(unknown.names()["properties.new"], 200);
}

#[test]
fn objects_within_a_row_are_read() {
    let row = row(
        r#"{"totalCost":1,"gpuAllocation":{"gpuDevice":"nvidia0","gpuModel":"T4","gpuUUID":"GPU-1","isGPUShared":false,
        "gpuUsageAverage":0.5,"gpuRequestAverage":1},"rawAllocationOnly":{"cpuCoreUsageMax":2,"ramByteUsageMax":3,"gpuUsageMax":null},
        "pvs":{"cluster=c:name=pvc-1":{"byteHours":4,"cost":0.5,"adjustment":-0.1,"providerID":"vol-1"},"odd":null},
        "lbAllocations":{"c/ns/s":{"service":"ns/s","cost":0.25,"adjustment":-0.05,"private":true,"ip":"10.0.0.1","hours":24}},
        "properties":{"services":["a","b"],"namespaceLabels":{"team":"x"},"namespaceAnnotations":{"note":"y"}}}"#,
    );
    assert_eq!(
        GpuText::ALL.map(|text| row.gpu.text(text).to_owned()),
        ["T4", "nvidia0", "GPU-1"]
    );
    assert_eq!(row.gpu.shared, Some(false));
    let numbers = [
        "gpuUsageAverage",
        "gpuRequestAverage",
        "cpuCoreUsageMax",
        "ramByteUsageMax",
        "gpuUsageMax",
    ];
    let found = numbers.map(|name| named(&row, name));
    assert_eq!(found, [Some(0.5), Some(1.0), Some(2.0), Some(3.0), None]);
    let [volume, odd] = row.volumes.as_slice() else {
        panic!("{:?}", row.volumes)
    };
    assert_eq!((volume.name(), volume.key.as_ref()), ("pvc-1", "cluster=c:name=pvc-1"));
    assert_eq!(
        (volume.byte_hours, volume.cost, volume.adjustment),
        (Some(4.0), Some(0.5), Some(-0.1))
    );
    assert_eq!(volume.provider_id, "vol-1");
    assert_eq!((odd.name(), odd.cost), ("odd", None));
    let [balancer] = row.load_balancers.as_slice() else {
        panic!("{:?}", row.load_balancers)
    };
    assert_eq!(balancer.key, "c/ns/s");
    assert_eq!((balancer.service.as_ref(), balancer.ip.as_ref()), ("ns/s", "10.0.0.1"));
    assert_eq!((balancer.cost, balancer.adjustment), (Some(0.25), Some(-0.05)));
    assert_eq!((balancer.private, balancer.hours), (Some(true), Some(24.0)));
    assert_eq!(row.services, ["a", "b"]);
    assert_eq!(
        (
            row.namespace_labels[0].1.as_ref(),
            row.namespace_annotations[0].1.as_ref()
        ),
        ("x", "y")
    );
}

#[test]
fn the_rows_own_gpu_averages_count_before_those_of_its_gpu() {
    for json in [
        r#"{"totalCost":1,"gpuUsageAverage":0.25,"gpuAllocation":{"gpuUsageAverage":0.5}}"#,
        r#"{"totalCost":1,"gpuAllocation":{"gpuUsageAverage":0.5},"gpuUsageAverage":0.25}"#,
    ] {
        assert_eq!(named(&row(json), "gpuUsageAverage"), Some(0.25), "{json}");
    }
}

#[test]
fn odd_objects_within_a_row_are_counted_and_refuse_nothing() {
    let mut parser = RowParser::new();
    let json = r#"{"totalCost":1,"gpuAllocation":{"isGPUShared":"maybe","gpuUsageAverage":"much","new":1},"rawAllocationOnly":[],
        "pvs":{"a":{"cost":{},"new":[1]},"b":7},"lbAllocations":"text","properties":{"services":{"a":1},"namespaceLabels":[]},
        "window":{"zone":"UTC"}}"#;
    let row = parser.parse("", json).unwrap();
    assert_eq!((row.gpu.shared, row.volumes.len(), row.services.len()), (None, 2, 0));
    let names: Vec<&str> = parser.unknown_fields().names().keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "gpuAllocation.gpuUsageAverage",
            "gpuAllocation.isGPUShared",
            "gpuAllocation.new",
            "lbAllocations",
            "properties.namespaceLabels",
            "properties.services",
            "pvs.*",
            "pvs.*.cost",
            "pvs.*.new",
            "rawAllocationOnly",
            "window.zone",
        ]
    );
}

#[test]
fn what_is_no_object_is_counted_and_null_is_not() {
    for (value, odd) in [
        ("7", 1),
        (r#""text""#, 1),
        ("[]", 1),
        ("null", 0),
        (r#""""#, 0),
        ("{}", 0),
    ] {
        for field in ["gpuAllocation", "rawAllocationOnly", "pvs", "lbAllocations"] {
            let json = format!(r#"{{"totalCost":1,"{field}":{value}}}"#);
            let mut parser = RowParser::new();
            parser.parse("", &json).unwrap();
            let names = parser.unknown_fields().names();
            assert_eq!(names.get(field).copied().unwrap_or(0), odd, "{json}");
        }
    }
}

#[test]
fn a_flag_that_is_null_in_any_spelling_is_missing_and_no_odd_value() {
    for (value, expected, odd) in [
        ("true", Some(true), 0),
        (r#""false""#, Some(false), 0),
        ("null", None, 0),
        (r#""""#, None, 0),
        (r#""None""#, None, 0),
        ("7", None, 1),
    ] {
        let json = format!(r#"{{"totalCost":1,"gpuAllocation":{{"isGPUShared":{value}}}}}"#);
        let mut parser = RowParser::new();
        assert_eq!(parser.parse("", &json).unwrap().gpu.shared, expected, "{value}");
        assert_eq!(parser.unknown_fields().total(), odd, "{value}");
    }
}

#[test]
fn rows_are_of_five_kinds() {
    for (name, properties, expected) in [
        ("c/n/ns/p/x", r#""container":"x","pod":"p","node":"n""#, "workload"),
        (
            "c/n/ns/__unallocated__/__unallocated__/p/x",
            r#""container":"x","node":"n""#,
            "workload",
        ),
        (
            "c/n/ns/p/my-unmounted-pvcs",
            r#""container":"my-unmounted-pvcs","node":"n""#,
            "workload",
        ),
        ("c/n/__idle__", r#""node":"n""#, "idle"),
        ("__idle__", "", "idle"),
        (
            "c//__unmounted__/__unmounted__/__unmounted__",
            r#""container":"__unmounted__""#,
            "unmounted",
        ),
        ("c//ns/ns-unmounted-pvcs/__unmounted__", "", "unmounted"),
        ("ns-unmounted-pvcs", r#""namespace":"ns""#, "unmounted"),
        ("", r#""container":"__unmounted__""#, "unmounted"),
        ("", r#""cluster":"c""#, "unallocated"),
        ("__unallocated__", "", "unallocated"),
        ("c/ns/__unallocated__", "", "unallocated"),
        ("__shared__", "", "shared"),
    ] {
        let json = format!(r#"{{"name":"{name}","totalCost":1,"properties":{{{properties}}}}}"#);
        let row = RowParser::new().parse(name, &json).unwrap().kind().as_str();
        assert_eq!(row, expected, "{name} {properties}");
    }
}

/// Of a field that a row has twice the later value counts, also if the object before was read as that of another row.
#[test]
fn labels_count_as_they_are_written_whatever_the_row_before_had() {
    let row = |properties: &str| format!(r#"{{"properties":{{{properties}}},"totalCost":1}}"#);
    let rows = [
        row(
            r#""labels":{"a":"1"},"annotations":{"a":"1"},"namespaceLabels":{"a":"1"},"namespaceAnnotations":{"a":"1"}"#,
        ),
        row(r#""labels":{"a":"2"},"annotations":{"a":"1"}"#),
        row(r#""labels":{"a":"2"},"labels":null"#),
        row(r#""labels":null,"labels":{"a":"2"}"#),
        row(r#""labels":{"a":"2"},"labels":{"a":"\n"}"#),
        row(r#""namespaceLabels":{"a":"2"},"namespaceLabels":7"#),
        row(""),
        row(r#""labels":{"a":"2"}},"properties":{"#),
    ];
    let mut parser = RowParser::new();
    for json in rows.iter().chain(rows.iter().rev()) {
        let found = parser.parse("a", json).unwrap();
        let expected: serde_json::Value = serde_json::from_str(json).unwrap();
        let fields = [
            ("labels", &found.labels),
            ("annotations", &found.annotations),
            ("namespaceLabels", &found.namespace_labels),
            ("namespaceAnnotations", &found.namespace_annotations),
        ];
        // The last row has its properties twice, which are read as one object.
        let is_twice = json.matches("\"properties\"").count() == 2;
        for (name, found) in fields.into_iter().filter(|_| !is_twice) {
            let expected: Vec<_> = expected["properties"][name].as_object().into_iter().flatten().collect();
            let found: Vec<_> = found
                .iter()
                .map(|(key, value)| (key.as_ref(), value.as_ref()))
                .collect();
            let expected: Vec<_> = expected
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str().unwrap()))
                .collect();
            assert_eq!(found, expected, "{name} of {json}");
        }
        assert!(!is_twice || found.labels[0].1 == "2", "{json}");
    }
}

#[test]
fn a_time_that_is_missing_is_none_in_the_first_row_too() {
    for nothing in ["null", r#""""#, r#""None""#] {
        let json = format!(
            r#"{{"window":{{"start":{nothing},"end":{nothing}}},"start":{nothing},"end":{nothing},"totalCost":1}}"#
        );
        let mut parser = RowParser::new();
        for _ in 0..2 {
            let row = parser.parse("a", &json).unwrap();
            assert_eq!(
                (row.window_start, row.window_end, row.start, row.end),
                (None, None, None, None),
                "{nothing}"
            );
            parser
                .parse(
                    "a",
                    r#"{"start":"2026-11-20T00:00:00Z","end":"2026-11-21T00:00:00Z","totalCost":1}"#,
                )
                .unwrap();
        }
    }
}
