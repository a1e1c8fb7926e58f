//! Labels and annotations that must not leave the cluster.

use super::source::{Scripted, not_found, row, setup, text};

const DAY: &str = "2026-11-20";
const PROPERTIES: &str = r#""pod":"p","container":"c","namespace":"n","cluster":"x","labels":{"team":"blue","owner":"ann@example.com"},"namespaceLabels":{"owner":"bob@example.com"},"annotations":{"kubectl_kubernetes_io_last_applied_configuration":"{\"PASSWORD\":\"s3cret\"}","note":"kept"}"#;
const ASSETS: &str = r#"{"code":200,"data":[{"node":{"type":"Node","properties":{"name":"n1"},"labels":{"label_owner":"cid@example.com","label_zone":"a"},"minutes":1440}}]}"#;

async fn kubecost() -> Scripted {
    Scripted::serve(|asked| match asked.path.as_str() {
        "/model/allocation" => text(
            200,
            format!(r#"{{"code":200,"data":[{{{}}}]}}"#, row(DAY, "a", PROPERTIES)),
        ),
        "/model/assets" => text(200, ASSETS),
        _ => not_found(),
    })
    .await
}

#[tokio::test]
async fn labels_and_annotations_that_must_not_leave_are_in_no_object() {
    let source = kubecost().await;
    let settings = [("SOURCE_KIND", "kubecost"), ("REDACTED_LABELS", "owner")];
    let setup = setup(&source.url, &settings).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    let manifest = setup.manifests().remove(0);
    for part in &manifest.parts {
        let stored = zstd::decode_all(&setup.bucket.get(&part.key).unwrap().content[..]).unwrap();
        assert_eq!(part.raw_bytes, stored.len() as u64);
        let stored = String::from_utf8(stored).unwrap();
        assert!(
            !stored.contains("example.com") && !stored.contains("s3cret"),
            "{stored}"
        );
        assert!(serde_json::from_str::<serde_json::Value>(&stored).is_ok());
    }
    let [allocation, assets] = &manifest.parts[..] else {
        panic!("{manifest:?}");
    };
    assert_eq!(allocation.redacted.labels["owner"], 2);
    assert_eq!(
        allocation.redacted.annotations["kubectl_kubernetes_io_last_applied_configuration"],
        1
    );
    assert_eq!(assets.redacted.labels["label_owner"], 1);
    let keys = setup.bucket.keys("staging/");
    let manifest = keys.iter().find(|key| key.ends_with("manifest.json")).unwrap();
    let manifest = String::from_utf8(setup.bucket.get(manifest).unwrap().content.to_vec()).unwrap();
    assert!(
        !manifest.contains("example.com") && !manifest.contains("s3cret"),
        "{manifest}"
    );
}

#[tokio::test]
async fn by_default_only_the_last_applied_configuration_is_removed() {
    let source = kubecost().await;
    let setup = setup(&source.url, &[("SOURCE_KIND", "kubecost")]).await;
    assert!(setup.collect(&[DAY]).await.is_success());
    let manifest = setup.manifests().remove(0);
    let stored = |index: usize| {
        let content = setup.bucket.get(&manifest.parts[index].key).unwrap().content;
        String::from_utf8(zstd::decode_all(&content[..]).unwrap()).unwrap()
    };
    assert_eq!(stored(1), ASSETS);
    assert!(stored(0).contains("ann@example.com") && stored(0).contains(r#""annotations":{"note":"kept"}"#));
    assert!(!stored(0).contains("s3cret"));
}
