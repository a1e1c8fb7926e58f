-- What does each team cost, with the idle costs of each cluster distributed over its teams by their own costs?
-- Change 'team' to the label that names your teams. The rows add up to the total. Costs without the label have an empty team, and so have the
-- idle costs of a cluster without any other costs.
WITH teams AS (
  SELECT
    currency,
    cluster_id,
    coalesce(nullif(element_at(labels, 'team'), ''), nullif(element_at(namespace_labels, 'team'), ''), '') AS team,
    sum(CASE WHEN row_kind = 'idle' THEN 0 ELSE total_cost END) AS own,
    sum(CASE WHEN row_kind = 'idle' THEN total_cost ELSE 0 END) AS idle
  FROM costs
  GROUP BY 1, 2, 3
),
weighted AS (
  SELECT
    currency,
    team,
    own,
    idle,
    CASE WHEN own > 0 THEN own ELSE 0 END AS weight,
    sum(CASE WHEN own > 0 THEN own ELSE 0 END) OVER (PARTITION BY currency, cluster_id) AS weights,
    sum(idle) OVER (PARTITION BY currency, cluster_id) AS idle_of_cluster
  FROM teams
)
SELECT
  currency,
  team,
  sum(own) AS own_cost,
  sum(CASE WHEN weights > 0 THEN idle_of_cluster * weight / weights ELSE idle END) AS idle_cost,
  sum(own) + sum(CASE WHEN weights > 0 THEN idle_of_cluster * weight / weights ELSE idle END) AS cost
FROM weighted
GROUP BY 1, 2
ORDER BY 5 DESC, 1, 2
