use proptest::prelude::*;

use super::*;

#[test]
fn of_a_key_given_twice_the_later_value_counts() {
    let Texts::Pairs(pairs) = serde_json::from_str(r#"{"b":"1","a":"2","b":"3"}"#).unwrap() else {
        panic!()
    };
    assert_eq!(
        pairs[..],
        [("a".into(), "2".into()), ("b".into(), "3".into())] as [(Cow<'_, str>, Cow<'_, str>); 2]
    );
    let Texts::Pairs(pairs) = serde_json::from_str(r#"{"a":"1","a":"2"}"#).unwrap() else {
        panic!()
    };
    assert_eq!(pairs.len(), 1);
}

proptest! {
    #[test]
    fn texts_are_ordered_by_their_bytes(one in "[a-cé]{0,10}", other in "[a-cé]{0,10}", common in "[a-z]{0,9}") {
        for (one, other) in [(one.clone(), other.clone()), (common.clone() + &one, common + &other)] {
            prop_assert_eq!(is_before(&one, &other), one < other);
            prop_assert!(!is_before(&one, &one));
        }
    }
}
