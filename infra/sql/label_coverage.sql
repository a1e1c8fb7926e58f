-- How much of the costs has no team, and in which namespaces? Idle costs are left out: they never have labels.
-- Change 'team' to the label that names your teams.
SELECT
  currency,
  cluster_id,
  namespace,
  sum(total_cost) AS cost,
  sum(CASE WHEN coalesce(nullif(element_at(labels, 'team'), ''), nullif(element_at(namespace_labels, 'team'), ''), '') = '' THEN total_cost ELSE 0 END)
    AS cost_without_team
FROM costs
WHERE row_kind <> 'idle'
GROUP BY 1, 2, 3
ORDER BY 5 DESC, 1, 2, 3
