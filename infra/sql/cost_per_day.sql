-- What did each day cost, by cluster, namespace, team and kind of row?
-- Sum it up as needed: the other questions about costs over time are sums of this one.
SELECT
  day,
  currency,
  cluster_id,
  row_kind,
  namespace,
  coalesce(nullif(element_at(labels, 'team'), ''), nullif(element_at(namespace_labels, 'team'), ''), '') AS team,
  sum(total_cost) AS cost
FROM costs
GROUP BY 1, 2, 3, 4, 5, 6
ORDER BY 1, 2, 3, 4, 5, 6
